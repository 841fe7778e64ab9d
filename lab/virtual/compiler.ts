/**
 * Debian's compiler, for the little that is compiled: the lab machine's own where it has one, else unpacked of Debian's
 * packages for the one use. Nothing is installed.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findTool, runTool } from '../program.ts';
import type { DebFile } from './apt.ts';
import { hostLayout } from './host.ts';
import { downloadDebs, type FetchOptions, freshApt } from './image.ts';
import { debsDir, type ImageProgress } from './image-cache.ts';
import type { Recipe } from './recipe.ts';

type Architecture = Recipe['architecture'];

/** Compilers by the architecture for which they make code, as Debian's release of the boards has them. */
const PROGRAMS: Record<Architecture, Record<Architecture, string>> = {
  amd64: { amd64: 'gcc-12', arm64: 'aarch64-linux-gnu-gcc-12' },
  arm64: { arm64: 'gcc-12', amd64: 'x86_64-linux-gnu-gcc-12' },
};
const PACKAGES: Record<Architecture, Record<Architecture, string>> = {
  amd64: { amd64: 'gcc-12', arm64: 'gcc-12-aarch64-linux-gnu' },
  arm64: { arm64: 'gcc-12', amd64: 'gcc-12-x86-64-linux-gnu' },
};
/** The compiler and its libraries, but for the C library, which is the lab machine's. */
const PARTS =
  /^(?:make|(?:gcc|cpp)-12(?:-aarch64-linux-gnu|-x86-64-linux-gnu)?|libgcc-12-dev|binutils.*|libbinutils|libctf.*|libjansson4|libzstd1|zlib1g|libgmp10|libisl23|libmp[fc].*)$/;

export interface Compiler {
  /** Name or path of the compiler. */
  program: string;
  /** With which it finds its parts. */
  env: NodeJS.ProcessEnv;
}

/** The name of the compiler for a board's architecture, and whether this machine has it. */
export async function ownCompiler(architecture: Architecture): Promise<{ name: string; own: boolean }> {
  const name = PROGRAMS[hostLayout().architecture][architecture];
  return { name, own: (await findTool(name)) !== null };
}

export function isCompilerPart({ name }: DebFile): boolean {
  return PARTS.test(name);
}

/** What runs programs that are unpacked below `root`, with the machine's own beside them. */
export function unpackedEnv(root: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LC_ALL: 'C.UTF-8',
    PATH: `${join(root, 'usr/bin')}:${process.env.PATH ?? ''}`,
    LD_LIBRARY_PATH: join(root, hostLayout().libraries),
  };
}

/** Unpacks packages that lie in the cache below `root`. */
export async function unpackDebs(
  debs: readonly DebFile[],
  root: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const { file } of debs)
    await runTool('dpkg-deb', ['-x', join(debsDir(), file), root], { step: `unpacking ${file}`, signal });
}

/** A compiler for an architecture; what this machine lacks is fetched, and unpacked below `root`. */
export async function compilerFor(
  architecture: Architecture,
  root: string,
  report: (event: ImageProgress) => void,
  options: FetchOptions,
): Promise<Compiler> {
  const { name, own } = await ownCompiler(architecture);
  if (own) return { program: name, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  const host = hostLayout().architecture;
  const apt = await freshApt(host, report, options);
  const wanted = PACKAGES[host][architecture];
  report({ step: 'resolving packages', detail: wanted });
  const debs = (await apt.resolve([wanted], options.signal)).filter(isCompilerPart);
  await downloadDebs(apt, debs, report, options.signal);
  report({ step: 'unpacking the compiler', detail: name });
  await unpackDebs(debs, root, options.signal);
  return { program: join(root, 'usr/bin', name), env: unpackedEnv(root) };
}
