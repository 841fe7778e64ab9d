/** What every source told in the seconds before a moment. Pure. */
import { type EventKind, type EventSource, type PayloadInput, sourceOf } from '../../journal/event.ts';
import { eventText, isBad, type Told } from '../event-text.ts';

export interface Line {
  /** Since the traffic began. */
  atS: number;
  lane: EventSource;
  text: string;
  /** It tells of something that went wrong. */
  bad: boolean;
}

/** Seconds before a moment that are told. */
export const BEFORE_S = 10;
/** And after it: not all sources are as quick. */
const AFTER_S = 1;
/** Of a lane that says a lot, the last ones; of those that tell every second the same, fewer. */
const LINES = 12;
const STEADY: Readonly<Partial<Record<EventSource, number>>> = { probe: 4, iperf3: 4 };
const SHOWN = 200;
/** What the harness itself asks and writes down is no cause. */
const UNTOLD: readonly EventSource[] = [
  'command',
  'journal',
  'clock',
  'test',
  'run',
  'lease',
  'file',
  'soak',
];
const UNTOLD_KINDS: readonly EventKind[] = [
  ...(['hostapd.line', 'wpa_supplicant.line', 'iperf3.start', 'probe.interface'] as const),
];

/** `  12.3 s  kernel   text` */
export function beforeLine({ atS, lane, text }: Pick<Line, 'atS' | 'text'> & { lane: string }): string {
  return `  ${`${atS.toFixed(1)} s`.padStart(9)}  ${lane.padEnd(14)} ${text.slice(0, SHOWN)}`;
}

/** Keeps the last seconds of all that is recorded, and, once it knows of a moment, what came before that. */
export class Recent {
  #lines: { at: number; told: Told }[] = [];
  #moment: number | null = null;
  #past: { at: number; told: Told }[] | null = null;

  see<K extends EventKind>(kind: K, data: PayloadInput<K>, at: number): void {
    // What the other sources say of it comes a little later.
    if (this.#moment !== null && at > this.#moment + AFTER_S) this.#past ??= this.#near();
    const source = sourceOf(kind);
    if (UNTOLD.includes(source) || UNTOLD_KINDS.includes(kind)) return;
    // Kind and payload belong together, which a generic can't show.
    this.#lines.push({ at, told: { kind, source, data } as unknown as Told });
    if (this.#lines.length < 4000) return;
    this.#lines = this.#lines.filter((line) => line.at > at - 3 * BEFORE_S).slice(-3000);
  }

  /** The first moment that it is told of is the one that counts. */
  mark(moment: number): void {
    this.#moment ??= moment;
  }

  /** From `BEFORE_S` before the moment to shortly after it, in the order of time; `atS` turns a time into seconds of traffic. */
  before(atS: (at: number) => number): Line[] {
    const counts = new Map<EventSource, number>();
    const kept: Line[] = [];
    for (const { at, told } of (this.#past ?? this.#near()).toReversed()) {
      const count = (counts.get(told.source) ?? 0) + 1;
      counts.set(told.source, count);
      if (count <= (STEADY[told.source] ?? LINES))
        kept.push({ atS: atS(at), lane: told.source, text: eventText(told), bad: isBad(told) });
    }
    return kept.reverse();
  }

  #near(): { at: number; told: Told }[] {
    const moment = this.#moment;
    if (moment === null) return [];
    return this.#lines.filter(({ at }) => at > moment - BEFORE_S && at <= moment + AFTER_S);
  }
}
