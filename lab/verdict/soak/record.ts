/** From the events of a soak to what is judged: the same while it runs and from its journal. Pure. */
import type { EventKind, PayloadInput } from '../../journal/event.ts';
import type { SoakEnd, SoakInterval, SoakSeries } from './criteria.ts';
import { type Disconnect, Outages } from './outages.ts';
import { type Saturation, saturation } from './saturation.ts';

/** A board that is asked for all it knows slows down, as an emulated one does that has no time: it does not stand still. */
const COLLECTING = {
  why: 'the harness was collecting what the ends know of it',
  ...{ slow: true, ours: true },
} as const;

export class SoakRecord {
  readonly #outages = new Outages();
  readonly #intervals: SoakInterval[] = [];
  readonly #latency: { at: number; timesMs: number[] }[] = [];
  readonly #memory: { at: number; usedKb: number }[] = [];
  readonly #troubles: ({ from: number; to: number; ours: boolean } & Saturation)[] = [];
  #start: number | null = null;
  #last = 0;

  /** Takes any event; `at` in seconds of one monotonic clock. Gives the disconnect that begins with it. */
  see<K extends EventKind>(kind: K, data: PayloadInput<K>, at: number): Disconnect | null {
    this.#last = Math.max(this.#last, at);
    switch (kind) {
      case 'iperf3.interval':
        this.#interval(data as PayloadInput<'iperf3.interval'>, at);
        return null;
      case 'probe.latency': {
        const { idle, timesMs } = data as PayloadInput<'probe.latency'>;
        if (!idle) this.#latency.push({ at, timesMs });
        return null;
      }
      case 'probe.board': {
        const { end, totalKb, availableKb } = data as PayloadInput<'probe.board'>;
        if (end !== 'client' && totalKb !== undefined && availableKb !== undefined)
          this.#memory.push({ at, usedKb: totalKb - availableKb });
        return null;
      }
      case 'probe.host': {
        const { emulator = 0, ...load } = data as PayloadInput<'probe.host'>;
        const found = saturation({ ...load, emulator });
        if (found) this.#troubles.push({ from: at - 1, to: at, ours: false, ...found });
        return null;
      }
      case 'soak.collecting': {
        const { ended } = data as PayloadInput<'soak.collecting'>;
        const open = this.#troubles.findLast(({ ours }) => ours);
        if (!ended) this.#troubles.push({ ...COLLECTING, from: at, to: Number.POSITIVE_INFINITY });
        else if (open) open.to = at;
        return null;
      }
      default:
        return this.#outages.see(kind, data, at);
    }
  }

  /** Seconds since the traffic began; 0 before its first interval. */
  atS(at: number): number {
    return this.#start === null ? 0 : Math.max(0, at - this.#start);
  }

  series(end: SoakEnd | null): SoakSeries {
    return {
      ...{ intervals: this.#intervals, end },
      disconnects: this.#outages.all.map(({ atS, message, backAfterS }) => ({
        ...{ atS: this.atS(atS), message, backAfterS },
      })),
      troubles: this.#troubles.map(({ from, to, ...why }) => ({
        // Until the end, where it goes on.
        ...{ fromS: this.atS(from), toS: this.atS(Math.min(to, this.#last)) },
        ...why,
      })),
      latency: this.#latency.map(({ at, timesMs }) => ({ atS: this.atS(at), timesMs })),
      memory: this.#memory.map(({ at, usedKb }) => ({ atS: this.atS(at), usedKb })),
    };
  }

  #interval(interval: SoakInterval, at: number): void {
    this.#intervals.push(interval);
    // The one that came through quickest tells best when it all began.
    this.#start = Math.min(this.#start ?? Number.POSITIVE_INFINITY, at - interval.endS);
  }
}
