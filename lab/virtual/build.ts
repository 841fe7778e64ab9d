/** Builds a board image in a folder from downloaded packages: unpacked, pruned, packed. Needs no root. */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LabError } from '../errors.ts';
import { runTool } from '../program.ts';
import type { DebFile } from './apt.ts';
import { type CpioEntry, cpio } from './cpio.ts';
import { MANIFEST_FILE, type Manifest } from './manifest.ts';
import { closure, indexModules, loadOrder, type ModuleIndex } from './modules.ts';
import { RECIPE } from './recipe.ts';
import { isElf, payloadOf, withoutZeroTails } from './vmlinux.ts';

export const ROOTFS = join(import.meta.dirname, 'rootfs');
export const INITRD = join(import.meta.dirname, 'initrd');

export interface BuildJob {
  /** Empty folder that becomes the image. */
  dir: string;
  key: string;
  recipe: string;
  debs: readonly DebFile[];
  /** Where the packages lie. */
  debFolder: string;
  step: (step: string, detail?: string) => void;
  signal?: AbortSignal | undefined;
}

/** Unpacks, prunes and packs; the folder then holds a complete image with its manifest. */
export async function buildImage(job: BuildJob): Promise<void> {
  const root = join(job.dir, 'rootfs');
  job.step('unpacking packages', `${job.debs.length} packages`);
  await layOut(root);
  await unpack(job, root);
  const release = await kernelRelease(root);

  job.step('choosing kernel modules', release);
  await depmod(job, root, release);
  const index = await readIndex(root, release);
  const kept = await prune(job, root, release, index);

  job.step('kernel', release);
  await extractKernel(job, join(root, 'boot', `vmlinuz-${release}`));
  await rm(join(root, 'boot'), { recursive: true });
  await writeInitrd(job, root, release, index);

  job.step('root file system');
  await finishRoot(job, root);
  const squash = [
    root,
    join(job.dir, 'root.sqsh'),
    '-all-root',
    '-comp',
    'lz4',
    '-noappend',
    '-quiet',
    '-no-progress',
  ];
  await runTool('mksquashfs', squash, { step: 'packing the root', signal: job.signal });
  await rm(root, { recursive: true });

  job.step('data disk');
  await dataDisk(job);
  await writeManifest(job, release, kept);
}

