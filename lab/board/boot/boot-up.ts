/** From power to SSH: the login prompt is awaited, then the connection; a boot that gets stuck is tried once more. */
import type { DeviceProfile } from '../../../devices/profile.ts';
import { abortReason, asHilError, type HilError, LabError } from '../../errors.ts';
import type { JournalSink } from '../../journal/event.ts';
import type { Console } from '../console/console.ts';
import type { Progress } from '../hardware.ts';
import type { BootProgress } from './progress.ts';
import { STAGES, type Stage } from './stages.ts';

export interface BootLimits {
  timeoutMs: number;
  /** Aborted when the call is given up; a board that dies ends the wait by its life. */
  signal: AbortSignal;
  progress: Progress;
}

export interface BootableBoard {
  readonly name: string;
  readonly profile: DeviceProfile;
  /** Null where the board has no console: then SSH alone tells that it is up. */
  readonly console: Console | null;
  readonly journal: JournalSink;
  /** Where on the console this boot began, and how far it has come since. */
  bootPosition(): number;
  progressed(): BootProgress;
  life(): AbortSignal;
  /** Already on its way up. */
  isBooting(): boolean;
  /** Off and on again, or on, or what else begins a boot. */
  restart(attempt: number, limits: BootLimits): Promise<void>;
  connect(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** It got stuck: the next attempt power-cycles it. */
  stuck(reason: string): void;
  /** It got stuck each time, for no fault of the product. */
  giveUp(reason: string): void;
}

/** Throws ProductError when the kernel died while booting, LabError when the board never came up. */
export async function bootUp(board: BootableBoard, limits: BootLimits): Promise<void> {
  const { signal, progress } = limits;
  for (let attempt = 1; ; attempt++) {
    try {
      if (!board.isBooting()) await board.restart(attempt, limits);
      await awaitBoot(board, limits);
      return;
    } catch (thrown) {
      const error: HilError = asHilError(thrown);
      if (signal.aborted || error.fault === 'config' || error.fault === 'harness') throw error;
      // A kernel that dies while booting does so again; a boot that got stuck may have been bad luck.
      if (error.fault === 'product' || attempt === 2) {
        if (error.fault === 'lab') board.giveUp(error.message);
        throw error;
      }
      progress('booting', `${error.message}; power-cycling`);
      board.journal.append('board.state', { state: 'stuck', reason: error.message });
      board.stuck(error.message);
    }
  }
}

/** Awaits the login prompt of a boot under way, then connects. */
export async function awaitBoot(board: BootableBoard, limits: BootLimits): Promise<void> {
  const { timeoutMs, progress } = limits;
  const signal = AbortSignal.any([limits.signal, board.life()]);
  if (board.console) {
    progress('booting', 'waiting for the login prompt');
    await awaitPrompt(board, board.console, timeoutMs, signal);
    board.progressed().login();
  }
  progress('booting', 'connecting by SSH');
  await board.connect(timeoutMs, signal);
}

/** Awaits that the console shows a boot under way to have come this far, or further. */
export async function awaitStage(
  board: BootableBoard,
  stage: Stage,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { console: port } = board;
  if (!port) throw new LabError(`${board.name} has no console to see its boot by`, { board: board.name });
  const there = () => STAGES.indexOf(board.progressed().stage) >= STAGES.indexOf(stage);
  if (there()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  // The board takes each line before this does.
  const unsubscribe = port.subscribe(() => there() && resolve());
  const done = new AbortController();
  // An init that says nothing shows itself by its login prompt, which is no whole line.
  const prompt = port
    .expect(board.profile.console.loginPrompt, {
      ...{ timeoutMs, from: board.bootPosition() },
      signal: AbortSignal.any([signal, done.signal]),
    })
    .then(() => board.progressed().login());
  try {
    await Promise.race([promise, prompt]);
  } catch (cause) {
    if (signal.aborted) throw abortReason(signal);
    throw stuck(board, port, `did not come to its ${stage}`, timeoutMs, cause);
  } finally {
    unsubscribe();
    done.abort();
    prompt.catch(() => undefined);
  }
}

async function awaitPrompt(
  board: BootableBoard,
  port: Console,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await port.expect(board.profile.console.loginPrompt, { timeoutMs, signal, from: board.bootPosition() });
  } catch (cause) {
    if (signal.aborted) throw abortReason(signal);
    throw stuck(board, port, 'did not reach its login prompt', timeoutMs, cause);
  }
}

/** What keeps a boot from going on, as its console shows. */
function stuck(
  { name, progressed }: BootableBoard,
  port: Console,
  what: string,
  timeoutMs: number,
  cause: unknown,
): LabError {
  const seen = port.tail(8);
  // A prompt is a line that was begun.
  const progress = progressed();
  progress.push(seen.at(-1) ?? '');
  const { what: why, next } = progress.stopped();
  return new LabError(`${name} ${what} within ${timeoutMs / 1000} s: ${why}`, {
    board: name,
    code: 'boot-timeout',
    hint: seen.length === 0 ? next : `${next}; its console stopped at:\n  ${seen.join('\n  ')}`,
    cause,
  });
}
