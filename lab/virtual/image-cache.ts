/** Where board images and what they are built from lie, how an image is found by its recipe, and what is thrown away. */
import { readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../paths.ts';
import { nameAndVersion } from './apt.ts';
import { type BoardImage, readImage } from './manifest.ts';

export interface ImageProgress {
  step: string;
  detail?: string;
  /** 0 to 1 where the step knows its end. */
  fraction?: number;
}

/** Of each kind of board. */
const KEPT_IMAGES = 4;

export const imagesDir = (): string => join(cacheDir(), 'images');
/** Where downloaded packages lie. */
export const debsDir = (): string => join(cacheDir(), 'debs');
export const aptDir = (architecture: string): string => join(cacheDir(), 'apt', architecture);

/** Deletes all images and downloaded packages; boards that are on keep running but cannot be started again. */
export async function cleanImages(): Promise<{ freedBytes: number }> {
  let freedBytes = 0;
  for (const dir of [
    imagesDir(),
    debsDir(),
    join(cacheDir(), 'apt'),
    join(cacheDir(), 'modules'),
    join(cacheDir(), 'agents'),
  ]) {
    freedBytes += await sizeOf(dir);
    await rm(dir, { recursive: true, force: true });
  }
  return { freedBytes };
}

const pointer = (recipe: string): string => join(imagesDir(), `recipe-${recipe}`);

/** The image that was built last of the recipe with this hash; null when none was. */
export async function cached(recipe: string): Promise<BoardImage | null> {
  const key = await readlink(pointer(recipe)).catch(() => null);
  return key === null ? null : await readImage(join(imagesDir(), key));
}

/** Makes an image the one that `cached` finds. */
export async function point(recipe: string, key: string): Promise<void> {
  const temporary = `${pointer(recipe)}.${process.pid}`;
  await rm(temporary, { force: true });
  await symlink(key, temporary);
  await rename(temporary, pointer(recipe));
}

/** Deletes the packages that no image is made of, and all but the newest images of each kind, for other checkouts that share the cache. */
export async function forgetOld(): Promise<void> {
  const entries = await readdir(imagesDir(), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  const found = await Promise.all(
    folders.map(async ({ name }) => ({
      name,
      image: await readImage(join(imagesDir(), name)).catch(() => null),
      builtMs: (await stat(join(imagesDir(), name))).mtimeMs,
    })),
  );
  found.sort((a, b) => b.builtMs - a.builtMs);
  const old = found.filter(({ image }, index) => {
    const newer = found.slice(0, index).filter((other) => other.image?.kind === image?.kind);
    return newer.length >= KEPT_IMAGES;
  });
  // A board that is on keeps its open files.
  for (const { name } of old) await rm(join(imagesDir(), name), { recursive: true, force: true });
  for (const { name } of entries.filter((entry) => entry.isSymbolicLink())) {
    const target = await readlink(join(imagesDir(), name));
    if (old.some((image) => image.name === target)) await rm(join(imagesDir(), name), { force: true });
  }
  const kept = found.flatMap(({ image }) => Object.entries(image?.packages ?? {}));
  await forgetDebs(new Set(kept.map(([name, version]) => `${name}=${version}`)));
}

async function forgetDebs(kept: ReadonlySet<string>): Promise<void> {
  for (const file of await readdir(debsDir())) {
    const { name, version } = nameAndVersion(file);
    if (!kept.has(`${name}=${version}`)) await rm(join(debsDir(), file), { force: true });
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
