/**
 * A bundle: what is put on a board as one thing - a folder laid out as the board's root, and a manifest with hashes. What is no
 * file of the root lies below `.hil`: a kernel to boot, packages to install, an image to flash.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { defined } from '../../defined.ts';
import { ConfigError, messageOf } from '../../errors.ts';
import { runTool } from '../../program.ts';
import { replaceFile } from '../../replace-file.ts';
import { PACKAGE_MANAGERS } from '../package-managers.ts';
import { type Arch, isElf, type ModuleFacts, moduleFacts, parseElf } from './elf.ts';
import { kernelFacts } from './kernel-image.ts';
import { packageFacts } from './package-file.ts';

export const MANIFEST = 'bundle.json';
/** Folder of what is no file of the board's root. */
export const PARTS = '.hil';
const ARCHES = ['x86_64', 'aarch64', 'arm', 'mips', 'riscv64', 'other'] as const satisfies readonly Arch[];

const BundleFile = z.strictObject({
  /** Where it goes on the board. */
  path: z.string().regex(/^\/(?!(?:.*\/)?\.\.(?:\/|$))[^\0\r\n]+$/, 'expected an absolute path without ..'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex'),
  size: z.int().nonnegative(),
  mode: z.int().min(0).max(0o7777),
  /** Of a kernel module. */
  module: z.strictObject({ name: z.string(), kernelRelease: z.string(), srcversion: z.string() }).optional(),
});
export type BundleFile = z.output<typeof BundleFile>;

/** What is not put on the board as a file of its root. */
const Part = z.strictObject({
  /** Where it is in the bundle. */
  path: z.string().regex(/^\.hil\/(?:[\w@+~:.-]+\/)?[\w@+~:-][\w@+~:.-]*$/, 'expected a path below .hil'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex'),
  size: z.int().nonnegative(),
});
export type Part = z.output<typeof Part>;

const Kernel = z.strictObject({
  image: Part,
  initrd: Part.optional(),
  dtb: Part.optional(),
  /** Kernel command line. */
  args: z.string(),
  /** `uname -r` and `uname -v` of it; null where the image does not tell. */
  release: z.string().nullable(),
  build: z.string().nullable(),
});
export type BundleKernel = z.output<typeof Kernel>;

const Package = z.strictObject({
  ...{ file: Part, manager: z.enum(PACKAGE_MANAGERS), name: z.string(), version: z.string() },
});

const Manifest = z.strictObject({
  format: z.literal(1),
  name: z.string().min(1),
  version: z.string(),
  /** Null: nothing in it is of one architecture. */
  arch: z.enum(ARCHES).nullable(),
  /** Kernel that its modules are for; null where it has none. */
  kernelRelease: z.string().nullable(),
  files: z.array(BundleFile),
  /** Booted by the boot loader, over the network. */
  kernel: Kernel.nullable().default(null),
  packages: z.array(Package).default([]),
  /** Of OpenWrt: replaces all that is on the board. */
  sysupgrade: Part.nullable().default(null),
});
export type Manifest = z.output<typeof Manifest>;

export interface Bundle extends Manifest {
  /** Folder that it is in. */
  dir: string;
  /** Of its manifest: what tells one bundle from another. */
  sha256: string;
}

/** Reads a bundle and compares every file with its hash. Throws ConfigError naming the file and what was expected. */
export async function openBundle(dir: string): Promise<Bundle> {
  const path = join(dir, MANIFEST);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError(`${dir} is no bundle: ${messageOf(cause)}`, {
      code: 'no-bundle',
      hint: `hil bundle create ${dir}`,
      cause,
    });
  });
  const manifest = parseManifest(path, text);
  for (const { path: target, sha256, size } of [...manifest.files, ...partsOf(manifest)]) {
    const content = await readFile(join(dir, target)).catch((cause: unknown) => {
      throw new ConfigError(`the bundle ${dir} lacks ${target}: ${messageOf(cause)}`, {
        code: 'torn-bundle',
        cause,
      });
    });
    if (content.length !== size || hashOf(content) !== sha256)
      throw new ConfigError(`${target} in the bundle ${dir} is not what its manifest says`, {
        code: 'torn-bundle',
        hint: `it was changed after the bundle was made: hil bundle create ${dir} makes it anew`,
      });
  }
  return { ...manifest, dir, sha256: hashOf(Buffer.from(text)) };
}

/** Makes the manifest of a folder laid out as the root of a board. Throws ConfigError for what can't be one bundle. */
export async function createBundle(dir: string, names: { name?: string; version?: string }): Promise<Bundle> {
  const files: BundleFile[] = [];
  const arches = new Set<Arch>();
  const kernels = new Set<string>();
  for (const path of await filesBelow(dir)) {
    const content = await readFile(join(dir, path));
    const facts = await factsOf(join(dir, path), content);
    if (facts.arch !== null) arches.add(facts.arch);
    if (facts.module) kernels.add(facts.module.kernelRelease);
    const { mode } = await stat(join(dir, path));
    const { module } = facts;
    files.push({
      ...{ path: `/${path}`, sha256: hashOf(content), size: content.length, mode: mode & 0o7777 },
      ...(module
        ? {
            module: { name: module.name, kernelRelease: module.kernelRelease, srcversion: module.srcversion },
          }
        : {}),
    });
  }
  const parts = await readParts(dir);
  for (const arch of parts.arches) arches.add(arch);
  const { kernel, packages, sysupgrade } = parts;
  if (files.length + packages.length === 0 && kernel === null && sysupgrade === null)
    throw new ConfigError(`there is no file below ${dir}`, {
      hint: 'lay it out as the root of the board: lib/modules/..., lib/firmware/...; hil bundle --help',
    });
  if (sysupgrade !== null && (files.length + packages.length > 0 || kernel !== null))
    throw new ConfigError(`${dir} has an image that replaces everything, and other parts besides`, {
      code: 'mixed-bundle',
      hint: 'flash the image by a bundle of its own, then deploy the rest',
    });
  if (kernel?.release) kernels.add(kernel.release);
  if (arches.size > 1)
    throw new ConfigError(`${dir} has parts of several architectures: ${[...arches].join(', ')}`, {
      code: 'mixed-bundle',
    });
  if (kernels.size > 1)
    throw new ConfigError(`${dir} has parts for several kernels: ${[...kernels].join(', ')}`, {
      code: 'mixed-bundle',
    });
  const [arch = null] = arches;
  const [kernelRelease = null] = kernels;
  const manifest: Manifest = {
    format: 1,
    name: names.name ?? basename(dir),
    version: names.version ?? '',
    arch,
    kernelRelease,
    files,
    ...{ kernel, packages, sysupgrade },
  };
  const path = join(dir, MANIFEST);
  replaceFile(path, `${JSON.stringify(manifest, null, 2)}\n`, 0o644);
  return await openBundle(dir);
}

