/**
 * Puts the files and packages of a bundle on a board that runs, proves that they are there, and can take them back. What is
 * replaced is kept on the board first, with a list, so that also a deploy that was interrupted can be undone. POSIX shell and
 * what BusyBox has, no more.
 */
import { basename, join, posix } from 'node:path';
import { ConfigError, LabError, ProductError } from '../../errors.ts';
import { acting } from '../../journal/acting.ts';
import { isLoaded, loadModule, unloadModule } from '../../kernel/modules.ts';
import type { BoardContext } from '../context.ts';
import { quote, type Remote } from '../remote.ts';
import { FREE_OF_D } from '../userland.ts';
import { type Bundle, type BundleFile, partsOf } from './bundle.ts';
import { CURRENT, KEPT, KEPT_PACKAGES } from './kept.ts';
import { installPackages, removeScript, versionsScript } from './packages.ts';
import { parseReadBack, parseState, type ReadBack, readBackScript } from './read-back.ts';

const SLOW_MS = 120_000;
/** Where package files lie until they are installed. */
const UPLOADS = '/tmp/hil-packages';

export interface PutOptions {
  signal: AbortSignal;
  /** Load modules anew that are loaded. */
  reload: boolean;
  progress: (detail: string) => void;
}

/**
 * Gives the modules that were loaded anew. Throws ConfigError `wrong-arch`, `wrong-kernel` or `wrong-packages`, LabError
 * `no-space`, before anything is changed; whatever it throws later, `rollback` undoes what was done.
 */
export async function put(context: BoardContext, bundle: Bundle, options: PutOptions): Promise<string[]> {
  const { remote, journal } = context;
  const { signal, progress, reload } = options;
  progress('keeping what is replaced');
  // One that was interrupted comes first: its list is of what was there before all of it.
  await rollback(remote, signal);
  await remote.check(keepScript(bundle), { signal, timeoutMs: SLOW_MS });
  for (const [index, { path, mode }] of bundle.files.entries()) {
    progress(`${index + 1} of ${bundle.files.length}: ${path}`);
    await remote.upload({ path: join(bundle.dir, path) }, path, { mode, signal });
  }
  await putPackages(remote, bundle, options);
  const modules = bundle.files.flatMap(({ module }) => (module ? [module] : []));
  if (modules.length > 0) {
    progress('indexing modules');
    const release = bundle.kernelRelease === null ? '' : ` ${quote(bundle.kernelRelease)}`;
    await remote.check(`if command -v depmod >/dev/null 2>&1; then depmod -a${release}; fi`, {
      signal,
      timeoutMs: SLOW_MS,
    });
  }
  const reloaded: string[] = [];
  for (const { name: module } of reload ? modules : []) {
    if (!(await isLoaded(remote, module, { signal }))) continue;
    progress(`loading ${module} anew`);
    await acting(journal, 'unload', module, () => unloadModule(remote, module, { signal }));
    await acting(journal, 'load', module, () => loadModule(remote, module, {}, { signal }));
    reloaded.push(module);
  }
  return reloaded;
}

async function putPackages(
  remote: Remote,
  { dir, packages }: Bundle,
  { signal, progress }: PutOptions,
): Promise<void> {
  if (packages.length === 0) return;
  const uploaded = [];
  for (const { file, ...facts } of packages) {
    const path = `${UPLOADS}/${basename(file.path)}`;
    progress(`package ${facts.name} ${facts.version}`);
    await remote.upload({ path: join(dir, file.path) }, path, { mode: 0o644, signal });
    uploaded.push({ ...facts, path });
  }
  progress(`installing ${packages.length} packages`);
  await installPackages(remote, uploaded, signal);
  await remote.run(`rm -rf ${UPLOADS}`, { signal });
}

/** Says on the board which bundle is there, for its provenance. */
export async function mark(remote: Remote, bundle: Bundle, signal: AbortSignal): Promise<void> {
  const text = `${bundle.name} ${bundle.version} ${bundle.sha256}`;
  await remote.check(`echo ${quote(text)} > ${CURRENT}; sync`, { signal });
}

export interface RolledBack {
  /** How many files are as before; 0 where nothing was deployed. */
  restored: number;
  /** Packages that were there before in another version, which can't be had back: a sentence each. */
  left: string[];
}

/** Puts back what the last deploy replaced, and removes what it brought. */
export async function rollback(remote: Remote, signal: AbortSignal): Promise<RolledBack> {
  return parseRolledBack(await remote.check(ROLLBACK, { signal, timeoutMs: SLOW_MS }));
}

/** Reads what ROLLBACK printed. */
export function parseRolledBack(output: string): RolledBack {
  const version = (text = '') => (text === '-' ? 'not there' : text);
  const left = [...output.matchAll(/^left (\S+) (\S+) (\S+)\s*$/gm)].map(
    ([, name, now, was]) => `${name} is ${version(now)}, was ${version(was)}`,
  );
  return { restored: Number(/restored (\d+)/.exec(output)?.[1] ?? 0), left };
}

