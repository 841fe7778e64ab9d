/** The tree of files that becomes the root of a board: laid out, unpacked into, and finished. */
import { chmod, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runTool } from '../program.ts';
import type { DebFile } from './apt.ts';
import type { Recipe } from './recipe.ts';

export const ROOTFS = join(import.meta.dirname, 'rootfs');

export interface Unpacking {
  recipe: Recipe;
  /** Where the packages lie. */
  debFolder: string;
  signal?: AbortSignal | undefined;
}

/** The merged layout of Debian 12: /bin and its like are links into /usr. */
export async function layOut(root: string): Promise<void> {
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

/** Unpacks packages into a folder that is laid out. */
export async function unpack(job: Unpacking, debs: readonly DebFile[], root: string): Promise<void> {
  const options = ['-x', '--keep-directory-symlink', '--no-same-owner', '--no-same-permissions', '-C', root];
  const excludes = job.recipe.exclude.map((pattern) => `--exclude=${pattern}`);
  const one = async (deb: DebFile): Promise<void> => {
    const members = job.recipe.only[deb.name] ?? [];
    // The pipe runs in bash for its pipefail.
    const script = 'set -o pipefail; deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar "$@"';
    const args = ['-c', script, 'unpack', join(job.debFolder, deb.file), ...options, ...excludes, ...members];
    await runTool('bash', args, { step: `unpacking ${deb.file}`, signal: job.signal });
  };
  // The kernel takes as long as all the others.
  const queue = [...debs].sort((a, b) => b.bytes - a.bytes);
  const worker = async (): Promise<void> => {
    for (let deb = queue.shift(); deb !== undefined; deb = queue.shift()) await one(deb);
  };
  await Promise.all([worker(), worker()]);
}

/** The files of the project, BusyBox in place of missing tools, and links that maintainer scripts would make. */
export async function finishRoot(recipe: Recipe, root: string, applets: readonly string[]): Promise<void> {
  for (const folder of recipe.rootfs) {
    await cp(join(ROOTFS, folder), root, { recursive: true, force: true });
  }
  for (const script of ['etc/init.d/rcS', 'etc/init.d/rcK', 'etc/init.d/late', 'etc/udhcpc/default.script']) {
    await chmod(join(root, script), 0o755);
  }
  const inittab = join(root, 'etc/inittab');
  await writeFile(inittab, (await readFile(inittab, 'utf8')).replaceAll('@CONSOLE@', recipe.console));
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
  await symlink(recipe.shell, join(root, 'usr/bin/sh'));
  const present = new Set([
    ...(await readdir(join(root, 'usr/bin'))),
    ...(await readdir(join(root, 'usr/sbin'))),
  ]);
  for (const applet of applets) {
    if (present.has(applet)) continue;
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
  'modprobe',
  'syslogd',
]);
