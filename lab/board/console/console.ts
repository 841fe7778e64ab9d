/**
 * A board's console: always read, each line time-stamped and recorded, and driven by expect, login and framed commands.
 * It outlives the device: when that goes away it is opened again as soon as it is back.
 */
import { appendFile } from 'node:fs/promises';
import type { DeviceProfile } from '../../../devices/profile.ts';
import { abortReason, LabError, messageOf } from '../../errors.ts';
import type { JournalSink } from '../../journal/event.ts';
import { sanitize } from '../../text.ts';
import { Cleaner } from './clean.ts';
import { type Found, Matcher } from './expect.ts';
import { Frame } from './frame.ts';
import { TextHistory } from './history.ts';
import type { ConsolePort, ConsoleTransport } from './transport.ts';

export interface ConsoleOptions {
  board: string;
  transport: () => ConsoleTransport;
  journal: JournalSink;
  /** Everything received, as it came, is appended here. */
  rawPath?: string;
  prompt: DeviceProfile['console'];
}

export interface WaitOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface ExpectResult {
  index: number;
  match: string[];
  before: string;
  /** Just after the match: where to look for what comes next. */
  position: number;
}

export interface ConsoleRunResult {
  exitCode: number | null;
  output: string;
  disturbed: boolean;
  durationMs: number;
}

