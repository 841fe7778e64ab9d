/**
 * Follows a board's kernel log: each record once, gaps filled from the console or counted, across lost connections and
 * reboots.
 */
import { randomBytes } from 'node:crypto';
import type { Remote, RemoteProcess } from '../board/remote.ts';
import { abortReason, HilError, LabError, messageOf, ProductError } from '../errors.ts';
import type { JournalSink } from '../journal/event.ts';
import { within } from '../within.ts';
import { type ConsoleRecord, ConsoleRecords } from './console-records.ts';
import { type FollowedRecord, followScript, isLogFormat, type LogFormat, parseFollowed } from './follow.ts';
import { Gaps } from './gaps.ts';
import { KernelHistory, type KernelMark } from './history.ts';
import { BARRIER, isBarrier, type KernelRecord } from './kmsg.ts';
import { nextRecord } from './next-record.ts';

/** How long a lost connection is left to others to bring back before this log tries itself. */
const RECONNECT_AFTER_MS = 10_000;
const BARRIER_MS = 10_000;
/** Readers that end at once, one after the other, without a record, before it is given up. */
const FRUITLESS_LIMIT = 5;
/** EPIPE: what a reader of /dev/kmsg gets in place of records that are gone. */
const OUTRUN = /broken pipe/i;

export interface KernelLogOptions {
  /** `whenConnected` resolves when somebody has connected the board again. */
  remote: Remote & { whenConnected?: (signal?: AbortSignal) => Promise<void> };
  journal: JournalSink;
  board: string;
  /** Lines of its console, where it has one. */
  console?: { subscribe(listener: (line: { text: string }) => void): () => void };
  /** Ways of following that may be used; default: the best that the board has. */
  formats?: readonly LogFormat[];
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
  readonly #console = new ConsoleRecords();
  readonly #script: string;
  readonly #gaps: Gaps;
  /** A record whose properties may still come. */
  #begun: FollowedRecord | null = null;
  /** The reader has ended because records were overwritten faster than it reads: it is worth another. */
  #outrun = false;
  /** A look at a log that can't be followed begins. */
  #looks = false;
  /** Texts of the newest time, where records have no numbers: they are told again by the next look. */
  #newest = { us: -1, texts: new Set<string>() };
  readonly #listeners = new Set<Listener>();
  #stopping: AbortController | undefined;
  #following: Promise<void> = Promise.resolve();
  #reader: RemoteProcess | undefined;
  #failure: HilError | undefined;