/** Throws ConfigError or LabError where the bundle is none for this board; nothing was changed then. */
export async function mustFit(
  { remote, name: board }: BoardContext,
  bundle: Bundle,
  signal: AbortSignal,
): Promise<void> {
  const state = parseState(await remote.check(STATE, { signal, quiet: true }), board);
  const { arch, kernelRelease, name, kernel, packages } = bundle;
  const same =
    arch === null ||
    arch === state.arch ||
    (arch === 'arm' && /^arm/.test(state.arch)) ||
    (arch === 'mips' && /^mips/.test(state.arch));
  if (!same)
    throw new ConfigError(`the bundle ${name} is for ${arch}, and ${board} is ${state.arch}`, {
      board,
      code: 'wrong-arch',
      hint: 'nothing was changed; build it for this board',
    });
  const [first] = packages;
  if (first && first.manager !== state.packageManager)
    throw new ConfigError(
      `the packages of ${name} are for ${first.manager}, and ${board} has ${state.packageManager === '' ? 'no package manager' : state.packageManager}`,
      { board, code: 'wrong-packages', hint: 'nothing was changed' },
    );
  const brings =
    kernel !== null ||
    bundle.files.some(
      ({ path }) => path.includes(`vmlinuz-${kernelRelease}`) || path.includes(`Image-${kernelRelease}`),
    );
  if (kernelRelease !== null && kernelRelease !== state.kernelRelease && !brings)
    throw new ConfigError(
      `the modules of ${name} are for Linux ${kernelRelease}, and ${board} runs ${state.kernelRelease}`,
      {
        board,
        code: 'wrong-kernel',
        hint: `nothing was changed; build them against the headers of ${state.kernelRelease}`,
      },
    );
  const bytes = bytesOf(bundle);
  // What is replaced is kept beside it.
  if (state.freeBytes !== null && state.freeBytes < 2 * bytes)
    throw new LabError(
      `${board} has ${Math.floor(state.freeBytes / 1024)} KiB free, and ${name} takes ${Math.ceil((2 * bytes) / 1024)}`,
      {
        board,
        code: 'no-space',
        hint: 'nothing was changed; make room in its root file system',
      },
    );
}

/** What it takes on a board: files and packages, and the image that is flashed. */
export function bytesOf(bundle: Bundle): number {
  const { kernel } = bundle;
  const netbooted = new Set([kernel?.image, kernel?.initrd, kernel?.dtb]);
  const parts = partsOf(bundle).filter((part) => !netbooted.has(part));
  return [...bundle.files, ...parts].reduce((sum, { size }) => sum + size, 0);
}

/** Read by parseState. */
const STATE = [
  'echo "arch $(uname -m)"; echo "release $(uname -r)"',
  `for p in apt-get opkg apk; do command -v $p >/dev/null 2>&1 && { echo "packages \${p%-get}"; break; }; done`,
  `d=/; ${FREE_OF_D}`,
].join('\n');

/** Links are kept as links. The list has a line a file: its number, whether it was there, and its path. It is whole before anything is changed. */
function keepScript({
  files,
  packages,
}: {
  files: readonly BundleFile[];
  packages: Bundle['packages'];
}): string {
  return [
    `set -e; rm -rf ${KEPT}.new; mkdir -p ${KEPT}.new; : > ${KEPT}.new/list`,
    ...files.map(
      ({ path }, number) =>
        `if [ -e ${quote(path)} ] || [ -L ${quote(path)} ]; then cp -pP ${quote(path)} ${KEPT}.new/${number}; echo ${quote(`${number} there ${path}`)}; else echo ${quote(`${number} absent ${path}`)}; fi >> ${KEPT}.new/list`,
    ),
    ...(packages.length === 0 ? [] : [`{ ${versionsScript(packages)}\n} > ${KEPT}.new/${KEPT_PACKAGES}`]),
    `rm -rf ${KEPT}; mv ${KEPT}.new ${KEPT}; sync`,
  ].join('\n');
}

export const ROLLBACK = [
  'count=0',
  `if [ -e ${KEPT}/list ]; then`,
  removeScript(`${KEPT}/${KEPT_PACKAGES}`),
  'set -e',
  'while read -r number was path; do',
  // The name is new at once, as it was, or it is gone.
  `if [ "$was" = there ]; then cp -pP ${KEPT}/$number "$path.hil-old"; mv "$path.hil-old" "$path"; else rm -f "$path"; fi`,
  'count=$((count + 1))',
  `done < ${KEPT}/list`,
  'if command -v depmod >/dev/null 2>&1; then depmod; fi',
  `rm -rf ${KEPT}; sync; fi`,
  'echo "restored $count"',
].join('\n');

/** Reads back what was put there. Throws LabError or ProductError `not-as-deployed`. */
export async function prove(
  { remote, name: board }: BoardContext,
  bundle: Bundle,
  signal: AbortSignal,
): Promise<ReadBack> {
  const modules = bundle.files.flatMap(({ module }) => (module ? [module.name] : []));
  const paths = bundle.files.map(({ path }) => path);
  const output = await remote.check(readBackScript(paths, modules, versionsScript(bundle.packages)), {
    signal,
    timeoutMs: SLOW_MS,
  });
  const found = parseReadBack(output);
  for (const { path, sha256, module } of bundle.files) {
    const hash = found.files[path];
    if (hash !== sha256)
      throw new LabError(
        `${posix.basename(path)} on ${board} is not what was put there: ${hash ?? 'it is not there'}`,
        {
          ...{ board, code: 'not-as-deployed', hint: 'check the disk of the board' },
        },
      );
    const loaded = module ? found.modules[module.name] : undefined;
    if (
      module &&
      loaded !== undefined &&
      loaded !== '' &&
      module.srcversion !== '' &&
      loaded !== module.srcversion
    )
      throw new ProductError(
        `${board} runs another ${module.name} than was put there: srcversion ${loaded}, not ${module.srcversion}`,
        {
          ...{
            board,
            code: 'not-as-deployed',
            hint: 'another copy of it comes first in modules.dep, or it was not loaded anew',
          },
        },
      );
  }
  for (const { name, version } of bundle.packages) {
    const installed = found.packages[name] ?? 'not there';
    if (installed !== version)
      throw new LabError(`${name} on ${board} is ${installed}, and ${version} was installed`, {
        board,
        code: 'not-as-deployed',
        hint: 'see what its package manager says',
      });
  }
  return found;
}
