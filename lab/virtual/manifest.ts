/** What a built board image is, as recorded in its `manifest.json`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LabError, messageOf } from '../errors.ts';

const file = z.string().regex(/^[a-z0-9.-]+$/);

const MANIFEST = z.object({
  /** Name of the kind of board it is for. */
  kind: z.string().default('virtual'),
  /** Hash of recipe and package versions; name of the folder. */
  key: z.string(),
  /** Hash of the recipe alone: what the cache is looked up by. */
  recipe: z.string(),
  kernel: file,
  initrd: file,
  root: file,
  dataTemplate: file,
  kernelRelease: z.string(),
  packages: z.record(z.string(), z.string()),
  /** Bytes by file. */
  sizes: z.record(z.string(), z.number()),
  modules: z.array(z.string()),
  builtAt: z.string(),
});

export type Manifest = z.output<typeof MANIFEST>;

/** A built image; the paths are absolute. */
export interface BoardImage extends Manifest {
  dir: string;
  /** For x86 as an ELF with a PVH entry, for arm64 as an Image. */
  kernel: string;
  initrd: string;
  /** Read-only root (squashfs, lz4). */
  root: string;
  /** Empty data disk (qcow2, ext4), copied for each board. */
  dataTemplate: string;
}

export const MANIFEST_FILE = 'manifest.json';

/** The image in a folder, or null when there is none. Throws LabError when its manifest or one of its files is damaged. */
export async function readImage(dir: string): Promise<BoardImage | null> {
  const path = join(dir, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (/ENOENT|ENOTDIR/.test(messageOf(error))) return null;
    throw error;
  }
  const parsed = MANIFEST.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new LabError(`${path} is damaged: ${z.prettifyError(parsed.error)}`, {
      code: 'bad-image',
      hint: 'hil image clean',
    });
  }
  const manifest = parsed.data;
  return {
    ...manifest,
    dir,
    kernel: join(dir, manifest.kernel),
    initrd: join(dir, manifest.initrd),
    root: join(dir, manifest.root),
    dataTemplate: join(dir, manifest.dataTemplate),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
