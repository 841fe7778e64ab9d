/** Intervals as they come, to breaches as they begin. Pure. */
import { mbps, type SoakBreach, type SoakCriteria, type SoakInterval, STALL_BPS } from './criteria.ts';

const WINDOW_S = 10;

/** Those of one criterion in a row are one breach, its first. */
export class SoakWatch {
  readonly #criteria: SoakCriteria;
  readonly #window: SoakInterval[] = [];
  #dips = 0;
  #falling: 'floor' | 'stall' | null = null;
  #stalledFrom: number | null = null;
  #windowLow = false;

  constructor(criteria: SoakCriteria) {
    this.#criteria = criteria;
  }

  /** The breaches that begin with this interval: none when it held, is forgiven, or goes on with the last one. */
  see(interval: SoakInterval): SoakBreach[] {
    if (interval.startS < this.#criteria.graceS) return [];
    const breaches = [this.#fall(interval), this.#low(interval)];
    return breaches.filter((breach) => breach !== null);
  }

  #fall({ startS, endS, bitsPerSecond }: SoakInterval): SoakBreach | null {
    const { floorBps, toleratedDips, maxStallS = 0 } = this.#criteria;
    const before = this.#falling;
    if (bitsPerSecond >= STALL_BPS) this.#stalledFrom = null;
    if (bitsPerSecond >= floorBps) {
      this.#falling = null;
      return null;
    }
    if (bitsPerSecond < STALL_BPS) {
      this.#stalledFrom ??= startS;
      // Half an interval for their borders, which are some milliseconds off.
      if (endS - this.#stalledFrom <= maxStallS + (maxStallS > 0 ? (endS - startS) / 2 : 0)) return null;
      this.#falling = 'stall';
      const atS = this.#stalledFrom;
      return before === 'stall'
        ? null
        : { criterion: 'stall', atS, message: `nothing arrived from second ${atS.toFixed(0)}` };
    }
    if (++this.#dips <= toleratedDips) {
      this.#falling = null;
      return null;
    }
    this.#falling = 'floor';
    const what = `${mbps(bitsPerSecond)} at second ${startS.toFixed(0)}, under the floor of ${mbps(floorBps)}`;
    return before === 'floor' ? null : { criterion: 'floor', atS: startS, message: what };
  }

  #low(interval: SoakInterval): SoakBreach | null {
    const { windowFloorBps, windowS = WINDOW_S } = this.#criteria;
    if (windowFloorBps === undefined) return null;
    this.#window.push(interval);
    const from = interval.endS - windowS;
    while (this.#window[0] && this.#window[0].startS < from - 0.05) this.#window.shift();
    const seconds = this.#window.reduce((sum, { startS, endS }) => sum + endS - startS, 0);
    // The first window is whole after its time; one with a gap in it is not judged by its mean.
    if (seconds < windowS * 0.9) return null;
    const mean =
      this.#window.reduce(
        (sum, { startS, endS, bitsPerSecond }) => sum + bitsPerSecond * (endS - startS),
        0,
      ) / seconds;
    const was = this.#windowLow;
    this.#windowLow = mean < windowFloorBps;
    if (was || !this.#windowLow) return null;
    const message = `${mbps(mean)} over the ${windowS} s to second ${interval.endS.toFixed(0)}, under ${mbps(windowFloorBps)}`;
    return { criterion: 'window', atS: interval.startS, message };
  }
}
