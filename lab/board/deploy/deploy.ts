/**
 * Puts a bundle on a board, proves that it is there, and can take it back. What it replaces is kept on the board first, with
 * a list, so that also a deploy that was interrupted can be undone. POSIX shell and what BusyBox has, no more.
 */
import { join, posix } from 'node:path';
import { ConfigError, LabError, ProductError } from '../../errors.ts';
import { acting } from '../../journal/acting.ts';
import { isLoaded, loadModule, unloadModule } from '../../kernel/modules.ts';
import type { BoardContext } from '../context.ts';
import { quote, type Remote } from '../remote.ts';
import { FREE_OF_D } from '../userland.ts';
import type { Bundle, BundleFile } from './bundle.ts';
import { CURRENT, KEPT } from './kept.ts';
import { parseReadBack, parseState, type ReadBack, readBackScript } from './read-back.ts';

const SLOW_MS = 120_000;

export interface DeployOptions {
  signal: AbortSignal;
  /** Load modules anew that are loaded. */
  reload: boolean;
  progress: (detail: string) => void;
}

export interface DeployResult {
  bundle: string;
  sha256: string;
  files: number;
  bytes: number;
  /** What was read back: hash of each file, and srcversion of each loaded module. */
  proven: ReadBack;
  reloaded: string[];
}

/**
 * Throws ConfigError `wrong-arch` or `wrong-kernel`, LabError `no-space`, before anything is changed; ProductError or LabError
 * later, with all that was changed taken back.
 */
export async function deploy(
  context: BoardContext,
  bundle: Bundle,
  options: DeployOptions,
): Promise<DeployResult> {
  const { remote, name } = context;
  const { signal, progress, reload } = options;
  await mustFit(remote, name, bundle, signal);
  progress('keeping what is replaced');
  // One that was interrupted comes first: its list is of what was there before all of it.
  await rollback(context, options);
  await remote.check(keepScript(bundle.files), { signal, timeoutMs: SLOW_MS });
  try {
    for (const [index, { path, mode }] of bundle.files.entries()) {
      progress(`${index + 1} of ${bundle.files.length}: ${path}`);
      await remote.upload({ path: join(bundle.dir, path) }, path, { mode, signal });
    }
    const modules = bundle.files.flatMap(({ module }) => (module ? [module] : []));
    if (modules.length > 0) {
      progress('indexing modules');
      await remote.check('if command -v depmod >/dev/null 2>&1; then depmod; fi', {
        signal,
        timeoutMs: SLOW_MS,
      });
    }
    const reloaded: string[] = [];
    for (const { name: module } of reload ? modules : []) {
      if (!(await isLoaded(remote, module, { signal }))) continue;
      progress(`loading ${module} anew`);
      await acting(context.journal, 'unload', module, () => unloadModule(remote, module, { signal }));
      await acting(context.journal, 'load', module, () => loadModule(remote, module, {}, { signal }));
      reloaded.push(module);
    }
    progress('proving it');
    const proven = await prove(remote, name, bundle, signal);
    const mark = `${bundle.name} ${bundle.version} ${bundle.sha256}`;
    await remote.check(`echo ${quote(mark)} > ${CURRENT}; sync`, { signal });
    const bytes = bundle.files.reduce((sum, { size }) => sum + size, 0);
    return {
      bundle: `${bundle.name} ${bundle.version}`.trim(),
      sha256: bundle.sha256,
      files: bundle.files.length,
      bytes,
      proven,
      reloaded,
    };
  } catch (error) {
    progress('taking it back');
    await rollback(context, { ...options, signal: AbortSignal.timeout(SLOW_MS) });
    throw error;
  }
}

/** Puts back what the last deploy replaced, and deletes what it brought. Gives how many files; 0 where there was none. */
export async function rollback({ remote }: BoardContext, options: { signal: AbortSignal }): Promise<number> {
  const output = await remote.check(ROLLBACK, { signal: options.signal, timeoutMs: SLOW_MS });
  return Number(/restored (\d+)/.exec(output)?.[1] ?? 0);
}

async function mustFit(remote: Remote, board: string, bundle: Bundle, signal: AbortSignal): Promise<void> {
  const state = parseState(await remote.check(STATE, { signal, quiet: true }), board);
  const { arch, kernelRelease, name } = bundle;
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
  const brings = bundle.files.some(
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
  const bytes = bundle.files.reduce((sum, { size }) => sum + size, 0);
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

/** Read by parseState. */
const STATE = `echo "arch $(uname -m)"; echo "release $(uname -r)"; d=/; ${FREE_OF_D}`;

/** The list has a line a file: its number, whether it was there, and its path. It is whole before anything is changed. */
function keepScript(files: readonly BundleFile[]): string {
  return [
    `set -e; rm -rf ${KEPT}.new; mkdir -p ${KEPT}.new`,
    ...files.map(
      ({ path }, number) =>
        `if [ -e ${quote(path)} ]; then cp -p ${quote(path)} ${KEPT}.new/${number}; echo ${quote(`${number} there ${path}`)}; else echo ${quote(`${number} absent ${path}`)}; fi >> ${KEPT}.new/list`,
    ),
    `rm -rf ${KEPT}; mv ${KEPT}.new ${KEPT}; sync`,
  ].join('\n');
}

const ROLLBACK = [
  'set -e; count=0',
  `if [ -e ${KEPT}/list ]; then`,
  'while read -r number was path; do',
  // The name is new at once, as it was, or it is gone.
  `if [ "$was" = there ]; then cp -p ${KEPT}/$number "$path.hil-old"; mv "$path.hil-old" "$path"; else rm -f "$path"; fi`,
  'count=$((count + 1))',
  `done < ${KEPT}/list`,
  'if command -v depmod >/dev/null 2>&1; then depmod; fi',
  `rm -rf ${KEPT}; sync; fi`,
  'echo "restored $count"',
].join('\n');

async function prove(remote: Remote, board: string, bundle: Bundle, signal: AbortSignal): Promise<ReadBack> {
  const modules = bundle.files.flatMap(({ module }) => (module ? [module.name] : []));
  const paths = bundle.files.map(({ path }) => path);
  const output = await remote.check(readBackScript(paths, modules), { signal, timeoutMs: SLOW_MS });
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
  return found;
}