/** The merged layout of Debian 12: /bin and its like are links into /usr. */
async function layOut(root: string): Promise<void> {
  const folders = [
    'proc',
    'sys',
    'dev',
    'run',
    'tmp',
    'mnt',
    'root',
    'home',
    'var/lib/misc',
    'var/log',
    'var/tmp',
  ];
  for (const folder of [...folders, 'etc', 'usr/local/bin', 'usr/local/sbin', 'usr/local/lib']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  for (const folder of ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']) {
    await mkdir(join(root, 'usr', folder), { recursive: true });
    await symlink(`usr/${folder}`, join(root, folder));
  }
  await symlink('/run', join(root, 'var/run'));
}

async function unpack(job: BuildJob, root: string): Promise<void> {
  const options = ['-x', '--keep-directory-symlink', '--no-same-owner', '--no-same-permissions', '-C', root];
  const excludes = RECIPE.exclude.map((pattern) => `--exclude=${pattern}`);
  const one = async (deb: DebFile): Promise<void> => {
    const members = RECIPE.only[deb.name] ?? [];
    // The pipe runs in bash for its pipefail.
    const script = 'set -o pipefail; deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar "$@"';
    const args = ['-c', script, 'unpack', join(job.debFolder, deb.file), ...options, ...excludes, ...members];
    await runTool('bash', args, { step: `unpacking ${deb.file}`, signal: job.signal });
  };
  // The kernel takes as long as all the others.
  const queue = [...job.debs].sort((a, b) => b.bytes - a.bytes);
  const worker = async (): Promise<void> => {
    for (let deb = queue.shift(); deb !== undefined; deb = queue.shift()) await one(deb);
  };
  await Promise.all([worker(), worker()]);
}

async function kernelRelease(root: string): Promise<string> {
  const releases = await readdir(join(root, 'usr/lib/modules'));
  const [release] = releases;
  if (release === undefined || releases.length > 1) {
    throw new LabError(
      `the kernel package holds ${releases.length} kernels, wanted one: ${releases.join(', ')}`,
      {
        code: 'bad-image',
      },
    );
  }
  return release;
}

/** Runs the depmod of the image with its own C library, so that none need be installed on the lab machine. */
async function depmod(job: BuildJob, root: string, release: string): Promise<void> {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  const args = [
    '--argv0',
    'depmod',
    '--library-path',
    libraries,
    join(root, 'usr/bin/kmod'),
    '-b',
    root,
    release,
  ];
  await runTool(loader, args, { step: 'indexing kernel modules', signal: job.signal });
}

async function readIndex(root: string, release: string): Promise<ModuleIndex> {
  const folder = join(root, 'usr/lib/modules', release);
  const [dep, softdep] = await Promise.all(
    ['modules.dep', 'modules.softdep'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return indexModules(dep ?? '', softdep ?? '');
}

/** Deletes the modules that no board needs. Their files stay as they are signed, so loading them taints nothing. */
async function prune(job: BuildJob, root: string, release: string, index: ModuleIndex): Promise<string[]> {
  const wanted = closure(index, [...RECIPE.bootModules, ...RECIPE.modules]);
  if (wanted.unmatched.length > 0)
    job.step('choosing kernel modules', `not in this kernel: ${wanted.unmatched.join(' ')}`);
  const keep = new Set(wanted.names);
  const folder = join(root, 'usr/lib/modules', release);
  const doomed = [...index.paths]
    .filter(([name]) => !keep.has(name))
    .map(([, path]) => rm(join(folder, path)));
  await Promise.all(doomed);
  await depmod(job, root, release);
  return wanted.names;
}

async function extractKernel(job: BuildJob, vmlinuz: string): Promise<void> {
  const { payload, compression } = payloadOf(await readFile(vmlinuz));
  if (compression !== 'xz') {
    throw new LabError(`${vmlinuz} is not compressed with xz as Debian's kernels are`, { code: 'bad-image' });
  }
  const options = { step: 'unpacking the kernel', signal: job.signal, stdin: payload };
  const elf = await runTool('xz', ['--decompress', '--stdout', '--single-stream'], options);
  if (!isElf(elf)) throw new LabError(`${vmlinuz} does not hold an ELF kernel`, { code: 'bad-image' });
  await writeFile(join(job.dir, 'vmlinux'), withoutZeroTails(elf));
}

async function writeInitrd(job: BuildJob, root: string, release: string, index: ModuleIndex): Promise<void> {
  const modules = join(root, 'usr/lib/modules', release);
  const order = loadOrder(index, RECIPE.bootModules);
  const file = async (path: string, from: string, mode: number): Promise<CpioEntry> => {
    return { kind: 'file', path, mode, data: await readFile(from) };
  };
  const folders = ['bin', 'dev', 'proc', 'sys', 'lower', 'data', 'root', 'm'];
  const entries: CpioEntry[] = folders.map((path) => ({ kind: 'directory', path, mode: 0o755 }));
  entries.push(await file('bin/busybox', join(root, 'usr/bin/busybox'), 0o755));
  for (const applet of ['sh', 'mount', 'mkdir', 'insmod', 'switch_root']) {
    entries.push({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' });
  }
  for (const name of order)
    entries.push(await file(`m/${name}.ko`, join(modules, index.paths.get(name) ?? ''), 0o644));
  const list = order.map((name) => `/m/${name}.ko\n`).join('');
  entries.push({ kind: 'file', path: 'modules', mode: 0o644, data: Buffer.from(list) });
  entries.push(await file('init', join(INITRD, 'init'), 0o755));
  await writeFile(join(job.dir, 'initrd.cpio'), cpio(entries));
}

/** The files of the project, BusyBox in place of missing tools, and links that maintainer scripts would make. */
async function finishRoot(job: BuildJob, root: string): Promise<void> {
  await cp(ROOTFS, root, { recursive: true, force: true });
  for (const script of ['etc/init.d/rcS', 'etc/init.d/rcK', 'etc/init.d/late', 'etc/udhcpc/default.script']) {
    await chmod(join(root, script), 0o755);
  }
  await chmod(join(root, 'etc/shadow'), 0o600);
  await chmod(join(root, 'root'), 0o700);
  await chmod(join(root, 'tmp'), 0o1777);
  const links: Record<string, string> = {
    'etc/mtab': '/proc/mounts',
    'usr/lib/firmware/regulatory.db': 'regulatory.db-debian',
    'usr/lib/firmware/regulatory.db.p7s': 'regulatory.db.p7s-debian',
  };
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true });
    await symlink(target, join(root, path));
  }
  await rm(join(root, 'usr/bin/sh'), { force: true });
  await symlink('dash', join(root, 'usr/bin/sh'));
  const busybox = join(root, 'usr/bin/busybox');
  const applets = (
    await runTool(busybox, ['--list'], { step: 'listing BusyBox applets', signal: job.signal })
  ).toString();
  const present = new Set([
    ...(await readdir(join(root, 'usr/bin'))),
    ...(await readdir(join(root, 'usr/sbin'))),
  ]);
  for (const applet of applets.split('\n')) {
    if (applet === '' || present.has(applet)) continue;
    const folder = SYSTEM_APPLETS.has(applet) ? 'usr/sbin' : 'usr/bin';
    await symlink('/usr/bin/busybox', join(root, folder, applet));
  }
}

/** Applets that programs expect in /usr/sbin. */
const SYSTEM_APPLETS = new Set([
  'init',
  'getty',
  'reboot',
  'poweroff',
  'halt',
  'ifconfig',
  'route',
  'udhcpc',
  'mdev',
]);

async function dataDisk(job: BuildJob): Promise<void> {
  const raw = join(job.dir, 'data.ext4');
  const options = [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-E',
    'lazy_itable_init=1,lazy_journal_init=1',
    '-m',
    '0',
    '-L',
    'data',
  ];
  await runTool('mke2fs', [...options, raw, `${RECIPE.dataDiskMiB}M`], {
    step: 'data disk',
    signal: job.signal,
  });
  const convert = ['convert', '-f', 'raw', '-O', 'qcow2', raw, join(job.dir, 'data.qcow2')];
  await runTool('qemu-img', convert, { step: 'data disk', signal: job.signal });
  await rm(raw);
}

async function writeManifest(job: BuildJob, release: string, modules: string[]): Promise<void> {
  const files = { kernel: 'vmlinux', initrd: 'initrd.cpio', root: 'root.sqsh', dataTemplate: 'data.qcow2' };
  const sizes: Record<string, number> = {};
  for (const name of Object.values(files)) sizes[name] = (await stat(join(job.dir, name))).size;
  const manifest: Manifest = {
    key: job.key,
    recipe: job.recipe,
    ...files,
    kernelRelease: release,
    packages: Object.fromEntries(job.debs.map((deb) => [deb.name, deb.version])),
    sizes,
    modules,
    builtAt: new Date().toISOString(),
  };
  await writeFile(join(job.dir, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Hash of the recipe: its data, the files put into the image, and the code that builds it. */
export async function recipeHash(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(RECIPE));
  for (const folder of [ROOTFS, INITRD]) {
    const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const name of names) hash.update(`\0${name.slice(folder.length)}\0`).update(await readFile(name));
  }
  for (const code of ['build.ts', 'cpio.ts', 'modules.ts', 'vmlinux.ts']) {
    hash.update(await readFile(join(import.meta.dirname, code)));
  }
  return hash.digest('hex').slice(0, 16);
}