/** All parts of a bundle that are no files of the root. */
export function partsOf({ kernel, packages, sysupgrade }: Manifest): Part[] {
  return [
    ...(kernel ? [kernel.image, kernel.initrd, kernel.dtb] : []),
    ...packages.map(({ file }) => file),
    sysupgrade,
  ].filter((part) => part !== null && part !== undefined);
}

interface Parts extends Pick<Manifest, 'kernel' | 'packages' | 'sysupgrade'> {
  arches: Arch[];
}

/** What is below `.hil`. Throws ConfigError for what has no place there. */
async function readParts(dir: string): Promise<Parts> {
  const found: Parts = { kernel: null, packages: [], sysupgrade: null, arches: [] };
  const boot: Partial<Record<'image' | 'initrd' | 'dtb', Part>> = {};
  let args = '';
  for (const path of (await allBelow(dir)).filter((each) => each.startsWith(`${PARTS}/`))) {
    const content = await readFile(join(dir, path));
    const part: Part = { path, sha256: hashOf(content), size: content.length };
    const [, folder, name] = path.split('/', 3);
    if (folder === 'boot' && name === 'kernel') boot.image = part;
    else if (folder === 'boot' && (name === 'initrd' || name === 'dtb')) boot[name] = part;
    else if (folder === 'boot' && name === 'args') args = content.toString().trim();
    else if (folder === 'packages') {
      const { arch, ...facts } = await packageFacts(join(dir, path));
      found.packages.push({ file: part, ...facts });
      if (arch !== null) found.arches.push(arch);
    } else if (folder === 'sysupgrade' && found.sysupgrade === null) found.sysupgrade = part;
    else
      throw new ConfigError(`${path} has no place in a bundle`, {
        hint: `below ${PARTS} there may be boot/{kernel,initrd,dtb,args}, packages/* and one file in sysupgrade/`,
      });
  }
  const managers = new Set(found.packages.map(({ manager }) => manager));
  if (managers.size > 1)
    throw new ConfigError(`${dir} has packages of several managers: ${[...managers].join(', ')}`, {
      code: 'mixed-bundle',
    });
  const { image, ...rest } = boot;
  if (!image) {
    if (args !== '' || Object.keys(rest).length > 0)
      throw new ConfigError(`${dir} has parts of a boot, but no kernel`, {
        hint: `put it at ${PARTS}/boot/kernel`,
      });
    return found;
  }
  const { arch, release, build } = kernelFacts(await readFile(join(dir, image.path)));
  if (arch !== null) found.arches.push(arch);
  return { ...found, kernel: { image, ...defined(rest), args, release, build } };
}

function parseManifest(path: string, text: string): Manifest {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${path} is no JSON: ${messageOf(cause)}`, { code: 'torn-bundle', cause });
  }
  const parsed = Manifest.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${path} is no manifest of a bundle:\n${z.prettifyError(parsed.error)}`, {
    code: 'torn-bundle',
  });
}

/** The files that go to the root of the board. */
async function filesBelow(dir: string): Promise<string[]> {
  return (await allBelow(dir)).filter(
    (path) => path !== MANIFEST && path !== `${MANIFEST}.new` && !path.startsWith(`${PARTS}/`),
  );
}

async function allBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new ConfigError(`${dir} can't be read: ${messageOf(cause)}`, { cause });
  });
  const odd = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (odd)
    throw new ConfigError(`${join(odd.parentPath, odd.name)} is neither a file nor a folder`, {
      hint: 'links and devices do not go into a bundle',
    });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** Architecture of a program or module, and what a module says of itself. */
async function factsOf(
  path: string,
  content: Buffer,
): Promise<{ arch: Arch | null; module: ModuleFacts | null }> {
  try {
    const bytes = /\.ko(\.\w+)?$/.test(path) ? await unpacked(path, content) : content;
    if (!isElf(bytes)) return { arch: null, module: null };
    const module = /\.ko(\.\w+)?$/.test(path) ? moduleFacts(bytes) : null;
    return { arch: parseElf(bytes).arch, module };
  } catch (cause) {
    throw new ConfigError(`${path} can't be read as what its name says: ${messageOf(cause)}`, {
      code: 'torn-bundle',
      cause,
    });
  }
}

async function unpacked(path: string, content: Buffer): Promise<Buffer> {
  if (path.endsWith('.gz')) return gunzipSync(content);
  if (path.endsWith('.zst')) return zstdDecompressSync(content);
  if (path.endsWith('.xz'))
    return await runTool('xz', ['--decompress', '--stdout'], {
      step: `unpacking ${basename(path)}`,
      stdin: content,
    });
  return content;
}

function hashOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
