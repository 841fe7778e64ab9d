/** Follows a board's kernel log: each record once, gaps counted, across lost connections and reboots. */
import { randomBytes } from 'node:crypto';
import type { Remote, RemoteProcess } from '../board/remote.ts';
import { abortReason, HilError, LabError, messageOf, ProductError } from '../errors.ts';
import type { JournalSink } from '../journal/event.ts';
import { KernelHistory, type KernelMark } from './history.ts';
import { BARRIER, isBarrier, type KernelRecord, parseDmesgLine, parseKmsgLine } from './kmsg.ts';

/** How long a lost connection is left to others to bring back before this log tries itself. */
const RECONNECT_AFTER_MS = 10_000;
const BARRIER_MS = 10_000;
/** Readers that end at once, one after the other, without a record, before it is given up. */
const FRUITLESS_LIMIT = 5;

/** `cat` gives a record a read; it ends (EPIPE) when the ring has overtaken it, and is then started anew. */
const FOLLOW =
  'read -r i </proc/sys/kernel/random/boot_id;' +
  'if (exec 3</dev/kmsg) 2>/dev/null;then echo "kmsg $i";exec cat /dev/kmsg;' +
  'else echo "dmesg $i";exec dmesg --raw --follow;fi';

export interface KernelLogOptions {
  /** `whenConnected` resolves when somebody has connected the board again. */
  remote: Remote & { whenConnected?: (signal?: AbortSignal) => Promise<void> };
  journal: JournalSink;
  board: string;
}

export interface KernelWait {
  timeoutMs: number;
  /** Look at what came after this; default: from now on. */
  since?: KernelMark;
  signal?: AbortSignal;
}

type Listener = (record: KernelRecord) => void;

export class KernelLog {
  readonly #remote: KernelLogOptions['remote'];
  readonly #journal: JournalSink;
  readonly #board: string;
  readonly #history = new KernelHistory();
  readonly #listeners = new Set<Listener>();
  #stopping: AbortController | undefined;
  #following: Promise<void> = Promise.resolve();
  #failure: HilError | undefined;

  constructor(options: KernelLogOptions) {
    this.#remote = options.remote;
    this.#journal = options.journal;
    this.#board = options.board;
  }

