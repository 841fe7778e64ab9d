/** The board image: built once from Debian's packages, then taken from the cache. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readlink, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { abortReason, LabError, messageOf } from '../errors.ts';
import { cacheDir, makeFolder } from '../paths.ts';
import { type DebFile, type PrivateApt, privateApt } from './apt.ts';
import { buildImage, recipeHash } from './build.ts';
import { type BoardImage, readImage } from './manifest.ts';
import { HOST_TOOLS, RECIPE } from './recipe.ts';
import { requireTools } from './tools.ts';

export type { BoardImage } from './manifest.ts';

export interface ImageProgress {
  step: string;
  detail?: string;
  /** 0 to 1 where the step knows its end. */
  fraction?: number;
}

export interface EnsureOptions {
  progress?: (event: ImageProgress) => void;
  signal?: AbortSignal;
  /** Ask Debian for newer versions and rebuild when there are; needs the network. */
  refresh?: boolean;
}

/** What a build takes on disk at its height. */
const NEEDED_BYTES = 900 * 1024 * 1024;
/** Package lists younger than this are not fetched again unless asked. */
const LISTS_FRESH_MS = 24 * 3600 * 1000;

const KEPT_IMAGES = 4;

const imagesDir = (): string => join(cacheDir(), 'images');
/** Where downloaded packages lie. */
export const debsDir = (): string => join(cacheDir(), 'debs');
const aptDir = (): string => join(cacheDir(), 'apt');

/** The image of the present recipe, or null when it has not been built. Needs no network. */
export async function imageInfo(): Promise<BoardImage | null> {
  return await cached(await recipeHash());
}

/**
 * The image of the present recipe, built when it is not in the cache. Builders wait for each other; an interrupted
 * build leaves nothing. Throws ConfigError when a program is missing, LabError when fetching or a step fails.
 */
export async function ensureImage(options: EnsureOptions = {}): Promise<BoardImage> {
  const recipe = await recipeHash();
  const present = await cached(recipe);
  if (present !== null && options.refresh !== true) return present;
  const report = options.progress ?? ((): undefined => undefined);
  report({ step: 'looking for programs' });
  await requireTools(Object.keys(HOST_TOOLS) as (keyof typeof HOST_TOOLS)[], 'building the board image');
  makeFolder(imagesDir());
  await requireSpace();
  await using _lock = await buildLock(report, options.signal);
  // Somebody else may have built it while this one waited.
  const built = await cached(recipe);
  if (built !== null && options.refresh !== true) return built;
  return await build(recipe, report, options);
}

/** Deletes all images and downloaded packages; boards that are on keep running but cannot be started again. */
export async function cleanImages(): Promise<{ freedBytes: number }> {
  let freedBytes = 0;
  for (const dir of [imagesDir(), debsDir(), aptDir(), join(cacheDir(), 'modules')]) {
    freedBytes += await sizeOf(dir);
    await rm(dir, { recursive: true, force: true });
  }
  return { freedBytes };
}

async function build(
  recipe: string,
  report: (event: ImageProgress) => void,
  options: EnsureOptions,
): Promise<BoardImage> {
  const { signal } = options;
  const apt = await freshApt(report, options);
  report({ step: 'resolving packages' });
  const debs = await resolve(apt, signal);
  const key = imageKey(recipe, debs);
  const dir = join(imagesDir(), key);
  const same = await readImage(dir);
  if (same === null) {
    const total = debs.reduce((sum, deb) => sum + deb.bytes, 0);
    const size = `${debs.length} packages, ${Math.round(total / 1e6)} MB`;
    report({ step: 'downloading packages', detail: size, fraction: 0 });
    const onBytes = (bytes: number): void =>
      report({ step: 'downloading packages', detail: size, fraction: Math.min(1, bytes / total) });
    await apt.download(debs, debsDir(), onBytes, signal);
    await buildInto(dir, { key, recipe, debs, debFolder: debsDir(), signal }, report);
    await forgetDebs(debs);
  }
  await point(recipe, key);
  await forgetImages();
  const image = await readImage(dir);
  if (image === null) throw new LabError(`the image just built is gone: ${dir}`, { code: 'bad-image' });
  return image;
}

