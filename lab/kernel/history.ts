/** The kernel's records over several boots: in order, without doubles, what was lost counted, memory bounded. */
import type { KernelRecord } from './kmsg.ts';

/** A place in the kernel's log. */
export interface KernelMark {
  /** Empty before the first boot was seen. */
  bootId: string;
  /** The last record before the mark; -1 when there was none. */
  seq: number;
}

interface Stored {
  boot: number;
  /** Where it stands among the sequence numbers: of a record without one, between two. */
  place: number;
  record: KernelRecord;
}

interface Loss {
  boot: number;
  /** The first record after it. */
  seq: number;
  records: number;
}

export const HISTORY_LIMIT = 50_000;
/** So long may the texts kept be together, in characters. */
export const HISTORY_CHARS = 8 * 1024 * 1024;

export class KernelHistory {
  readonly #limit: number;
  /** Names of boots, in order. A board set back to a snapshot goes on under another name: `<boot id>~1`. */
  readonly #boots: string[] = [];
  #bootId: string | undefined;
  #rewinds = 0;
  /** When each record of this boot was logged, by sequence number. */
  readonly #times = new Map<number, number>();
  #stored: Stored[] = [];
  #storedChars = 0;
  readonly #losses: Loss[] = [];
  #lastSeq = -1;
  #lastUs = -1;

  constructor(limit = HISTORY_LIMIT) {
    this.#limit = limit;
  }

  /** Seen last in the current boot; -1 when nothing was. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get lastUs(): number {
    return this.#lastUs;
  }

  /** What follows is of this boot. True when that is another than before. */
  enterBoot(bootId: string): boolean {
    if (this.#bootId === bootId) return false;
    this.#bootId = bootId;
    this.#boots.push(bootId);
    this.#rewinds = 0;
    this.#times.clear();
    this.#lastSeq = -1;
    this.#lastUs = -1;
    return true;
  }

  /**
   * Takes the next record. `fresh` is false for one that is known already; `lost` counts those missing before it. Of
   * the very first boot, what was overwritten before anyone looked does not count. `keep` false notes only its place.
   */
  take(record: KernelRecord, keep: boolean): { fresh: boolean; lost: number } {
    if (record.seq <= this.#lastSeq) {
      const known = this.#times.get(record.seq);
      if (known === undefined || known === record.us) return { fresh: false, lost: 0 };
      this.#rewind(record.seq);
    }
    const boot = this.#boots.length - 1;
    const firstLook = this.#lastSeq === -1 && boot === 0;
    const lost = firstLook ? 0 : record.seq - this.#lastSeq - 1;
    this.#lastSeq = record.seq;
    this.#lastUs = record.us;
    this.#times.set(record.seq, record.us);
    if (lost > 0) this.#losses.push({ boot, seq: record.seq, records: lost });
    if (keep) {
      this.#stored.push({ boot, place: record.seq, record });
      this.#storedChars += record.text.length;
    }
    while (this.#stored.length > this.#limit || this.#storedChars > HISTORY_CHARS) this.#trim();
    return { fresh: true, lost };
  }

  /**
   * Puts records that came in another way where they were missing: before the record with a sequence number, or behind the
   * last one where that is null. So many fewer are lost there.
   */
  fill(beforeSeq: number | null, records: readonly KernelRecord[]): void {
    const boot = this.#boots.length - 1;
    const place = beforeSeq === null ? this.#lastSeq + 0.5 : beforeSeq - 0.5;
    const found = records.map((record) => ({ boot, place, record }));
    const at = this.#stored.findLastIndex((stored) => stored.boot < boot || stored.place <= place) + 1;
    this.#stored.splice(at, 0, ...found);
    for (const { text } of records) this.#storedChars += text.length;
    const loss = this.#losses.findLast((one) => one.boot === boot && one.seq === beforeSeq);
    if (loss) loss.records = Math.max(0, loss.records - records.length);
    while (this.#stored.length > this.#limit || this.#storedChars > HISTORY_CHARS) this.#trim();
  }

  mark(): KernelMark {
    return { bootId: this.#boots.at(-1) ?? '', seq: this.#lastSeq };
  }

  /** Records after the mark, of that boot and later ones; all there are for a mark of an unknown boot. */
  since(mark: KernelMark): KernelRecord[] {
    const boot = this.#boots.indexOf(mark.bootId);
    return this.#stored
      .filter((stored) => isAfter(stored.boot, stored.place, boot, mark))
      .map(({ record }) => record);
  }

  /** Records after the mark that were overwritten before they were read, or no longer fit into memory. */
  lostSince(mark: KernelMark): number {
    const boot = this.#boots.indexOf(mark.bootId);
    return this.#losses
      .filter((loss) => isAfter(loss.boot, loss.seq, boot, mark))
      .reduce((sum, loss) => sum + loss.records, 0);
  }

  /** The same number with another time: the board was set back, and logs that part of its life again. */
  #rewind(seq: number): void {
    this.#rewinds += 1;
    this.#boots.push(`${this.#bootId}~${this.#rewinds}`);
    this.#lastSeq = seq - 1;
  }

  #trim(): void {
    for (const seq of this.#times.keys()) {
      if (this.#times.size <= this.#limit) break;
      this.#times.delete(seq);
    }
    const cut = this.#stored.splice(0, Math.ceil(Math.min(this.#limit, this.#stored.length) / 10));
    for (const { record } of cut) this.#storedChars -= record.text.length;
    const last = cut.at(-1);
    if (last !== undefined)
      this.#losses.push({ boot: last.boot, seq: Math.floor(last.place), records: cut.length });
    this.#losses.splice(0, this.#losses.length - 1000);
  }
}

function isAfter(boot: number, seq: number, markBoot: number, mark: KernelMark): boolean {
  return boot > markBoot || (boot === markBoot && seq > mark.seq);
}
