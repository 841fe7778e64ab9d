/** Keeps the clocks of a board mapped onto the controller's, anew after each boot, and records how. */
import type { Remote } from '../board/remote.ts';
import { messageOf } from '../errors.ts';
import { now } from '../journal/clock.ts';
import { type ClockMapping, ConsoleDelay } from '../journal/clock-mapping.ts';
import type { JournalSink } from '../journal/event.ts';
import { probeClocks } from './clock-probe.ts';
import { parseConsoleRecord } from './console-records.ts';
import type { KernelLog } from './log.ts';

export interface ClocksOptions {
  board: string;
  remote: Remote;
  log: KernelLog;
  journal: JournalSink;
  console?: { subscribe(listener: (line: { text: string }) => void): () => void };
}

/** The delay of the console is recorded anew when it is known so many times better or worse. */
const CHANGED = 2;
const CONSOLE_LINES = 3;

export type ClockName = 'kernel' | 'wall' | 'console';

export class Clocks {
  readonly #options: ClocksOptions;
  readonly #mappings = new Map<ClockName, ClockMapping>();
  readonly #delay = new ConsoleDelay();
  #bootId = '';
  #life: AbortSignal | null = null;
  #measuring: Promise<void> = Promise.resolve();

  constructor(options: ClocksOptions) {
    this.#options = options;
    options.console?.subscribe(({ text }) => this.#heard(text));
  }

  /** How a clock is mapped now; undefined where that is not known (yet). */
  mapping(clock: ClockName): ClockMapping | undefined {
    return this.#mappings.get(clock);
  }

  /** Resolves when the measurement under way has ended; never rejects. */
  get measured(): Promise<void> {
    return this.#measuring;
  }

  /** Measures in the background, for as long as this boot lives. */
  begin(bootId: string, life: AbortSignal): void {
    if (bootId !== this.#bootId) this.#delay.reset();
    this.#bootId = bootId;
    this.#mappings.clear();
    // Lines of the next boot must not be placed by the clock of this one.
    life.addEventListener('abort', () => this.#forget(life), { once: true });
    this.#life = life;
    this.#measuring = this.#measure(life);
  }

  #forget(life: AbortSignal): void {
    if (life !== this.#life) return;
    this.#mappings.clear();
    this.#delay.reset();
  }

  /** Never throws: nobody waits for it, and a test is none the worse for clocks that are not known. */
  async #measure(life: AbortSignal): Promise<void> {
    const { remote, log, journal, board } = this.#options;
    try {
      const { kernel, wall } = await probeClocks(remote, log, life);
      if (life.aborted) return;
      this.#set('kernel', kernel);
      if (wall) this.#set('wall', wall);
    } catch (error) {
      if (life.aborted) return;
      journal.append(
        'journal.note',
        { message: `the clocks of ${board} are not known: ${messageOf(error)}` },
        board,
      );
    }
  }

  #heard(text: string): void {
    const arrivedNs = now().mono;
    const record = parseConsoleRecord(text);
    if (record === null) return;
    this.#delay.heard(record.us, arrivedNs);
    const kernel = this.#mappings.get('kernel');
    const mapping = kernel && this.#delay.mapping(kernel);
    if (!mapping || mapping.samples < CONSOLE_LINES) return;
    const before = this.#mappings.get('console');
    const change = before ? mapping.boundNs / before.boundNs : Number.POSITIVE_INFINITY;
    if (change < CHANGED && change > 1 / CHANGED) return;
    this.#set('console', mapping);
  }

  #set(clock: ClockName, mapping: ClockMapping): void {
    this.#mappings.set(clock, mapping);
    const { journal, board } = this.#options;
    journal.append('clock.mapping', { clock, bootId: this.#bootId, ...mapping }, board);
  }
}
