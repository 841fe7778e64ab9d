/** Appends events to a run's journal. One process writes a journal; it may be killed at any byte. */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import { now } from './clock.ts';
import {
  type EventKind,
  type JournalEvent,
  type JournalSink,
  PAYLOADS,
  type PayloadInput,
  sourceOf,
} from './event.ts';
import { countParts, partPath } from './parts.ts';

export interface JournalWriterOptions {
  /** A new part is begun beyond this size. Default 256 MiB. */
  rotateBytes?: number;
  /** Beyond this size in all parts, only what is rare is still recorded. Default 4 GiB. */
  maxBytes?: number;
}

/** What may come without end; left out, and counted, once the journal has reached its limit. */
const COPIOUS: ReadonlySet<EventKind> = new Set([
  'console.line',
  'kernel.record',
  'hostapd.line',
  'wpa_supplicant.line',
  'dhcp.line',
  'iperf3.interval',
]);

/** Events are written together, at most this long after they came. */
const FLUSH_MS = 20;
const TAIL_BYTES = 64 * 1024;

export class JournalWriter implements JournalSink {
  readonly #first: string;
  readonly #rotateBytes: number;
  readonly #maxBytes: number;
  #fd: number;
  #part: number;
  #partBytes = 0;
  #totalBytes = 0;
  #seq = 0;
  #buffer: string[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** Events that could not be recorded since the last note about it. */
  #lost = 0;
  #lostWhy = '';
  #closed = false;

  private constructor(first: string, options: JournalWriterOptions) {
    this.#first = first;
    this.#rotateBytes = options.rotateBytes ?? 256 * 1024 * 1024;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 * 1024 * 1024;
    this.#part = Math.max(1, countParts(first));
    this.#fd = openSync(partPath(first, this.#part), 'a+', 0o644);
  }

  /** Opens a journal, creating it, or going on with an existing one after its last whole event. */
  static open(path: string, options: JournalWriterOptions = {}): Promise<JournalWriter> {
    mkdirSync(dirname(path), { recursive: true });
    const writer = new JournalWriter(path, options);
    writer.#resume();
    return Promise.resolve(writer);
  }

  append = <K extends EventKind>(kind: K, data: PayloadInput<K>, board: string | null = null): void => {
    if (this.#closed) return;
    const parsed = PAYLOADS[kind].safeParse(data);
    if (!parsed.success) {
      this.#note(
        `an event ${kind} of the wrong shape was left out, a bug of the harness: ${parsed.error.message}`,
        1,
      );
      return;
    }
    if (this.#totalBytes >= this.#maxBytes && COPIOUS.has(kind)) {
      this.#lost++;
      this.#lostWhy = `the journal has reached its limit of ${this.#maxBytes} bytes`;
      return;
    }
    this.#enqueue(kind, parsed.data as JournalEvent<K>['data'], board); // the schema of this very kind gave it
  };

  /** Writes what is waiting. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#buffer.length === 0) return;
    const lines = this.#buffer;
    this.#buffer = [];
    const bytes = Buffer.from(lines.join(''));
    try {
      this.#write(bytes);
    } catch (error) {
      this.#lost += lines.length;
      this.#lostWhy = `it could not be written: ${messageOf(error)}`;
      return;
    }
    if (this.#lost > 0 && this.#totalBytes < this.#maxBytes) this.#tellLost();
    if (this.#partBytes >= this.#rotateBytes) this.#rotate();
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#lost > 0) this.#tellLost();
    this.flush();
    this.#closed = true;
    closeSync(this.#fd);
    return Promise.resolve();
  }

  #note(message: string, lostEvents: number): void {
    this.#enqueue('journal.note', { message, lostEvents }, null);
  }

  #tellLost(): void {
    const lost = this.#lost;
    this.#lost = 0;
    this.#note(`${lost} events are missing: ${this.#lostWhy}`, lost);
  }

  #enqueue<K extends EventKind>(kind: K, data: JournalEvent<K>['data'], board: string | null): void {
    const event = { seq: ++this.#seq, ...now(), board, source: sourceOf(kind), kind, data };
    this.#buffer.push(`${JSON.stringify(event)}\n`);
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** All or nothing: half a batch on a full disk would tear the next one too. */
  #write(bytes: Buffer): void {
    const before = this.#partBytes;
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      ftruncateSync(this.#fd, before);
      throw error;
    }
    this.#partBytes += bytes.length;
    this.#totalBytes += bytes.length;
  }

  #rotate(): void {
    closeSync(this.#fd);
    this.#part++;
    this.#partBytes = 0;
    this.#fd = openSync(partPath(this.#first, this.#part), 'a+', 0o644);
  }

  /** Finds the last sequence number; ends a torn last line, so that the next event begins its own. */
  #resume(): void {
    for (let part = 1; part < this.#part; part++) {
      const fd = openSync(partPath(this.#first, part), 'r');
      this.#totalBytes += fstatSync(fd).size;
      this.#seq = Math.max(this.#seq, lastSeq(tailOf(fd)));
      closeSync(fd);
    }
    this.#partBytes = fstatSync(this.#fd).size;
    this.#totalBytes += this.#partBytes;
    const tail = tailOf(this.#fd);
    this.#seq = Math.max(this.#seq, lastSeq(tail));
    if (tail === '' || tail.endsWith('\n')) return;
    this.#write(Buffer.from('\n'));
    this.#note('the last line was torn: its writer was killed', 1);
  }
}

function tailOf(fd: number): string {
  const { size } = fstatSync(fd);
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString('utf8');
}

/** The last sequence number in the end of a journal; 0 when there is none. */
function lastSeq(tail: string): number {
  const all = [...tail.matchAll(/^\{"seq":(\d+),/gm)];
  return Number(all.at(-1)?.[1] ?? 0);
}
