/**
 * A board's console: always read, each line time-stamped and recorded, and driven by expect, login and framed commands.
 * It outlives the device: when that goes away it is opened again as soon as it is back.
 */
import type { DeviceProfile } from '../../../devices/profile.ts';
import { abortReason, ConfigError, LabError, messageOf } from '../../errors.ts';
import type { JournalSink } from '../../journal/event.ts';
import { troubleOf } from '../../kernel/trouble.ts';
import { StreamRedactor } from '../../redact.ts';
import { sanitize } from '../../text.ts';
import { Cleaner } from './clean.ts';
import { type ExpectOptions, type ExpectResult, type Found, Matcher, type Pattern } from './expect.ts';
import { TextHistory } from './history.ts';
import { type LineListener, LineRecorder } from './lines.ts';
import { RawHistory } from './raw-history.ts';
import { RawLog } from './raw-log.ts';
import { type ConsoleRunResult, Shell } from './shell.ts';
import type { ConsolePort, ConsoleTransport } from './transport.ts';
import { type ConsoleView, type WaitOptions, waitOn } from './wait.ts';

export type { ConsoleRunResult, ExpectResult, WaitOptions };

/** A cable that was open for this long was there. */
const HELD_MS = 1000;

export interface ConsoleOptions {
  board: string;
  transport: () => ConsoleTransport;
  journal: JournalSink;
  /** Everything received, as it came, is appended here. */
  rawPath?: string;
  prompt: DeviceProfile['console'];
}

export class Console {
  readonly #options: ConsoleOptions;
  readonly #history = new TextHistory();
  readonly #lines: LineRecorder;
  readonly #raw: RawLog | null;
  /** The record on disk holds no secret; what is expected of the board may. */
  readonly #redactor = new StreamRedactor();
  readonly #shell: Shell;
  readonly #view: ConsoleView;
  readonly #rawHistory = new RawHistory();
  readonly #rawListeners = new Set<(bytes: Buffer) => void>();
  readonly #end = new AbortController();
  readonly #cleaner = new Cleaner();
  #port: ConsolePort | null = null;
  #reading: Promise<void> | null = null;
  /** It is closed by us, to be opened again at once. */
  #reopening = false;
  readonly #awaitingOpen = new Set<PromiseWithResolvers<void>>();
  /** Why reading ended before its time. */
  #failure: unknown = null;

