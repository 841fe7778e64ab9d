/** One run of `hil`: its cancellation by signals, its exit code, and where its output goes. */
import { once } from 'node:events';
import { LabError } from '../errors.ts';
import { isReaderGone } from '../runner/output.ts';
import { exitCodeOfSignal } from './failure.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Invocation {
  /** As typed, for journals. */
  readonly argv: readonly string[];
  exitCode = 0;
  /** The signal that asked for the end, if one did. */
  interruptedBy: NodeJS.Signals | null = null;
  /** Its end by a signal was in order, and has a result: the exit code is that of the result. */
  endedInOrder = false;
  readonly #abort = new AbortController();
  #handlers: [NodeJS.Signals, () => void][] = [];

  constructor(argv: readonly string[]) {
    this.argv = argv;
  }

  /** Aborted by Ctrl-C, SIGTERM or a closed terminal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** From now on the first signal cancels what is under way; a second one ends the program at once. */
  catchSignals(): void {
    this.#handlers = SIGNALS.map((name) => [name, () => this.interrupt(name)]);
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  /** For a command that deals with signals in its own way. */
  releaseSignals(): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    this.#handlers = [];
  }

  interrupt(name: NodeJS.Signals): void {
    // The controller ends what this process had on a board as soon as its connection is gone.
    if (this.interruptedBy !== null) process.exit(exitCodeOfSignal(name));
    this.interruptedBy = name;
    this.#abort.abort(new LabError(`ended by ${name}`, { code: 'aborted' }));
  }

  /** Writes to standard output, no faster than it is read. */
  async write(data: string | Uint8Array): Promise<void> {
    if (process.stdout.write(data) || process.stdout.destroyed) return;
    await once(process.stdout, 'drain', { signal: this.signal }).catch((error: unknown) => {
      if (!this.signal.aborted && !isReaderGone(error)) throw error;
    });
  }

  /** Standard output as one JSON document. */
  async json(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A line for a person; on standard error, so that standard output holds data alone. */
  say(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}

/** Whether to colour what goes to a stream: a terminal, and NO_COLOR (https://no-color.org) does not forbid it. */
export function colours(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}
