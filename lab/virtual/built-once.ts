/** Something compiled that is kept in the cache: built by who needs it first, while the others wait. */
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../paths.ts';
import { buildLock } from './build-lock.ts';
import type { FetchOptions } from './image.ts';
import type { ImageProgress } from './image-cache.ts';

/**
 * Gives `path`, a file in `folder`; where it is not there, `build` makes it in a temporary folder and gives its place. What
 * is left of a build that failed is removed.
 */
export async function builtOnce(
  { folder, path }: { folder: string; path: string },
  options: FetchOptions,
  build: (temporary: string, report: (event: ImageProgress) => void) => Promise<string>,
): Promise<string> {
  if (await exists(path)) return path;
  const report = options.progress ?? ((): undefined => undefined);
  makeFolder(folder);
  await using _lock = await buildLock(report, options.signal);
  // Somebody else may have built it while this one waited.
  if (await exists(path)) return path;
  const temporary = await mkdtemp(join(folder, '.build-'));
  try {
    const made = await build(temporary, report);
    await mkdir(dirname(path), { recursive: true });
    await rename(made, path);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return path;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
