/** A program that a link needs on its board (hostapd, wpa_supplicant, dnsmasq): watched line by line, surely ended. */
import type { Remote, RemoteProcess } from '../board/remote.ts';
import { abortReason, LabError, messageOf } from '../errors.ts';

export interface DaemonOptions {
  remote: Remote;
  name: string;
  command: string;
  signal: AbortSignal;
  onLine: (line: string) => void;
  /** Called when it has ended though nobody stopped it; `how`: its exit status, or how it was lost. */
  onLost: (how: string) => void;
}

/** Lines kept for messages. */
const KEPT = 40;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #listeners = new Set<(line: string | null) => void>();
  #process: RemoteProcess | null = null;
  #lines: string[] = [];
  #ended = false;
  #stopping = false;

  private constructor(options: DaemonOptions) {
    this.#options = options;
  }

  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    daemon.#process = await options.remote.stream(options.command, {
      signal: options.signal,
      onLine: (line) => daemon.#line(line),
    });
    daemon.#process.exited.then(
      ({ exitCode, signal }) => daemon.#end(signal === null ? `exit code ${exitCode}` : `signal ${signal}`),
      (error: unknown) => daemon.#end(messageOf(error)),
    );
    return daemon;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The last lines it printed. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /**
   * Resolves with the first value that `test` gives for a line, those already printed included; rejects with what it
   * throws. Rejects with LabError when the program ends first (code `ended`) or at the deadline (code `timeout`), with its
   * last lines.
   */
  async waitFor<T>(test: (line: string) => T | null, timeoutMs: number, what: string): Promise<T> {
    const { name, remote, signal } = this.#options;
    if (signal.aborted) throw abortReason(signal);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const failure = (why: string, code: string) =>
      new LabError(`${remote.name}: ${name} ${why} before ${what}`, {
        board: remote.name,
        code,
        hint: this.#lines.slice(-6).join('\n'),
      });
    const listener = (line: string | null): void => {
      if (line === null) {
        reject(failure('ended', 'ended'));
        return;
      }
      try {
        const value = test(line);
        if (value !== null) resolve(value);
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(() => reject(failure(`took over ${timeoutMs / 1000} s`, 'timeout')), timeoutMs);
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#listeners.add(listener);
      for (const line of this.#lines) listener(line);
      if (this.#ended) listener(null);
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      this.#listeners.delete(listener);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#process?.stop();
  }

  #line(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT) this.#lines.shift();
    this.#options.onLine(line);
    for (const listener of [...this.#listeners]) listener(line);
  }

  #end(how: string): void {
    this.#ended = true;
    const { signal, onLost } = this.#options;
    if (!this.#stopping && !signal.aborted) onLost(how);
    for (const listener of [...this.#listeners]) listener(null);
  }
}
