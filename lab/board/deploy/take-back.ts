/**
 * Makes a board as it was before the last deploy, by whatever way is left: SSH, its console, or - where no userland comes up - a
 * kernel that is known to be good, started by its boot loader with a shell in place of init.
 */
import { ConfigError, HarnessError, LabError, messageOf } from '../../errors.ts';
import type { Board } from '../board.ts';
import { hasLoader, startKernel } from '../boot/board-boot.ts';
import { parseRolledBack, ROLLBACK, type RolledBack, rollback } from './deploy.ts';

export interface TakeBackOptions {
  progress: (detail: string) => void;
}

type WayBack = 'by SSH' | 'on its console' | 'by its boot loader';

export interface TakenBack extends RolledBack {
  way: WayBack;
}

const SLOW_MS = 300_000;
/** In place of init: nothing is mounted, and nothing is in PATH. */
const SHELL = 'init=/bin/sh';
const PREPARE =
  'export PATH=/usr/sbin:/usr/bin:/sbin:/bin; mount -o remount,rw / 2>/dev/null; mount -t proc proc /proc 2>/dev/null; ';

/** Not ended by who asked for the deploy: a board is not left half done. Throws what the last way threw. */
export async function takeBack(board: Board, { progress }: TakeBackOptions): Promise<TakenBack> {
  const signal = AbortSignal.timeout(4 * SLOW_MS);
  const timeoutMs = board.profile.console.bootTimeoutMs;
  const limits = { timeoutMs, signal, progress: (_state: string, detail: string) => progress(detail) };
  const planned = board.bootPlan.current !== null;
  board.bootPlan.clear();
  board.forgetProvenance();
  if (board.state === 'ready') {
    try {
      const result = await rollback(board.remote, signal);
      if (planned) await board.bootAnew(limits);
      return { way: 'by SSH', ...result };
    } catch (error) {
      progress(`not by SSH: ${messageOf(error)}`);
    }
  }
  // How far its last boot came is known, unless that was of another kernel.
  const stands = !planned && (board.state === 'booting' || board.state === 'crashed');
  const way = stands ? wayLeft(board, 'it does not answer by SSH') : await boots(board, limits);
  if (way === 'by SSH') return { way, ...(await rollback(board.remote, signal)) };
  progress(way);
  if (way === 'by its boot loader') await startRescue(board, limits);
  await board.console.login({ timeoutMs, signal });
  const command = way === 'on its console' ? ROLLBACK : PREPARE + ROLLBACK;
  const { exitCode, output } = await board.console.run(`${command}\nsync`, { timeoutMs: SLOW_MS, signal });
  if (exitCode !== 0)
    throw new LabError(`${board.name}: what was deployed could not be taken back on its console: ${output}`, {
      board: board.name,
      code: 'not-restored',
    });
  await board.bootAnew(limits);
  return { way, ...parseRolledBack(output) };
}

type Limits = Parameters<Board['bootAnew']>[0];

/** How far the board comes with what is on it now. */
async function boots(board: Board, limits: Limits): Promise<WayBack> {
  try {
    await board.bootAnew(limits);
    return 'by SSH';
  } catch (error) {
    limits.signal.throwIfAborted();
    return wayLeft(board, messageOf(error));
  }
}

/** Of a board that does not answer by SSH, by how far its boot came. */
function wayLeft(board: Board, why: string): WayBack {
  if (board.progress.stage === 'login' && board.state !== 'crashed') return 'on its console';
  if (hasLoader(board) && board.hardware.bootPlace?.() && board.hardware.knownGood?.())
    return 'by its boot loader';
  throw new ConfigError(`${board.name} does not come up any more: ${why}`, {
    board: board.name,
    code: 'not-restored',
    hint: 'with bootloader, netboot and knownGood in the lab file it could be saved by its boot loader',
  });
}

/** A shell on the console, of a kernel that is known to be good. */
async function startRescue(board: Board, { signal, progress }: Limits): Promise<void> {
  const good = board.hardware.knownGood?.();
  if (!good) throw new HarnessError('it was not asked whether a good kernel is known', { board: board.name });
  await startKernel(board, { ...good, bootargs: `${good.bootargs} ${SHELL}` }, { signal, progress });
}