  constructor(options: KernelLogOptions) {
    this.#remote = options.remote;
    this.#journal = options.journal;
    this.#board = options.board;
    this.#script = followScript(options.formats);
    this.#gaps = new Gaps(this.#console, ({ found, beforeSeq, lost }) => {
      this.#tellConsole(found, beforeSeq);
      if (lost > 0) this.#journal.append('kernel.lost', { records: lost }, this.#board);
    });
    options.console?.subscribe(({ text }) => {
      // What is left of the boot before can only be told now.
      if (this.#console.beginsBoot(text)) this.tellRest();
      this.#console.heard(text);
      this.#gaps.consoleMoved();
    });
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

  /** Ends the following; what was read stays, and what only the console has told is told. */
  async stop(): Promise<void> {
    this.#stopping?.abort(
      new LabError(`the kernel log of ${this.#board} is no longer followed`, { code: 'aborted' }),
    );
    this.#stopping = undefined;
    await this.#following;
    this.tellRest();
  }

  /** As stop(), and resolves when no reader is left on the board, which goes on. Throws LabError `timeout`, or as stopping a program does. */
  async end(timeoutMs: number): Promise<void> {
    const reader = this.#reader;
    await this.stop();
    if (reader) await within(reader.stop(), { timeoutMs, late: () => this.#late(timeoutMs) });
  }

  /** Nothing more will come over SSH, or not soon: tells what only the console has told so far. */
  tellRest(): void {
    this.#flush();
    this.#gaps.settleAll();
    if (this.#history.mark().bootId === '') return;
    this.#tellConsole(this.#console.take(this.#history.lastUs, Number.POSITIVE_INFINITY), null);
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
    const [seen, cancel] = nextRecord(
      (listener) => this.subscribe(listener),
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
    await this.#gaps.settled();
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
    const [seen] = nextRecord(
      (listener) => this.subscribe(listener),
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
    this.#outrun = false;
    let format: LogFormat | undefined;
    this.#reader = undefined;
    this.#reader = await this.#remote.stream(this.#script, {
      signal,
      quiet: true,
      keep: true,
      onLine: (line, stream) => {
        if (signal.aborted) return;
        if (stream === 'stderr') {
          this.#outrun ||= OUTRUN.test(line);
          return;
        }
        if (format !== undefined) return this.#line(line, format);
        const [first = '', bootId] = line.split(' ');
        if (isLogFormat(first)) format = first;
        if (bootId !== undefined) this.#enterBoot(bootId);
      },
    });
    return this.#reader;
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
        fruitless = this.#outrun || this.#history.lastSeq > before ? 0 : fruitless + 1;
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
    this.#flush();
    this.#gaps.settleAll();
    if (!this.#history.enterBoot(bootId)) return;
    this.#console.enterBoot();
    this.#newest = { us: -1, texts: new Set() };
    this.#journal.append('kernel.boot', { bootId }, this.#board);
  }

  #line(line: string, format: LogFormat): void {
    const followed = parseFollowed(format, line);
    if (followed.kind === 'property') {
      const { key, value } = followed;
      if (this.#begun && key === 'SUBSYSTEM') this.#begun = { ...this.#begun, subsystem: value };
      if (this.#begun && key === 'DEVICE') this.#begun = { ...this.#begun, device: value };
    } else if (followed.kind === 'record') {
      this.#flush();
      const { record } = followed;
      if (format === 'kmsg') this.#begin(record);
      else this.#takeUnnumbered(record);
    } else if (followed.kind === 'polled') this.#looks = true;
  }

  /** Its properties come with it, in one piece. */
  #begin(record: FollowedRecord): void {
    this.#begun = record;
    setImmediate(() => {
      if (this.#begun === record) this.#flush();
    });
  }

  #flush(): void {
    const record = this.#begun;
    this.#begun = null;
    if (record !== null && record.seq !== null) this.#take({ ...record, seq: record.seq });
  }

  /** Without sequence numbers, only time tells what was seen before. */
  #takeUnnumbered(record: FollowedRecord): void {
    const { us, text } = record;
    if (this.#looks && us > this.#newest.us && this.#newest.us >= 0) this.#overtaken();
    this.#looks = false;
    if (us < this.#newest.us || (us === this.#newest.us && this.#newest.texts.has(text))) return;
    if (us > this.#newest.us) this.#newest = { us, texts: new Set() };
    this.#newest.texts.add(text);
    this.#take({ ...record, seq: this.#history.lastSeq + 1 });
  }

  /** The oldest that a look shows is newer than all that the look before has shown. */
  #overtaken(): void {
    const message = `the kernel of ${this.#board} has overwritten records between two looks at its log: some are missing`;
    this.#journal.append('journal.note', { message }, this.#board);
  }

  #take(record: KernelRecord): void {
    const barrier = isBarrier(record.text);
    const { lastUs, lastSeq } = this.#history;
    const { fresh, lost } = this.#history.take(record, !barrier);
    const told = this.#console.delivered(record);
    if (!fresh) return;
    // The ring may have lost the begin of a boot before anybody looked.
    if (lost > 0) this.#gaps.add(lastUs, record, lost);
    else if (lastSeq === -1 && record.seq > 0) this.#gaps.add(-1, record, null);
    if (!barrier && !told) this.#journal.append('kernel.record', record, this.#board);
    for (const listener of [...this.#listeners]) listener(record);
  }

  #tellConsole(found: readonly ConsoleRecord[], beforeSeq: number | null): void {
    const records = found
      .filter(({ text }) => !isBarrier(text))
      .map((record) => ({ ...record, seq: -1, via: 'console' as const }));
    this.#history.fill(beforeSeq, records);
    for (const record of records) {
      this.#journal.append('kernel.record', record, this.#board);
      for (const listener of [...this.#listeners]) listener(record);
    }
  }
}

/** Global and sticky expressions remember where they were; ours must not. */
function matcherOf(pattern: RegExp | string): (text: string) => boolean {
  if (typeof pattern === 'string') return (text) => text.includes(pattern);
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (text) => stateless.test(text);
}