  constructor(options: ConsoleOptions) {
    const { board, journal, rawPath, prompt } = options;
    this.#options = options;
    this.#lines = new LineRecorder(journal);
    this.#view = { board, tail: (count) => this.tail(count), closed: this.#end.signal };
    const note = (message: string) => journal.append('journal.note', { message: `${board}: ${message}` });
    this.#raw = rawPath === undefined ? null : new RawLog(rawPath, note);
    const position = () => this.position;
    this.#shell = new Shell(
      {
        view: this.#view,
        get position() {
          return position();
        },
        type: (text) => this.#type(Buffer.from(text)),
        expect: (patterns, limits) => this.expect(patterns, limits),
        onRaw: (listener) => this.onRaw(listener),
      },
      prompt,
      journal,
    );
    this.#lines.subscribe(({ text }) => {
      if (text.includes('Linux version') && troubleOf(text)?.kind === 'boot') this.#shell.forget();
    });
  }

  /** Characters received so far, as cleaned: the unit of `from` in expect. */
  get position(): number {
    return this.#history.position;
  }

  /** Starts reading; resolves when the device is open. Throws LabError when it is closed or aborted before. */
  async open(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#reading ??= this.#readForEver().catch((error: unknown) => {
      this.#failure = error;
      for (const waiter of this.#awaitingOpen) waiter.reject(error);
    });
    if (!this.#port) await this.#nextOpen(options.signal);
  }

  /** Opens the device anew: it is another one under the same name. Resolves when that is open. */
  async reopen(options: { signal?: AbortSignal } = {}): Promise<void> {
    const opened = this.#nextOpen(options.signal);
    this.#reopening = this.#port !== null;
    await Promise.all([opened, this.#port?.close()]);
  }

  /** Stops reading for good. Whoever still waits for something gets LabError, code `aborted`. */
  async close(): Promise<void> {
    this.#end.abort(new LabError(`the console of ${this.#options.board} was closed`, { code: 'aborted' }));
    await this.#port?.close();
    await this.#reading;
    this.#lines.end();
    this.#raw?.append(this.#redactor.flush());
    await this.#raw?.close();
  }

  /** Types text as it is. Throws LabError when the device is away or takes no input. */
  async write(data: string | Buffer): Promise<void> {
    await this.#type(typeof data === 'string' ? Buffer.from(data) : data);
    const sent = sanitize(data.toString()).trim();
    if (sent !== '') this.#options.journal.append('console.sent', { text: sent.slice(0, 200) });
  }

  async sendBreak(): Promise<void> {
    const { board, journal } = this.#options;
    if (!this.#port?.sendBreak)
      throw new LabError(`the console of ${board} can't send a break`, { board, code: 'unsupported' });
    await this.#port.sendBreak();
    journal.append('console.event', { event: 'break sent' });
  }

  /**
   * Gives the kernel a SysRq command: a break, then the letter (Documentation/admin-guide/sysrq.rst). Throws ConfigError
   * for what is no letter or digit, LabError where no break can be sent or the device is away.
   * @param sendBreak where the break does not go by the cable
   */
  async sysrq(letter: string, sendBreak = () => this.sendBreak()): Promise<void> {
    if (!/^[0-9A-Za-z]$/.test(letter))
      throw new ConfigError(`"${letter}" is no SysRq command`, {
        hint: 'one letter or digit, such as b or c',
      });
    await sendBreak();
    await this.#type(Buffer.from(letter));
    this.#options.journal.append('console.event', { event: 'sysrq sent', detail: letter });
  }

  /**
   * Waits until one of the patterns is seen, from a position (default: from now) on. Text is as recorded: clean, lines end
   * in LF, also where a carriage return alone began a line anew. The last MiB is kept to begin in. Throws LabError (code
   * `timeout`) with the last lines seen.
   */
  async expect(patterns: Pattern | readonly Pattern[], options: ExpectOptions = {}): Promise<ExpectResult> {
    const list = typeof patterns === 'string' || patterns instanceof RegExp ? [patterns] : patterns;
    const from = options.from ?? this.position;
    const matcher = new Matcher(list);
    const forgotten = Math.max(0, this.#history.forgotten - from);
    const unseen = forgotten === 0 ? '' : ` (the first ${forgotten} characters are not known any more)`;
    const what = `for ${list.map(String).join(' or ')}${unseen}`;
    const found = await waitOn<Found>(this.#view, options, what, (resolve) =>
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

  /**
   * From whatever it shows (a login prompt, a shell, a half-typed line) to a shell that answers. Default 60 s. Throws
   * LabError, code `timeout` or `login-refused`.
   */
  async login(options: WaitOptions = {}): Promise<void> {
    await this.#shell.login(options);
  }

  /**
   * Runs a command in the shell on the console and gives its output and exit code. Both are proven by a sum made on the
   * board: where kernel lines fell in between and could not be told apart, the result says `disturbed`. The command runs
   * in a shell of its own (`cd` does not last), without input, stderr joined to stdout; NUL bytes are lost. Default 30 s.
   *
   * Throws LabError: code `timeout` when it does not end (it is then interrupted, and the console usable again),
   * `no-shell` when nobody is logged in, `lost-characters`; ConfigError for a command over 64 KiB.
   */
  async run(command: string, options: WaitOptions = {}): Promise<ConsoleRunResult> {
    return await this.#shell.run(command, options);
  }

  /** Called with each complete line, cleaned. Gives what ends it. */
  subscribe(listener: LineListener): () => void {
    return this.#lines.subscribe(listener);
  }

  /** Called with all bytes as they come. Gives what ends it. */
  onRaw(listener: (bytes: Buffer) => void): () => void {
    this.#rawListeners.add(listener);
    return () => this.#rawListeners.delete(listener);
  }

  /** The last lines, oldest first. */
  tail(count: number): string[] {
    return this.#lines.tail(count);
  }

  /** The last lines as they came, escape sequences and all. */
  rawTail(count: number): Buffer {
    return this.#rawHistory.tail(count);
  }

  async #nextOpen(signal: AbortSignal | undefined): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const abort = signal ? AbortSignal.any([this.#end.signal, signal]) : this.#end.signal;
    const waiter = Promise.withResolvers<void>();
    const onAbort = () => waiter.reject(abortReason(abort));
    if (abort.aborted) onAbort();
    else abort.addEventListener('abort', onAbort, { once: true });
    this.#awaitingOpen.add(waiter);
    try {
      await waiter.promise;
    } finally {
      this.#awaitingOpen.delete(waiter);
      abort.removeEventListener('abort', onAbort);
    }
  }

  async #type(bytes: Buffer): Promise<void> {
    const { board } = this.#options;
    if (!this.#port) throw new LabError(`the console of ${board} is not there`, { board, code: 'absent' });
    await this.#port.write(bytes);
  }

  async #readForEver(): Promise<void> {
    const { signal } = this.#end;
    const { transport, journal } = this.#options;
    let told = '';
    let failures = 0;
    while (!signal.aborted) {
      const cable = transport();
      let port: ConsolePort;
      try {
        port = await cable.open(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LabError) || error.code !== 'absent') throw error;
        const detail = messageOf(error);
        if (detail !== told) journal.append('console.event', { event: 'not there', detail });
        told = detail;
        await cable.appeared(signal, ++failures);
        continue;
      }
      told = '';
      const opened = performance.now();
      await this.#read(port, cable.name);
      // A server that accepts, and hangs up at once, has no device behind it.
      if (this.#reopening || performance.now() - opened > HELD_MS) failures = 0;
      else await cable.appeared(signal, ++failures);
      this.#reopening = false;
    }
  }

  /** Until the device goes away. */
  async #read(port: ConsolePort, name: string): Promise<void> {
    const closed = Promise.withResolvers<string>();
    port.onClose(closed.resolve);
    port.onData((bytes) => this.#received(bytes));
    this.#port = port;
    this.#options.journal.append('console.event', { event: 'opened', detail: name });
    for (const waiter of this.#awaitingOpen) waiter.resolve();
    // It was closed while the device was being opened.
    if (this.#end.signal.aborted) await port.close();
    const reason = await closed.promise;
    this.#port = null;
    this.#shell.forget();
    this.#cleaned(this.#cleaner.end());
    this.#lines.end();
    this.#options.journal.append('console.event', { event: 'gone', detail: reason });
  }

  #received(bytes: Buffer): void {
    this.#raw?.append(this.#redactor.push(bytes));
    this.#rawHistory.append(bytes);
    if (this.#rawListeners.size > 0) for (const listener of [...this.#rawListeners]) listener(bytes);
    this.#cleaned(this.#cleaner.push(bytes));
  }

  #cleaned(text: string): void {
    this.#lines.push(text);
    this.#history.append(text.includes('\r') ? text.replaceAll('\r', '\n') : text);
  }
}
