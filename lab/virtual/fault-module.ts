/**
 * A kernel module that fails on request (fault-module/hil_fault.c), built for the kernel of a board image: with Debian's
 * headers, and Debian's compiler where the lab machine has none. Nothing is installed; the module stays in the cache.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, LabError } from '../errors.ts';
import { cacheDir } from '../paths.ts';
import { findTool, runTool } from '../program.ts';
import type { DebFile } from './apt.ts';
import { builtOnce } from './built-once.ts';
import { isCompilerPart, ownCompiler, unpackDebs, unpackedEnv } from './compiler.ts';
import { hostLayout } from './host.ts';
import { downloadDebs, type FetchOptions, freshApt } from './image.ts';
import type { ImageProgress } from './image-cache.ts';
import { kindOf } from './kinds.ts';
import type { BoardImage } from './manifest.ts';
import { SHARED } from './recipe.ts';

export const FAULT_MODULE = 'hil_fault';

const SOURCE = join(import.meta.dirname, 'fault-module');
/** What building a module takes besides a compiler: libelf and OpenSSL are those of the kernel's own programs. */
const HEADERS = /^(?:linux-(?:headers|kbuild)-.*|libelf1|libssl3|zlib1g)$/;

/**
 * The built module on the lab machine. Throws LabError when Debian no longer has the headers of the image's kernel,
 * ConfigError for an image of another architecture than the lab machine's: its compiler makes no code for that.
 */
export async function ensureFaultModule(image: BoardImage, options: FetchOptions = {}): Promise<string> {
  const { architecture } = kindOf(image.kind).recipe;
  if (architecture !== hostLayout().architecture)
    throw new ConfigError(
      `the module for ${image.kind} (${architecture}) can't be built on ${process.arch}`,
      {
        code: 'host-unsupported',
      },
    );
  const path = join(modulesDir(), `${image.kernelRelease}-${await sourceHash(image)}`, `${FAULT_MODULE}.ko`);
  return await builtOnce({ folder: modulesDir(), path }, options, (temporary, report) =>
    build(image, temporary, report, options),
  );
}

/** Gives where the module lies. */
async function build(
  image: BoardImage,
  dir: string,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<string> {
  const { signal } = options;
  const release = image.kernelRelease;
  const compiler = await ownCompiler(hostLayout().architecture);
  const own = compiler.own && (await findTool('make')) !== null;
  const debs = await packages(image, own, report, options);
  report({ step: 'unpacking kernel headers', detail: release });
  const root = join(dir, 'root');
  await unpackDebs(debs, root, signal);
  const headers = join(root, 'usr/src', `linux-headers-${release}`);
  const makefile = join(headers, 'Makefile');
  await writeFile(makefile, (await readFile(makefile, 'utf8')).replaceAll(' /usr/src/', ` ${root}/usr/src/`));
  report({ step: 'building the module', detail: FAULT_MODULE });
  const source = join(dir, 'source');
  await mkdir(source);
  for (const name of await readdir(SOURCE)) await copyFile(join(SOURCE, name), join(source, name));
  const make = own ? 'make' : join(root, 'usr/bin/make');
  // Debian's headers name the compiler of their release.
  await runTool(make, ['-C', headers, `M=${source}`, `CC=${compiler.name}`, 'modules'], {
    ...{ step: 'building the module', env: unpackedEnv(root), signal },
  });
  return join(source, `${FAULT_MODULE}.ko`);
}

async function packages(
  image: BoardImage,
  own: boolean,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<DebFile[]> {
  const { signal } = options;
  const wanted = `linux-headers-${image.kernelRelease}`;
  const apt = await freshApt(hostLayout().architecture, report, options);
  report({ step: 'resolving packages', detail: wanted });
  const all = await apt.resolve([wanted, 'make'], signal).catch((cause: unknown) => {
    throw new LabError(`Debian has no ${wanted} any more`, {
      code: 'no-headers',
      hint: 'hil image build --refresh',
      cause,
    });
  });
  const debs = all.filter((deb) => HEADERS.test(deb.name) || (!own && isCompilerPart(deb)));
  await downloadDebs(apt, debs, report, signal);
  return debs;
}

/** Of the source, how it is built, and the exact kernel. */
async function sourceHash(image: BoardImage): Promise<string> {
  const hash = createHash('sha256').update(`${SHARED.release} ${JSON.stringify(image.packages)}`);
  for (const name of (await readdir(SOURCE)).sort())
    hash.update(`\0${name}\0`).update(await readFile(join(SOURCE, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Where built modules are kept. */
function modulesDir(): string {
  return join(cacheDir(), 'modules');
}