  /**
   * Begins to follow, with what the ring still holds; resolves when a reader runs on the board. Goes on until `signal`
   * aborts or stop() is called; may then be started again. Throws what starting a program on the board throws.
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.stop();
    if (signal.aborted) throw abortReason(signal);
    const stopping = new AbortController();
    const forward = () => stopping.abort(signal.reason);
    signal.addEventListener('abort', forward, { once: true });
    this.#stopping = stopping;
    this.#failure = undefined;
    const first = await this.#open(stopping.signal);
    this.#following = this.#follow(first, stopping.signal).finally(() =>
      signal.removeEventListener('abort', forward),
    );
  }

  /** Ends the following; what was read stays. */
  async stop(): Promise<void> {
    this.#stopping?.abort(
      new LabError(`the kernel log of ${this.#board} is no longer followed`, { code: 'aborted' }),
    );
    this.#stopping = undefined;
    await this.#following;
  }

  /** The place after the last record read. Call barrier() first where it must not miss one. */
  mark(): KernelMark {
    return this.#history.mark();
  }

  /** Records after the mark, those of later boots included. */
  since(mark: KernelMark): KernelRecord[] {
    return this.#history.since(mark);
  }

  /** How many records after the mark the kernel overwrote before they could be read, or did not fit into memory. */
  lostSince(mark: KernelMark): number {
    return this.#history.lostSince(mark);
  }

  /** Calls `listener` with each new record, until the function given back is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when all that the kernel has logged before the call has been read: a line with a word of its own is
   * written into the log and awaited. Throws LabError `timeout`, or what broke the following.
   */
  async barrier(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    const { timeoutMs = BARRIER_MS, signal } = options;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopping === undefined) throw this.#notFollowed();
    const text = `${BARRIER}${randomBytes(8).toString('hex')}`;
    const limits = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
    const [seen, cancel] = this.#next(
      (record) => record.text === text,
      limits,
      () => this.#late(timeoutMs),
    );
    try {
      await this.#remote.check(`echo '<7>${text}' >/dev/kmsg`, { ...limits, quiet: true });
    } catch (error) {
      cancel();
      throw error;
    }
    await seen;
  }

  /**
   * The first record after `since` whose text matches. Throws ProductError `timeout` when the kernel did not log it in
   * time, LabError when the log was not followed.
   */
  async waitFor(pattern: RegExp | string, options: KernelWait): Promise<KernelRecord> {
    const { since, ...limits } = options;
    const matches = matcherOf(pattern);
    const known = since === undefined ? undefined : this.since(since).find(({ text }) => matches(text));
    if (known !== undefined) return known;
    if (this.#stopping === undefined) throw this.#failure ?? this.#notFollowed();
    const from = since ?? this.mark();
    const [seen] = this.#next(
      ({ text }) => !isBarrier(text) && matches(text),
      limits,
      () => {
        if (this.#stopping === undefined || this.#failure !== undefined)
          return this.#failure ?? this.#notFollowed();
        const last = this.since(from).slice(-3);
        return new ProductError(
          `the kernel of ${this.#board} did not log ${pattern} within ${limits.timeoutMs / 1000} s; ` +
            (last.length === 0 ? 'it logged nothing' : `last: ${last.map(({ text }) => text).join(' | ')}`),
          { board: this.#board, code: 'timeout' },
        );
      },
    );
    return seen;
  }

  #next(
    wanted: (record: KernelRecord) => boolean,
    limits: { timeoutMs: number; signal?: AbortSignal },
    late: () => HilError,
  ): [Promise<KernelRecord>, () => void] {
    const { signal, timeoutMs } = limits;
    let cancel: () => void = () => undefined;
    const seen = new Promise<KernelRecord>((resolve, reject) => {
      const finish = (settle: () => void) => {
        cancel();
        settle();
      };
      const onAbort = () => finish(() => reject(signal === undefined ? late() : abortReason(signal)));
      const timer = setTimeout(() => finish(() => reject(late())), timeoutMs);
      const forget = this.subscribe((record) => {
        if (wanted(record)) finish(() => resolve(record));
      });
      cancel = () => {
        clearTimeout(timer);
        forget();
        signal?.removeEventListener('abort', onAbort);
      };
      if (signal?.aborted === true) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    // The command that makes the record come may fail first, and is then what is reported.
    seen.catch(() => undefined);
    return [seen, cancel];
  }

  #late(timeoutMs: number): LabError {
    return new LabError(`the kernel log of ${this.#board} did not catch up within ${timeoutMs / 1000} s`, {
      board: this.#board,
      code: 'timeout',
      hint: 'the kernel may be flooding its log, or the connection hang; see hil journal --source ssh',
    });
  }

  #notFollowed(): LabError {
    return new LabError(`the kernel log of ${this.#board} is not being followed`, {
      board: this.#board,
      code: 'not-followed',
    });
  }

  async #open(signal: AbortSignal): Promise<RemoteProcess> {
    let format: string | undefined;
    return this.#remote.stream(FOLLOW, {
      signal,
      quiet: true,
      keep: true,
      onLine: (line, stream) => {
        if (stream === 'stderr' || signal.aborted) return;
        if (format !== undefined) return this.#line(line, format);
        const [first, bootId] = line.split(' ');
        format = first;
        if (bootId !== undefined) this.#enterBoot(bootId);
      },
    });
  }

  /** Never throws: what ends it for good is kept, for barrier() and waitFor() to tell. */
  async #follow(first: RemoteProcess, signal: AbortSignal): Promise<void> {
    let process: RemoteProcess | undefined = first;
    let fruitless = 0;
    // Not awaited further than this: a board that was just reset cannot confirm that the reader has ended.
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    while (!signal.aborted) {
      const before = this.#history.lastSeq;
      try {
        process ??= await this.#open(signal);
        const exit = await Promise.race([process.exited, stopped]);
        if (exit === undefined) break;
        fruitless = this.#history.lastSeq > before ? 0 : fruitless + 1;
        if (fruitless > FRUITLESS_LIMIT) this.#failure = this.#unreadable(exit.exitCode);
      } catch (error) {
        if (!signal.aborted) await this.#afterError(error, signal);
      }
      process = undefined;
      if (this.#failure !== undefined) {
        this.#journal.append('journal.note', { message: this.#failure.message }, this.#board);
        return;
      }
    }
  }

  async #afterError(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof HilError) || error.fault === 'config' || error.fault === 'harness') {
      this.#failure =
        error instanceof HilError
          ? error
          : new LabError(`following the kernel log of ${this.#board} failed: ${messageOf(error)}`, {
              cause: error,
            });
      return;
    }
    const pause = AbortSignal.any([signal, AbortSignal.timeout(RECONNECT_AFTER_MS)]);
    const aborted = new Promise<void>((resolve) =>
      pause.addEventListener('abort', () => resolve(), { once: true }),
    );
    // Only the end of the pause can make it reject, which `aborted` tells as well.
    const connected = this.#remote.whenConnected?.(pause).catch(() => aborted) ?? aborted;
    await Promise.race([connected, aborted]);
  }

  #unreadable(exitCode: number | null): LabError {
    return new LabError(`the kernel log of ${this.#board} cannot be read (exit code ${exitCode})`, {
      board: this.#board,
      code: 'no-kernel-log',
      hint: `hil exec ${this.#board} -- dmesg --follow`,
    });
  }

  #enterBoot(bootId: string): void {
    if (this.#history.enterBoot(bootId)) this.#journal.append('kernel.boot', { bootId }, this.#board);
  }

  #line(line: string, format: string): void {
    const record = format === 'kmsg' ? kmsgRecord(line) : this.#dmesgRecord(line);
    if (record !== undefined) this.#take(record);
  }

  #dmesgRecord(line: string): KernelRecord | undefined {
    const parsed = parseDmesgLine(line);
    // Without sequence numbers, only time tells what was seen before the reader was started anew.
    if (parsed === undefined || parsed.us < this.#history.lastUs) return undefined;
    return { seq: this.#history.lastSeq + 1, ...parsed };
  }

  #take(record: KernelRecord): void {
    const barrier = isBarrier(record.text);
    const { fresh, lost } = this.#history.take(record, !barrier);
    if (!fresh) return;
    if (lost > 0) this.#journal.append('kernel.lost', { records: lost }, this.#board);
    if (!barrier) this.#journal.append('kernel.record', record, this.#board);
    for (const listener of [...this.#listeners]) listener(record);
  }
}

function kmsgRecord(line: string): KernelRecord | undefined {
  const parsed = parseKmsgLine(line);
  if (parsed.kind !== 'record') return undefined;
  const { seq, level, us, text } = parsed.record;
  return { seq, level, us, text };
}

/** Global and sticky expressions remember where they were; ours must not. */
function matcherOf(pattern: RegExp | string): (text: string) => boolean {
  if (typeof pattern === 'string') return (text) => text.includes(pattern);
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (text) => stateless.test(text);
}