async function buildInto(
  dir: string,
  job: Omit<Parameters<typeof buildImage>[0], 'dir' | 'step'>,
  report: (event: ImageProgress) => void,
): Promise<void> {
  await removeLeftovers(report);
  const temporary = await mkdtemp(join(imagesDir(), '.build-'));
  try {
    await buildImage({
      ...job,
      dir: temporary,
      step: (step, detail) => report(detail === undefined ? { step } : { step, detail }),
    });
    await rm(dir, { recursive: true, force: true });
    await rename(temporary, dir);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The private apt of the recipe's release, with package lists that will do. */
export async function freshApt(
  report: (event: ImageProgress) => void,
  options: EnsureOptions,
): Promise<PrivateApt> {
  const apt = await privateApt(aptDir(), RECIPE.release, RECIPE.architecture);
  await lists(apt, report, options);
  return apt;
}

/** Fetches the package lists unless those at hand will do. */
async function lists(
  apt: PrivateApt,
  report: (event: ImageProgress) => void,
  options: EnsureOptions,
): Promise<void> {
  const stamp = await newestList();
  const young = stamp !== null && Date.now() - stamp < LISTS_FRESH_MS;
  if (young && options.refresh !== true) return;
  report({ step: 'package lists' });
  try {
    await apt.update(options.signal);
  } catch (error) {
    if (options.signal?.aborted) throw abortReason(options.signal);
    if (stamp === null || options.refresh === true) throw error;
    report({ step: 'package lists', detail: `cannot be fetched, using those at hand: ${messageOf(error)}` });
  }
}

async function newestList(): Promise<number | null> {
  const folder = join(aptDir(), 'lists');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.includes('InRelease'));
  const times = await Promise.all(names.map((name) => stat(join(folder, name)).then((info) => info.ctimeMs)));
  // Three suites make a complete set.
  return times.length < 3 ? null : Math.min(...times);
}

async function resolve(apt: PrivateApt, signal: AbortSignal | undefined): Promise<DebFile[]> {
  const all = await apt.resolve([RECIPE.kernel, ...RECIPE.packages], signal);
  const skip = new Set<string>(RECIPE.skip);
  // The package that names the kernel holds nothing itself.
  const debs = all.filter((deb) => !skip.has(deb.name) && deb.name !== RECIPE.kernel);
  if (!debs.some((deb) => deb.name.startsWith('linux-image-'))) {
    throw new LabError(`resolving packages: no kernel among ${debs.length} packages`, { code: 'bad-lists' });
  }
  return debs;
}

function imageKey(recipe: string, debs: readonly DebFile[]): string {
  const versions = debs.map((deb) => `${deb.name}=${deb.version}`).sort();
  return createHash('sha256').update(recipe).update(versions.join('\n')).digest('hex').slice(0, 16);
}

const pointer = (recipe: string): string => join(imagesDir(), `recipe-${recipe}`);

async function cached(recipe: string): Promise<BoardImage | null> {
  const key = await readlink(pointer(recipe)).catch(() => null);
  return key === null ? null : await readImage(join(imagesDir(), key));
}

async function point(recipe: string, key: string): Promise<void> {
  const temporary = `${pointer(recipe)}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(key, temporary);
  await rename(temporary, pointer(recipe));
}

/** Holds the build lock until disposed of. The kernel frees it when this process dies, however it dies. */
export async function buildLock(
  report: (event: ImageProgress) => void,
  signal: AbortSignal | undefined,
): Promise<AsyncDisposable> {
  makeFolder(imagesDir());
  const path = join(imagesDir(), '.lock');
  // `cat` ends with the pipe, so with this process; and the lock with `cat`.
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const held = Promise.withResolvers<void>();
  const failed = (what: string): void => held.reject(new LabError(`cannot lock ${path}: ${what}`));
  holder.once('error', (error) => failed(messageOf(error)));
  holder.once('exit', (code) => failed(`flock exit ${code}`));
  holder.stdout.once('data', () => held.resolve());
  const release = async (): Promise<void> => {
    const gone = new Promise((done) => holder.once('close', done));
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    holder.kill();
    holder.stdin.destroy();
    await gone;
  };
  const waiting = setTimeout(() => report({ step: 'waiting for another builder' }), 500);
  const onAbort = (): void => {
    if (signal !== undefined) held.reject(abortReason(signal));
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await held.promise;
  } catch (error) {
    await release();
    throw error;
  } finally {
    clearTimeout(waiting);
    signal?.removeEventListener('abort', onAbort);
  }
  return { [Symbol.asyncDispose]: release };
}

async function requireSpace(): Promise<void> {
  const { bavail, bsize } = await statfs(imagesDir());
  const free = bavail * bsize;
  if (free >= NEEDED_BYTES) return;
  const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  throw new LabError(
    `building the board image takes ${mb(NEEDED_BYTES)} in ${imagesDir()}, ${mb(free)} are free`,
    {
      code: 'no-space',
      hint: 'free some space, or move the cache with HIL_CACHE_DIR',
    },
  );
}

/**
 * Folders of builders that were killed; the lock is held, so none is at work. What such a builder had started may still
 * write for some seconds: what can't be removed now is left to the next build.
 */
async function removeLeftovers(report: (event: ImageProgress) => void): Promise<void> {
  const names = (await readdir(imagesDir())).filter((name) => name.startsWith('.build-'));
  for (const name of names) {
    try {
      await rm(join(imagesDir(), name), { recursive: true, force: true });
    } catch (error) {
      report({ step: 'removing what an interrupted build left', detail: messageOf(error) });
    }
  }
}

async function forgetDebs(keep: readonly DebFile[]): Promise<void> {
  const files = new Set(keep.map((deb) => deb.file));
  for (const name of await readdir(debsDir())) {
    if (!files.has(name)) await rm(join(debsDir(), name), { force: true });
  }
}

/** Keeps the newest images, for other checkouts that share the cache. A board that is on keeps its open files. */
async function forgetImages(): Promise<void> {
  const entries = await readdir(imagesDir(), { withFileTypes: true });
  const dated = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(async ({ name }) => ({ name, builtMs: (await stat(join(imagesDir(), name))).mtimeMs }));
  const old = (await Promise.all(dated)).sort((a, b) => b.builtMs - a.builtMs).slice(KEPT_IMAGES);
  for (const { name } of old) await rm(join(imagesDir(), name), { recursive: true, force: true });
  for (const { name } of entries.filter((entry) => entry.isSymbolicLink())) {
    const target = await readlink(join(imagesDir(), name));
    if (old.some((image) => image.name === target)) await rm(join(imagesDir(), name), { force: true });
  }
}

async function sizeOf(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry) =>
    entry.isFile()
      ? await stat(join(entry.parentPath, entry.name)).then(
          (info) => info.blocks * 512,
          () => 0,
        )
      : 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
