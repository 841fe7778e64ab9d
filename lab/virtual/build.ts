/** Builds a board image in a folder from downloaded packages: unpacked, pruned, packed. Needs no root. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../errors.ts';
import { runTool } from '../program.ts';
import type { DebFile } from './apt.ts';
import { type CpioEntry, cpio } from './cpio.ts';
import { hostLayout } from './host.ts';
import { MANIFEST_FILE, type Manifest } from './manifest.ts';
import { closure, indexModules, loadOrder, type ModuleIndex } from './modules.ts';
import type { Recipe } from './recipe.ts';
import { finishRoot, layOut, ROOTFS, type Unpacking, unpack } from './root-tree.ts';
import { isArm64Image, isElf, payloadOf, withoutZeroTails } from './vmlinux.ts';

const INITRD = join(import.meta.dirname, 'initrd');

export interface BuildJob extends Unpacking {
  /** Name of the kind of board. */
  kind: string;
  /** Empty folder that becomes the image. */
  dir: string;
  key: string;
  recipeHash: string;
  debs: readonly DebFile[];
  /** Packages of the lab machine's own architecture with kmod and BusyBox; empty where those of the board will do. */
  tools: readonly DebFile[];
  step: (step: string, detail?: string) => void;
}

/** A job with the folder whose kmod and BusyBox can be run here. */
interface Building extends BuildJob {
  toolRoot: string;
}

/** Unpacks, prunes and packs; the folder then holds a complete image with its manifest. */
export async function buildImage(given: BuildJob): Promise<void> {
  const root = join(given.dir, 'rootfs');
  given.step('unpacking packages', `${given.debs.length} packages`);
  await layOut(root);
  await unpack(given, given.debs, root);
  const job: Building = { ...given, toolRoot: await unpackTools(given, root) };
  const release = await kernelRelease(root);

  job.step('choosing kernel modules', release);
  await depmod(job, root, release);
  const index = await readIndex(root, release);
  const kept = await prune(job, root, release, index);

  job.step('kernel', release);
  await writeFile(join(job.dir, 'kernel'), await kernelOf(job, join(root, 'boot', `vmlinuz-${release}`)));
  await rm(join(root, 'boot'), { recursive: true });
  await writeInitrd(job, root, release, index);

  job.step('root file system');
  await finishRoot(job.recipe, root, await applets(job));
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
  for (const folder of new Set([root, job.toolRoot])) await rm(folder, { recursive: true });

  job.step('data disk');
  await dataDisk(job);
  await writeManifest(job, release, kept);
}

async function unpackTools(job: BuildJob, root: string): Promise<string> {
  if (job.tools.length === 0) return root;
  const toolRoot = join(job.dir, 'tools');
  await layOut(toolRoot);
  await unpack(job, job.tools, toolRoot);
  return toolRoot;
}

/**
 * Runs a program of the packages with their own C library, so that none need be installed on the lab machine. `name`: what
 * the program is called by; kmod and BusyBox are many in one.
 */
