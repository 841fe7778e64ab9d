/** The shell on a board's console: found by login, given framed commands, brought back after one that does not end. */
import { randomBytes } from 'node:crypto';
import type { DeviceProfile } from '../../../devices/profile.ts';
import { abortReason, LabError, messageOf } from '../../errors.ts';
import type { JournalSink } from '../../journal/event.ts';
import { sanitizeLines } from '../../text.ts';
import { Frame, type FrameResult, typedCommand } from './frame.ts';
import { login } from './login.ts';
import { CTRL_C, type ShellStream } from './shell-stream.ts';
import { orLate, timeout, type WaitOptions, waitOn } from './wait.ts';

export interface ConsoleRunResult {
  /** Null when the result is disturbed. */
  exitCode: number | null;
  output: string;
  /** Something fell into the output and could not be told apart; `output` is then what was seen, with it. */
  disturbed: boolean;
  durationMs: number;
}

const CTRL_BACKSLASH = '\x1c';
const RUN_MS = 30_000;
const LOGIN_MS = 60_000;
const RESYNC_MS = 2500;
/** A disturbed output up to this size is printed again, this many times. */
const REPRINTS = 3;
const REPRINT_CHARACTERS = 256 * 1024;
/** Silence that means that a printing is over. */
const QUIET_MS = 1000;
const RECORDED = 4096;

export class Shell {
  readonly #stream: ShellStream;
  readonly #prompt: DeviceProfile['console'];
  readonly #journal: JournalSink;
  #turn: Promise<void> = Promise.resolve();
  /** A shell has answered, and nothing happened since that may have taken it away. */
  #known = false;
  #commands = 0;

  constructor(stream: ShellStream, prompt: DeviceProfile['console'], journal: JournalSink) {
    this.#stream = stream;
    this.#prompt = prompt;
    this.#journal = journal;
  }

  /** The board may have restarted: the next command makes sure that there is a shell. */
  forget(): void {
    this.#known = false;
  }

