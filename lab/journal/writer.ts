/**
 * Appends events to a run's journal. One process writes a journal; it may be killed at any byte. Whatever fails here is
 * counted and told in the journal itself, never thrown: what is observed must not be stopped by its being recorded.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { LabError, messageOf } from '../errors.ts';
import { now } from './clock.ts';
import { type EventKind, type JournalSink, PAYLOADS, type PayloadInput, sourceOf } from './event.ts';
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

/** What comes by the thousand a second, as JSON without the detour by its schema; null for what only that can judge. */
const QUICK: { [K in EventKind]?: (data: PayloadInput<K>) => string | null } = {
  'console.line': ({ text, partial = false, truncatedBytes = 0 }) =>
    typeof text === 'string' && typeof partial === 'boolean' && Number.isSafeInteger(truncatedBytes)
      ? `{"text":${JSON.stringify(text)},"partial":${partial},"truncatedBytes":${truncatedBytes}}`
      : null,
};

/** Events are written together, at most this long after they came. */
const FLUSH_MS = 20;
/** Room for them, to begin with. */
const WAITING_BYTES = 64 * 1024;
const TEXT_CHARS = 16 * 1024;
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
  /** The last of them, that are no bytes yet. */
  #text = '';
  /** Events that are to be written, as bytes, and how many are lost when they can't be. */
  #waiting = Buffer.allocUnsafe(WAITING_BYTES);
  #waitingBytes = 0;
  #waitingEvents = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Events that could not be recorded since the last note about it. */
  #lost = 0;
  #lostWhy = '';
  #limitTold = false;
  /** What was written last may have no end of line. */
  #torn = false;
  #rotationFailed = false;
  #closed = false;

  private constructor(first: string, options: JournalWriterOptions) {
    this.#first = first;
    this.#rotateBytes = options.rotateBytes ?? 256 * 1024 * 1024;
    this.#maxBytes = options.maxBytes ?? 4 * 1024 * 1024 * 1024;
    this.#part = Math.max(1, countParts(first));
    this.#fd = openSync(partPath(first, this.#part), 'a+', 0o644);
  }

  /** Opens a journal, creating it, or going on with an existing one after its last whole event. Throws LabError. */
  static async open(path: string, options: JournalWriterOptions = {}): Promise<JournalWriter> {
    try {
      mkdirSync(dirname(path), { recursive: true });
      const writer = new JournalWriter(path, options);
      writer.#resume();
      return writer;
    } catch (cause) {
      throw new LabError(`the journal ${path} cannot be written: ${messageOf(cause)}`, {
        hint: 'check the disk and who may write there',
        cause,
      });
    }
  }

  append = <K extends EventKind>(kind: K, data: PayloadInput<K>, board: string | null = null): void => {
    if (this.#closed) return;
    const json = QUICK[kind]?.(data) ?? this.#checked(kind, data);
    if (json === null) return;
    if (this.#totalBytes >= this.#maxBytes && COPIOUS.has(kind)) {
      this.#lost++;
      this.#lostWhy = `the journal has reached its limit of ${this.#maxBytes} bytes`;
      if (!this.#limitTold) this.#note(`${this.#lostWhy}: from now on, lines and intervals are left out`, 0);
      this.#limitTold = true;
      return;
    }
    this.#enqueue(kind, json, board);
  };

  /** Writes what is waiting. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#encode();
    if (this.#waitingBytes === 0) return;
    const [bytes, events] = [this.#waitingBytes, this.#waitingEvents];
    this.#waitingBytes = 0;
    this.#waitingEvents = 0;
    try {
      this.#write(this.#waiting.subarray(0, bytes));
    } catch (error) {
      this.#lost += events;
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

  /** The payload with its defaults; null, and a note of it, when it is of the wrong shape. */
  #checked<K extends EventKind>(kind: K, data: PayloadInput<K>): string | null {
    const parsed = PAYLOADS[kind].safeParse(data);
    if (parsed.success) return JSON.stringify(parsed.data);
    const why = `an event ${kind} of the wrong shape was left out, a bug of the harness: ${parsed.error.message}`;
    this.#note(why, 1);
    return null;
  }

  #note(message: string, lostEvents: number): void {
    this.#enqueue('journal.note', JSON.stringify({ message, lostEvents }), null, lostEvents);
  }

  #tellLost(): void {
    const lost = this.#lost;
    this.#lost = 0;
    this.#note(`${lost} events are missing: ${this.#lostWhy}`, lost);
  }

  /** @param lost how many events are lost if this one can't be written: a note stands for those it tells of */
  #enqueue(kind: EventKind, json: string, board: string | null, lost = 1): void {
    const { mono, wall } = now();
    this.#text += `{"seq":${++this.#seq},"mono":${mono},"wall":"${wall}",${tag(kind, board)}"data":${json}}\n`;
    if (this.#text.length > TEXT_CHARS) this.#encode();
    this.#waitingEvents += lost;
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Some hundred lines in one go: a call of its own for each takes as long as all the rest of it. */
  #encode(): void {
    // UTF-8 takes 3 bytes at most for each unit of a string.
    const most = this.#waitingBytes + 3 * this.#text.length;
    if (most > this.#waiting.length)
      this.#waiting = Buffer.concat([this.#waiting.subarray(0, this.#waitingBytes)], 2 * most);
    this.#waitingBytes += this.#waiting.write(this.#text, this.#waitingBytes);
    this.#text = '';
  }

  /** All or nothing: half a batch on a full disk would tear the next one too. */
  #write(lines: Buffer): void {
    const bytes = this.#torn ? Buffer.concat([Buffer.from('\n'), lines]) : lines;
    const before = this.#partBytes;
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      this.#torn ||= done > 0;
      if (this.#torn) ftruncateSync(this.#fd, before);
      this.#torn = false;
      throw error;
    }
    this.#torn = false;
    this.#partBytes += bytes.length;
    this.#totalBytes += bytes.length;
  }

  /** Goes on in a new part; in the old one if there can be none now. */
  #rotate(): void {
    const path = partPath(this.#first, this.#part + 1);
    let fd: number;
    try {
      fd = openSync(path, 'a+', 0o644);
    } catch (error) {
      if (!this.#rotationFailed) this.#note(`no further part could be begun: ${messageOf(error)}`, 0);
      this.#rotationFailed = true;
      return;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#part++;
    this.#partBytes = 0;
    this.#rotationFailed = false;
  }

  /** Finds the last sequence number; ends a torn last line, so that the next event begins its own. */
  #resume(): void {
    for (let part = 1; part < this.#part; part++) {
      const fd = openSync(partPath(this.#first, part), 'r');
      this.#totalBytes += fstatSync(fd).size;
      this.#seq = Math.max(this.#seq, lastSeq(fd));
      closeSync(fd);
    }
    this.#partBytes = fstatSync(this.#fd).size;
    this.#totalBytes += this.#partBytes;
    this.#seq = Math.max(this.#seq, lastSeq(this.#fd));
    if (this.#partBytes === 0 || readAt(this.#fd, this.#partBytes - 1, 1).toString() === '\n') return;
    this.#torn = true;
    this.#note('the last line was torn: its writer was killed', 1);
  }
}

/** The constant middle of an event, made once for each kind and board. */
const tags = new Map<string | null, Map<EventKind, string>>();

function tag(kind: EventKind, board: string | null): string {
  const kinds = tags.get(board) ?? new Map<EventKind, string>();
  tags.set(board, kinds);
  let text = kinds.get(kind);
  if (text === undefined) {
    text = `"board":${JSON.stringify(board)},"source":"${sourceOf(kind)}","kind":"${kind}",`;
    kinds.set(kind, text);
  }
  return text;
}

function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}

/** The last sequence number in a part, looked for from its end; 0 when there is none. */
function lastSeq(fd: number): number {
  const { size } = fstatSync(fd);
  for (let length = Math.min(size, TAIL_BYTES); length > 0; length = Math.min(size, 8 * length)) {
    const tail = readAt(fd, size - length, length).toString('latin1');
    const last = [...tail.matchAll(/(?:^|\n)\{"seq":(\d+),/g)].at(-1);
    // At the beginning of what was read a line may begin or not; only at the beginning of the part it does.
    if (last && (last.index > 0 || length === size)) return Number(last[1]);
    if (length === size) break;
  }
  return 0;
}
