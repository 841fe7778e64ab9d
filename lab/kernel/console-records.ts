/**
 * What the serial console tells of the kernel's log. A record that came over SSH as well is one record; one that did not come
 * is kept until it is known that it will not.
 */
import type { KernelRecord } from './kmsg.ts';

export interface ConsoleRecord {
  /** Microseconds since boot. */
  us: number;
  /** -1 where the console does not show it. */
  level: number;
  text: string;
}

/** kernel/printk/printk.c: `<level>` where it is asked for, the time, the caller where it is asked for. */
const RECORD = /(?:<(\d{1,3})>)?\[ {0,4}(\d{1,9})\.(\d{6})\](?:\[ *[TC]\d{1,8}\])? (.*)$/;
const BOOT = /^Linux version \d/;

/** So many records are kept that SSH has not brought, and so many that it has. */
const WAITING_MAX = 30_000;
const KNOWN_MAX = 30_000;

/** The record on a console line, also behind a prompt; null where there is none. */
export function parseConsoleRecord(line: string): ConsoleRecord | null {
  const match = RECORD.exec(line);
  if (match === null) return null;
  const text = (match[4] ?? '').trimEnd();
  if (text === '') return null;
  return {
    us: Number(match[2]) * 1_000_000 + Number(match[3]),
    level: match[1] === undefined ? -1 : Number(match[1]) & 7,
    text,
  };
}

export class ConsoleRecords {
  /** By time, in the order in which they came. */
  readonly #waiting = new Map<number, ConsoleRecord[]>();
  #waitingCount = 0;
  /** Texts that have been told of this boot, by time. */
  readonly #known = new Map<number, string[]>();
  /** A boot has begun on the console that SSH has not seen yet. */
  #newBoot = false;
  #newestUs = -1;

  /** Time of the newest record that the console has shown of its boot; -1 before the first. */
  get newestUs(): number {
    return this.#newestUs;
  }

  /** Whether a line is the first of another boot. */
  beginsBoot(line: string): boolean {
    const record = line.includes('Linux version ') ? parseConsoleRecord(line) : null;
    return record !== null && BOOT.test(record.text) && record.us < this.#newestUs;
  }

  /** Takes a line of the console. What waits of an earlier boot goes with the first line of another. */
  heard(line: string): void {
    const record = parseConsoleRecord(line);
    if (record === null) return;
    if (this.beginsBoot(line)) {
      this.#forget();
      this.#newBoot = true;
    }
    this.#newestUs = Math.max(this.#newestUs, record.us);
    if (!this.#newBoot && this.#known.get(record.us)?.some((text) => text.includes(record.text))) return;
    add(this.#waiting, record.us, record);
    this.#waitingCount++;
    if (this.#waitingCount > WAITING_MAX) this.#dropOldest();
  }

  /** SSH has brought a record. Gives whether it has been told already, as one of the console. */
  delivered({ us, text }: KernelRecord): boolean {
    const told = this.#known.get(us)?.some((known) => text.includes(known) && known !== '') ?? false;
    const waiting = this.#waiting.get(us);
    if (waiting) {
      const rest = waiting.filter((record) => !text.includes(record.text));
      this.#waitingCount -= waiting.length - rest.length;
      if (rest.length === 0) this.#waiting.delete(us);
      else this.#waiting.set(us, rest);
    }
    if (!told) this.#know(us, text);
    return told;
  }

  /** Takes what waits from between two times, both left out, in order: they are told now. */
  take(afterUs: number, beforeUs: number, most = Number.POSITIVE_INFINITY): ConsoleRecord[] {
    const taken: ConsoleRecord[] = [];
    for (const [us, records] of this.#waiting) {
      if (us <= afterUs || us >= beforeUs) continue;
      const fit = records.slice(0, most - taken.length);
      if (fit.length === 0) break;
      taken.push(...fit);
      for (const { text } of fit) this.#know(us, text);
      this.#waitingCount -= records.length;
      this.#waiting.delete(us);
    }
    return taken.sort((a, b) => a.us - b.us);
  }

  /** SSH has seen a boot begin: what the console has shown of it stays, what it has shown of another goes. */
  enterBoot(): void {
    this.#known.clear();
    if (!this.#newBoot) this.#forget();
    this.#newBoot = false;
  }

  #know(us: number, text: string): void {
    add(this.#known, us, text);
    if (this.#known.size <= KNOWN_MAX) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  #forget(): void {
    this.#waiting.clear();
    this.#waitingCount = 0;
    this.#newestUs = -1;
  }

  #dropOldest(): void {
    for (const [us, records] of this.#waiting) {
      this.#waiting.delete(us);
      this.#waitingCount -= records.length;
      if (this.#waitingCount <= WAITING_MAX * 0.9) return;
    }
  }
}

function add<T>(map: Map<number, T[]>, key: number, value: T): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