  async login(options: WaitOptions): Promise<void> {
    await this.#inTurn(options.signal, async () => {
      await login(this.#stream, this.#prompt, (limits) => this.#answers(CTRL_C, limits), {
        timeoutMs: LOGIN_MS,
        ...options,
      });
      this.#known = true;
      this.#journal.append('console.event', { event: 'logged in', detail: this.#prompt.user });
    });
  }

  async run(command: string, options: WaitOptions): Promise<ConsoleRunResult> {
    typedCommand(command, ''); // what can't be typed is refused before anything else is
    return await this.#inTurn(options.signal, async () => {
      if (!this.#known) await this.#find(options.signal);
      return await this.#record(command, () => this.#run(command, { timeoutMs: RUN_MS, ...options }));
    });
  }

  /** One at a time; the failure of one is not the next one's; who gives up while waiting need not wait. */
  async #inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise: mine, resolve: done } = Promise.withResolvers<void>();
    this.#turn = mine;
    try {
      await aborting(before, signal);
      return await work();
    } finally {
      done(before);
    }
  }

  async #run(
    command: string,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<ConsoleRunResult> {
    const started = performance.now();
    const left = (): WaitOptions => ({
      ...options,
      timeoutMs: Math.max(1, started + options.timeoutMs - performance.now()),
    });
    try {
      for (let attempt = 1; attempt <= 2; attempt++) {
        const { lost, ...result } = await this.#typeAndPrint(command, left);
        if (!lost) return { ...result, durationMs: performance.now() - started };
      }
      const { board } = this.#stream.view;
      throw new LabError(
        `${board}: characters typed on the console are lost, twice, so the command was not run`,
        {
          board,
          code: 'lost-characters',
          hint: 'check the baud rate and the cable',
        },
      );
    } catch (error) {
      await this.#recover(error);
      throw error;
    }
  }

  async #typeAndPrint(command: string, left: () => WaitOptions): Promise<FrameResult> {
    const frame = new Frame();
    const batches = typedCommand(command, frame.typed);
    const last = batches.pop();
    for (const { lines, mark } of batches) {
      const from = this.#stream.position;
      await this.#stream.type(keys(lines));
      if (mark !== null) await this.#stream.expect(mark, { ...left(), from });
    }
    const what = `for the end of: ${brief(command)}`;
    const first = await this.#collect(frame, keys(last?.lines ?? []), left(), what);
    let result = first;
    for (let again = 0; again < REPRINTS && result.disturbed; again++) {
      if (result.output.length > REPRINT_CHARACTERS) break;
      const copy = new Frame();
      const reprinted = await orLate(this.#collect(copy, keys([copy.typed]), left(), what));
      // Out of time while asking again: what is known is still a result, but the shell is busy printing.
      if (!reprinted) {
        await this.#recover('a disturbed output could not be printed again in time');
        break;
      }
      result = reprinted;
    }
    return result.disturbed ? first : result;
  }

  async #collect(frame: Frame, typed: string, options: WaitOptions, what: string): Promise<FrameResult> {
    // Where every end mark was disturbed, silence after the begin is the end.
    let quiet: NodeJS.Timeout | undefined;
    const subscribe = (resolve: () => void) =>
      this.#stream.onRaw((bytes) => {
        clearTimeout(quiet);
        if (frame.push(bytes)) resolve();
        else if (frame.begun) quiet = setTimeout(resolve, QUIET_MS);
      });
    try {
      await waitOn<void>(this.#stream.view, options, what, subscribe, () => this.#stream.type(typed));
    } finally {
      clearTimeout(quiet);
    }
    return frame.result();
  }

  /** Ends what may still run, so that the next command finds a shell. */
  async #recover(why: unknown): Promise<void> {
    this.#known = false;
    if (this.#stream.view.closed.aborted) return;
    try {
      this.#known = await this.#resync();
      if (!this.#known) throw timeout(this.#stream.view, 'no shell answers on the console');
    } catch (error) {
      const detail = `after: ${messageOf(why)}: ${messageOf(error)}`;
      this.#journal.append('console.event', { event: 'not resynchronised', detail });
    }
  }

  async #find(signal: AbortSignal | undefined): Promise<void> {
    this.#known = await this.#resync(signal);
    if (this.#known) return;
    const { view } = this.#stream;
    const { message, hint } = timeout(view, 'no shell answers on the console');
    throw new LabError(message, { board: view.board, code: 'no-shell', hint: `log in first; ${hint}` });
  }

  /**
   * Ctrl-C; where that is ignored, Ctrl-\ (SIGQUIT), which interactive shells survive. An answer may be torn by kernel
   * lines, so each is asked for again. Gives whether a shell answered.
   */
  async #resync(signal?: AbortSignal): Promise<boolean> {
    const limits = signal ? { timeoutMs: RESYNC_MS, signal } : { timeoutMs: RESYNC_MS };
    for (const key of [CTRL_C, CTRL_C, CTRL_BACKSLASH, CTRL_C])
      if (await this.#answers(key, limits)) return true;
    return false;
  }

  /** Whether something that can calculate (a boot loader can't) answers after this key. */
  async #answers(key: string, limits: WaitOptions): Promise<boolean> {
    const token = randomBytes(6).toString('hex');
    const from = this.#stream.position;
    // A program that swallows the first line of input is not rare.
    await this.#stream.type(keys([key, `echo H''IL-${token}-R$((6*7))`]));
    return (await orLate(this.#stream.expect(`HIL-${token}-R42`, { ...limits, from }))) !== null;
  }

  async #record(command: string, run: () => Promise<ConsoleRunResult>): Promise<ConsoleRunResult> {
    const id = `console-${process.pid}-${++this.#commands}`;
    const started = performance.now();
    const shown = sanitizeLines(command.slice(0, 4 * RECORDED));
    this.#journal.append('command.start', { id, via: 'console', command: shown });
    const end = (exitCode: number | null, output: string, error?: string) => {
      const durationMs = Math.round(performance.now() - started);
      const stdout = sanitizeLines(output.slice(0, RECORDED));
      const data = { id, exitCode, durationMs, stdout, stderr: '' };
      this.#journal.append('command.end', error === undefined ? data : { ...data, error });
    };
    try {
      const result = await run();
      end(result.exitCode, result.output, result.disturbed ? 'disturbed by other console output' : undefined);
      return result;
    } catch (error) {
      end(null, '', messageOf(error));
      throw error;
    }
  }
}

/** For a message: the first line. */
function brief(command: string): string {
  const [first = '', ...more] = sanitizeLines(command).split('\n');
  return more.length === 0 ? first : `${first} ...`;
}

/** Enter after each line. */
function keys(lines: readonly string[]): string {
  return lines.map((line) => `${line}\r`).join('');
}

async function aborting(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return await work;
  if (signal.aborted) throw abortReason(signal);
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(abortReason(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