/** A begun line (a prompt) is recorded when nothing came for this long. */
const QUIET_MS = 250;
const MAX_LINE = 16 * 1024;
const MAX_OUTPUT = 64 * 1024 * 1024;
const TAIL_LINES = 1000;
const FRAME_TAIL = 8 * 1024;
const CTRL_C = '\x03';
const SHELL_PROMPT = /[#$>] $/;

export class Console {
  readonly #options: ConsoleOptions;
  readonly #history = new TextHistory();
  readonly #lineListeners = new Set<(line: { text: string }) => void>();
  readonly #rawListeners = new Set<(bytes: Buffer) => void>();
  readonly #end = new AbortController();
  #lines: string[] = [];
  #cleaner = new Cleaner();
  #line = '';
  #lineDropped = 0;
  /** The begun line as it was last recorded. */
  #recorded: string | null = null;
  #quiet: NodeJS.Timeout | null = null;
  #port: ConsolePort | null = null;
  #reading: Promise<void> | null = null;
  #onOpened: () => void = () => undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #rawPending: Buffer[] = [];
  #rawWriting: Promise<void> | null = null;

  constructor(options: ConsoleOptions) {
    this.#options = options;
  }

  /** Characters received so far, as cleaned: the unit of `from` in expect. */
  get position(): number {
    return this.#history.position;
  }

  /** Starts reading; resolves when the device has been opened for the first time. */
  async open(): Promise<void> {
    if (this.#reading) return;
    const opened = Promise.withResolvers<void>();
    this.#onOpened = opened.resolve;
    this.#reading = this.#readForEver().catch(opened.reject);
    await opened.promise;
  }

  /** Opens the device anew: it is another one under the same name. Resolves when that is open. */
  async reopen(): Promise<void> {
    const opened = Promise.withResolvers<void>();
    this.#onOpened = opened.resolve;
    await this.#port?.close();
    await opened.promise;
  }

  async close(): Promise<void> {
    this.#end.abort(new LabError(`the console of ${this.#options.board} was closed`, { code: 'aborted' }));
    await this.#port?.close();
    await this.#reading;
    this.#flushLine(true);
    await this.#rawWriting;
  }

  /** Types text as it is. Throws LabError when the device is away or takes no input. */
  async write(data: string | Buffer): Promise<void> {
    const port = this.#port;
    if (!port)
      throw new LabError(`the console of ${this.#options.board} is not there`, {
        board: this.#options.board,
        code: 'absent',
      });
    await port.write(typeof data === 'string' ? Buffer.from(data) : data);
    const sent = sanitize(data.toString()).trim();
    if (sent !== '') this.#options.journal.append('console.sent', { text: sent.slice(0, 200) });
  }

  async sendBreak(): Promise<void> {
    if (!this.#port?.sendBreak)
      throw new LabError(`the console of ${this.#options.board} can't send a break`, { code: 'unsupported' });
    await this.#port.sendBreak();
    this.#options.journal.append('console.event', { event: 'break sent' });
  }

  /**
   * Waits until one of the patterns is seen, from a position (default: from now) on. A string may span lines; a regular
   * expression sees one line at a time, the begun one included. Throws LabError (code `timeout`) with the last lines seen.
   */
  async expect(
    patterns: string | RegExp | readonly (string | RegExp)[],
    options: WaitOptions & { from?: number } = {},
  ): Promise<ExpectResult> {
    const list = typeof patterns === 'string' || patterns instanceof RegExp ? [patterns] : patterns;
    const from = options.from ?? this.position;
    const matcher = new Matcher(list);
    const found = await this.#waitFor<Found>(options, `for ${list.map(String).join(' or ')}`, (resolve) =>
      this.#history.read(from, (text, position) => {
        const match = matcher.feed(text, position);
        if (match) resolve(match);
      }),
    );
    return {
      index: found.index,
      match: found.match,
      before: this.#history.slice(from, found.start),
      position: found.end,
    };
  }

  /** From whatever it shows (a login prompt, a shell, a half-typed line) to a shell that answers. */
  async login(options: WaitOptions = {}): Promise<void> {
    await this.#inTurn(() => this.#login({ timeoutMs: 60_000, ...options }));
  }

  /**
   * Runs a command in the shell on the console and gives its output and exit code. Both are proven by a checksum made on
   * the board: where kernel lines fell in between and could not be told apart, the result says `disturbed`. The command
   * runs in a shell of its own (`cd` does not last), without input, stderr joined to stdout; NUL bytes are lost.
   *
   * Throws LabError (code `timeout`) when it does not end; it is then interrupted, and the console usable again.
   */
  async run(command: string, options: WaitOptions = {}): Promise<ConsoleRunResult> {
    return await this.#inTurn(() => this.#run(command, { timeoutMs: 30_000, ...options }));
  }

  /** Called with each complete line, cleaned. Gives what ends it. */
  subscribe(listener: (line: { text: string }) => void): () => void {
    this.#lineListeners.add(listener);
    return () => this.#lineListeners.delete(listener);
  }

  /** Called with all bytes as they come. Gives what ends it. */
  onRaw(listener: (bytes: Buffer) => void): () => void {
    this.#rawListeners.add(listener);
    return () => this.#rawListeners.delete(listener);
  }

  /** The last lines, oldest first. */
  tail(count: number): string[] {
    const lines = this.#line === '' ? this.#lines : [...this.#lines, this.#line];
    return lines.slice(-count);
  }

  async #readForEver(): Promise<void> {
    const { signal } = this.#end;
    const { transport, journal } = this.#options;
    while (!signal.aborted) {
      const cable = transport();
      try {
        this.#port = await cable.open();
      } catch (error) {
        if (!(error instanceof LabError) || error.code !== 'absent') throw error;
        await cable.appeared(signal);
        continue;
      }
      journal.append('console.event', { event: 'opened', detail: cable.name });
      const closed = Promise.withResolvers<string>();
      this.#port.onClose(closed.resolve);
      this.#port.onData((bytes) => this.#received(bytes));
      this.#onOpened();
      const reason = await closed.promise;
      this.#port = null;
      this.#flushLine(true);
      this.#cleaner = new Cleaner();
      journal.append('console.event', { event: 'gone', detail: reason });
    }
  }

  #received(bytes: Buffer): void {
    this.#keepRaw(bytes);
    for (const listener of [...this.#rawListeners]) listener(bytes);
    const text = this.#cleaner.push(bytes);
    this.#splitLines(text);
    this.#history.append(text);
  }

  #splitLines(text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#extendLine(text.slice(start, end));
      this.#flushLine(false);
      start = end + 1;
    }
    this.#extendLine(text.slice(start));
    if (this.#quiet) clearTimeout(this.#quiet);
    this.#quiet = this.#line === '' ? null : setTimeout(() => this.#recordLine(true), QUIET_MS);
  }

  #extendLine(piece: string): void {
    const room = MAX_LINE - this.#line.length;
    this.#line += piece.slice(0, room);
    this.#lineDropped += Math.max(0, piece.length - room);
  }

  #flushLine(partial: boolean): void {
    if (this.#quiet) clearTimeout(this.#quiet);
    this.#quiet = null;
    if (partial && this.#line === '') return;
    const text = this.#line;
    if (!(partial && this.#recorded === text)) this.#recordLine(partial);
    this.#recorded = null;
    this.#line = '';
    this.#lineDropped = 0;
    this.#lines.push(text);
    if (this.#lines.length > 2 * TAIL_LINES) this.#lines = this.#lines.slice(-TAIL_LINES);
    for (const listener of [...this.#lineListeners]) listener({ text });
  }

  #recordLine(partial: boolean): void {
    this.#recorded = partial ? this.#line : null;
    this.#options.journal.append('console.line', {
      text: this.#line,
      partial,
      truncatedBytes: this.#lineDropped,
    });
  }

  /** Appends in the background, one write at a time. */
  #keepRaw(bytes: Buffer): void {
    const { rawPath, journal } = this.#options;
    if (rawPath === undefined) return;
    this.#rawPending.push(bytes);
    this.#rawWriting ??= (async () => {
      while (this.#rawPending.length > 0)
        await appendFile(rawPath, Buffer.concat(this.#rawPending.splice(0)));
    })()
      .catch((error: unknown) => {
        const lost = this.#rawPending.splice(0).reduce((sum, { length }) => sum + length, 0);
        journal.append('journal.note', {
          message: `raw console bytes could not be kept (${lost} and some): ${messageOf(error)}`,
        });
      })
      .finally(() => {
        this.#rawWriting = null;
      });
  }

  /** One command at a time; the failure of one is not the next one's. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #login(options: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    const deadline = performance.now() + options.timeoutMs;
    const { loginPrompt, passwordPrompt, user, password } = this.#options.prompt;
    const left = () => ({ ...options, timeoutMs: Math.max(1, deadline - performance.now()) });
    for (let from = this.position; ; ) {
      await this.write(`${CTRL_C}\r`);
      const seen = await this.expect([loginPrompt, SHELL_PROMPT], {
        ...left(),
        timeoutMs: Math.min(5000, left().timeoutMs),
        from,
      }).catch((error: unknown) => {
        if (!(error instanceof LabError) || error.code !== 'timeout' || performance.now() > deadline)
          throw error;
        return null;
      });
      if (seen?.index === 1) return await this.#resync(left());
      if (seen?.index !== 0) continue;
      // Ctrl-C may have brought another prompt; the last one counts.
      await this.expect(SHELL_PROMPT, { ...left(), timeoutMs: 300, from: seen.position }).catch(
        () => undefined,
      );
      from = this.position;
      await this.write(`${user}\r`);
      const next = await this.expect([passwordPrompt, SHELL_PROMPT, /incorrect/i], { ...left(), from });
      if (next.index === 0) {
        await this.write(`${password ?? ''}\r`);
        const answer = await this.expect([/incorrect/i, SHELL_PROMPT], { ...left(), from: next.position });
        if (answer.index === 0) throw this.#refused();
      } else if (next.index === 2) throw this.#refused();
      return await this.#resync(left());
    }
  }

  #refused(): LabError {
    const { board, prompt } = this.#options;
    return new LabError(`${board}: the login as ${prompt.user} on the console was refused`, {
      board,
      code: 'login-refused',
      hint: "check the device profile's console user and password",
    });
  }

  async #run(
    command: string,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<ConsoleRunResult> {
    const frame = new Frame(command);
    const started = performance.now();
    const pieces: string[] = [];
    let size = 0;
    let tail = '';
    const complete = this.#waitFor<void>(options, `for the end of: ${command}`, (resolve) =>
      this.onRaw((bytes) => {
        const text = bytes.toString('latin1');
        size += text.length;
        if (size <= MAX_OUTPUT) pieces.push(text);
        tail = (tail + text).slice(-FRAME_TAIL);
        if (frame.isComplete(tail)) resolve();
      }),
    );
    // Awaited below; typing may fail first.
    complete.catch(() => undefined);
    try {
      for (const line of frame.typed()) await this.write(`${line}\r`);
      await complete;
    } catch (error) {
      await this.#recover(error);
      throw error;
    }
    return { ...frame.result(pieces.join('')), durationMs: performance.now() - started };
  }

  /** Ends what may still run, so that the next command finds a shell. */
  async #recover(why: unknown): Promise<void> {
    await this.#resync({ timeoutMs: 5000, signal: this.#end.signal }).catch((error: unknown) => {
      const detail = `after: ${messageOf(why)}: ${messageOf(error)}`;
      this.#options.journal.append('console.event', { event: 'not resynchronised', detail });
    });
  }

  /** Ctrl-C, then a mark that only a shell can print. */
  async #resync(options: { timeoutMs: number; signal?: AbortSignal }): Promise<void> {
    const token = Math.random().toString(36).slice(2);
    const from = this.position;
    const seen = this.expect(`HIL-${token}-R`, { ...options, from });
    seen.catch(() => undefined);
    // A program that swallows the first line of input is not rare.
    await this.write(`${CTRL_C}\r`);
    await this.write(`echo H''IL-${token}-R\r`);
    await seen;
  }

  async #waitFor<T>(
    options: WaitOptions,
    what: string,
    subscribe: (resolve: (value: T) => void) => () => void,
  ): Promise<T> {
    const { timeoutMs = 30_000, signal } = options;
    const { board } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => {
      const seen = this.tail(5).join('\n  ');
      reject(
        new LabError(`${board}: waited ${timeoutMs / 1000} s on the console ${what.slice(0, 300)}`, {
          board,
          code: 'timeout',
          hint: seen === '' ? 'nothing was seen' : `last seen:\n  ${seen}`,
        }),
      );
    }, timeoutMs);
    const abort = AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])]);
    const onAbort = () => reject(abortReason(abort));
    if (abort.aborted) onAbort();
    abort.addEventListener('abort', onAbort, { once: true });
    const unsubscribe = subscribe(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      abort.removeEventListener('abort', onAbort);
      unsubscribe();
    }
  }
}
