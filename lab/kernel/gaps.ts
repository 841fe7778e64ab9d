/** Places where SSH brought no records: the console is asked for them, which may be slower, and the rest is counted. */
import type { ConsoleRecord, ConsoleRecords } from './console-records.ts';
import type { KernelRecord } from './kmsg.ts';

/** So long the console has to tell what is missing, where it has not told later records before. */
const CONSOLE_MS = 1000;

export interface SettledGap {
  /** What the console told. */
  found: readonly ConsoleRecord[];
  /** The first record behind the gap. */
  beforeSeq: number;
  /** How many nobody has told. */
  lost: number;
}

interface Gap {
  afterUs: number;
  beforeUs: number;
  beforeSeq: number;
  /** Null where it is unknown how many are missing, and whether. */
  records: number | null;
  timer: NodeJS.Timeout;
  settled: PromiseWithResolvers<void>;
}

export class Gaps {
  readonly #console: ConsoleRecords;
  readonly #onSettled: (gap: SettledGap) => void;
  #open: Gap[] = [];

  constructor(console: ConsoleRecords, onSettled: (gap: SettledGap) => void) {
    this.#console = console;
    this.#onSettled = onSettled;
  }

  /** Records between a time and a record are missing; null where it is unknown how many. */
  add(afterUs: number, { us, seq }: KernelRecord, records: number | null): void {
    const timer = setTimeout(() => this.#settle(gap), CONSOLE_MS);
    const settled = Promise.withResolvers<void>();
    const gap: Gap = { afterUs, beforeUs: us, beforeSeq: seq, records, timer, settled };
    this.#open.push(gap);
    this.consoleMoved();
  }

  /** The console has told more: gaps that it is past have all they will get. */
  consoleMoved(): void {
    if (this.#open.length === 0) return;
    for (const gap of [...this.#open]) if (this.#console.newestUs >= gap.beforeUs) this.#settle(gap);
  }

  /** At once, with what there is. */
  settleAll(): void {
    for (const gap of [...this.#open]) this.#settle(gap);
  }

  /** Resolves when the gaps known now are settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#open.map(({ settled }) => settled.promise));
  }

  #settle(gap: Gap): void {
    this.#open = this.#open.filter((other) => other !== gap);
    clearTimeout(gap.timer);
    const { afterUs, beforeUs, beforeSeq, records, settled } = gap;
    const found = this.#console.take(afterUs, beforeUs, records ?? undefined);
    this.#onSettled({ found, beforeSeq, lost: Math.max(0, (records ?? 0) - found.length) });
    settled.resolve();
  }
}