async function runPackaged(
  job: Building,
  [program, name]: readonly [string, string],
  args: readonly string[],
  step: string,
): Promise<Buffer> {
  const { loader, libraries } = hostLayout();
  const own = ['--argv0', name, '--library-path', join(job.toolRoot, libraries), join(job.toolRoot, program)];
  return await runTool(join(job.toolRoot, loader), [...own, ...args], { step, signal: job.signal });
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

async function depmod(job: Building, root: string, release: string): Promise<void> {
  await runPackaged(job, ['usr/bin/kmod', 'depmod'], ['-b', root, release], 'indexing kernel modules');
}

async function applets(job: Building): Promise<string[]> {
  const busybox = ['usr/bin/busybox', 'busybox'] as const;
  const list = await runPackaged(job, busybox, ['--list'], 'listing BusyBox applets');
  return list.toString().trim().split('\n');
}

async function readIndex(root: string, release: string): Promise<ModuleIndex> {
  const folder = join(root, 'usr/lib/modules', release);
  const [dep, softdep] = await Promise.all(
    ['modules.dep', 'modules.softdep'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return indexModules(dep ?? '', softdep ?? '');
}

/** Deletes the modules that no board needs. Their files stay as they are signed, so loading them taints nothing. */
async function prune(job: Building, root: string, release: string, index: ModuleIndex): Promise<string[]> {
  const wanted = closure(index, [...job.recipe.bootModules, ...job.recipe.modules]);
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

/** The kernel as the board's firmware, or QEMU in its place, takes it. */
async function kernelOf(job: BuildJob, vmlinuz: string): Promise<Buffer> {
  const packed = await readFile(vmlinuz);
  if (job.recipe.kernelFormat === 'arm64-image') {
    if (!isArm64Image(packed)) throw new LabError(`${vmlinuz} is no arm64 Image`, { code: 'bad-image' });
    return packed;
  }
  const { payload, compression } = payloadOf(packed);
  if (compression !== 'xz') {
    throw new LabError(`${vmlinuz} is not compressed with xz as Debian's kernels are`, { code: 'bad-image' });
  }
  const options = { step: 'unpacking the kernel', signal: job.signal, stdin: payload };
  const elf = await runTool('xz', ['--decompress', '--stdout', '--single-stream'], options);
  if (!isElf(elf)) throw new LabError(`${vmlinuz} does not hold an ELF kernel`, { code: 'bad-image' });
  return withoutZeroTails(elf);
}

async function writeInitrd(job: BuildJob, root: string, release: string, index: ModuleIndex): Promise<void> {
  const modules = join(root, 'usr/lib/modules', release);
  const order = loadOrder(index, job.recipe.bootModules);
  const file = async (path: string, from: string, mode: number): Promise<CpioEntry> => {
    return { kind: 'file', path, mode, data: await readFile(from) };
  };
  const own = [...new Set(job.recipe.initrdFiles.flatMap(foldersOf))];
  const folders = ['bin', 'dev', 'proc', 'sys', 'lower', 'data', 'root', 'm', ...own];
  const entries: CpioEntry[] = folders.map((path) => ({ kind: 'directory', path, mode: 0o755 }));
  entries.push(await file('bin/busybox', join(root, 'usr/bin/busybox'), 0o755));
  for (const applet of ['sh', 'mount', 'mkdir', 'insmod', 'switch_root']) {
    entries.push({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' });
  }
  for (const path of job.recipe.initrdFiles) entries.push(await file(path, join(root, path), 0o755));
  for (const name of order)
    entries.push(await file(`m/${name}.ko`, join(modules, index.paths.get(name) ?? ''), 0o644));
  const list = order.map((name) => `/m/${name}.ko\n`).join('');
  entries.push({ kind: 'file', path: 'modules', mode: 0o644, data: Buffer.from(list) });
  entries.push(await file('init', join(INITRD, 'init'), 0o755));
  await writeFile(join(job.dir, 'initrd.cpio'), cpio(entries));
}

/** `a/b` for `a/b/c`, after `a`. */
function foldersOf(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_name, index) => names.slice(0, index + 1).join('/'));
}

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
  await runTool('mke2fs', [...options, raw, `${job.recipe.dataDiskMiB}M`], {
    step: 'data disk',
    signal: job.signal,
  });
  const convert = ['convert', '-f', 'raw', '-O', 'qcow2', raw, join(job.dir, 'data.qcow2')];
  await runTool('qemu-img', convert, { step: 'data disk', signal: job.signal });
  await rm(raw);
}

async function writeManifest(job: BuildJob, release: string, modules: string[]): Promise<void> {
  const files = { kernel: 'kernel', initrd: 'initrd.cpio', root: 'root.sqsh', dataTemplate: 'data.qcow2' };
  const sizes: Record<string, number> = {};
  for (const name of Object.values(files)) sizes[name] = (await stat(join(job.dir, name))).size;
  const manifest: Manifest = {
    kind: job.kind,
    key: job.key,
    recipe: job.recipeHash,
    ...files,
    kernelRelease: release,
    packages: Object.fromEntries(job.debs.map((deb) => [deb.name, deb.version])),
    sizes,
    modules,
    builtAt: new Date().toISOString(),
  };
  await writeFile(join(job.dir, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Hash of a recipe: its data, the files put into the image, and the code that builds it. */
export async function hashOf(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(recipe));
  for (const folder of [...recipe.rootfs.map((name) => join(ROOTFS, name)), INITRD]) {
    const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const name of names) hash.update(`\0${name.slice(folder.length)}\0`).update(await readFile(name));
  }
  for (const code of ['build.ts', 'cpio.ts', 'modules.ts', 'root-tree.ts', 'vmlinux.ts']) {
    hash.update(await readFile(join(import.meta.dirname, code)));
  }
  return hash.digest('hex').slice(0, 16);
}
