/** The board image: built once from Debian's packages, then taken from the cache. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { abortReason, LabError, messageOf } from '../errors.ts';
import { makeFolder } from '../paths.ts';
import { type DebFile, type PrivateApt, privateApt } from './apt.ts';
import { type BuildJob, buildImage, hashOf } from './build.ts';
import { buildLock } from './build-lock.ts';
import { hostLayout } from './host.ts';
import { aptDir, cached, debsDir, forgetOld, type ImageProgress, imagesDir, point } from './image-cache.ts';
import { type BoardKind, DEFAULT_KIND, kindOf } from './kinds.ts';
import { type BoardImage, readImage } from './manifest.ts';
import { HOST_TOOLS, type Recipe, SHARED } from './recipe.ts';
import { requireTools } from './tools.ts';

export type { BoardImage } from './manifest.ts';

export interface FetchOptions {
  progress?: (event: ImageProgress) => void;
  signal?: AbortSignal;
  /** Ask Debian for newer versions and rebuild when there are; needs the network. */
  refresh?: boolean;
}

export interface EnsureOptions extends FetchOptions {
  /** Name of a kind of virtual board. */
  kind?: string;
}

/** What a build takes on disk at its height. */
const NEEDED_BYTES = 900 * 1024 * 1024;
/** Package lists younger than this are not fetched again unless asked. */
const LISTS_FRESH_MS = 24 * 3600 * 1000;

/** The image of a kind's present recipe, or null when it has not been built. Needs no network. */
export async function imageInfo(kind = DEFAULT_KIND): Promise<BoardImage | null> {
  return await cached(await hashOf(kindOf(kind).recipe));
}

/**
 * The image of a kind's present recipe, built when it is not in the cache. Builders wait for each other; an interrupted
 * build leaves nothing. Throws ConfigError when a program is missing, LabError when fetching or a step fails.
 */
export async function ensureImage(options: EnsureOptions = {}): Promise<BoardImage> {
  const kind = kindOf(options.kind ?? DEFAULT_KIND);
  const hash = await hashOf(kind.recipe);
  const present = await cached(hash);
  if (present !== null && options.refresh !== true) return present;
  const report = options.progress ?? ((): undefined => undefined);
  report({ step: 'looking for programs' });
  await requireTools(Object.keys(HOST_TOOLS) as (keyof typeof HOST_TOOLS)[], 'building the board image');
  makeFolder(imagesDir());
  await requireSpace();
  await using _lock = await buildLock(report, options.signal);
  // Somebody else may have built it while this one waited.
  const built = await cached(hash);
  if (built !== null && options.refresh !== true) return built;
  return await build(kind, hash, report, options);
}

async function build(
  { name, recipe }: BoardKind,
  recipeHash: string,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<BoardImage> {
  const { signal } = options;
  const apt = await freshApt(recipe.architecture, report, options);
  report({ step: 'resolving packages' });
  const debs = await resolve(apt, recipe, signal);
  const key = imageKey(recipeHash, debs);
  const dir = join(imagesDir(), key);
  const same = await readImage(dir);
  if (same === null) {
    await downloadDebs(apt, debs, report, signal);
    const tools = await fetchTools(recipe, apt, report, options);
    const job = { kind: name, recipe, recipeHash, key, debs, tools, debFolder: debsDir(), signal };
    await buildInto(dir, job, report);
  }
  await point(recipeHash, key);
  await forgetOld();
  const image = await readImage(dir);
  if (image === null) throw new LabError(`the image just built is gone: ${dir}`, { code: 'bad-image' });
  return image;
}

/** Downloads packages into the cache, telling how far it is. */
export async function downloadDebs(
  apt: PrivateApt,
  debs: readonly DebFile[],
  report: (event: ImageProgress) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const total = debs.reduce((sum, deb) => sum + deb.bytes, 0);
  const detail = `${debs.length} packages, ${Math.round(total / 1e6)} MB`;
  report({ step: 'downloading packages', detail, fraction: 0 });
  const onBytes = (bytes: number): void =>
    report({ step: 'downloading packages', detail, fraction: Math.min(1, bytes / total) });
  await apt.download(debs, debsDir(), onBytes, signal);
}

/** kmod and BusyBox that run on this machine, where the board has none of its own that do. */
async function fetchTools(
  recipe: Recipe,
  own: PrivateApt,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<DebFile[]> {
  const { architecture } = hostLayout();
  const native = recipe.architecture === architecture;
  if (native && recipe.packages.includes('kmod')) return [];
  const apt = native ? own : await freshApt(architecture, report, options);
  const busybox = recipe.packages.filter((name) => name.startsWith('busybox'));
  const debs = await apt.resolve(['kmod', ...busybox], options.signal);
  await downloadDebs(apt, debs, report, options.signal);
  return debs;
}

async function buildInto(
  dir: string,
  job: Omit<BuildJob, 'dir' | 'step'>,
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

/** The private apt for an architecture, with package lists that will do. */
export async function freshApt(
  architecture: Recipe['architecture'],
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<PrivateApt> {
  const apt = await privateApt(aptDir(architecture), SHARED.release, architecture);
  await lists(apt, aptDir(architecture), report, options);
  return apt;
}

/** Fetches the package lists unless those at hand will do. */
async function lists(
  apt: PrivateApt,
  folder: string,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<void> {
  const stamp = await newestList(join(folder, 'lists'));
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

async function newestList(folder: string): Promise<number | null> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.includes('InRelease'));
  const times = await Promise.all(names.map((name) => stat(join(folder, name)).then((info) => info.ctimeMs)));
  // Three suites make a complete set.
  return times.length < 3 ? null : Math.min(...times);
}

async function resolve(apt: PrivateApt, recipe: Recipe, signal: AbortSignal | undefined): Promise<DebFile[]> {
  const all = await apt.resolve([recipe.kernel, ...recipe.packages], signal);
  const skip = new Set<string>(recipe.skip);
  // The package that names the kernel holds nothing itself.
  const debs = all.filter((deb) => !skip.has(deb.name) && deb.name !== recipe.kernel);
  if (!debs.some((deb) => deb.name.startsWith('linux-image-'))) {
    throw new LabError(`resolving packages: no kernel among ${debs.length} packages`, { code: 'bad-lists' });
  }
  return debs;
}

function imageKey(recipe: string, debs: readonly DebFile[]): string {
  const versions = debs.map((deb) => `${deb.name}=${deb.version}`).sort();
  return createHash('sha256').update(recipe).update(versions.join('\n')).digest('hex').slice(0, 16);
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
