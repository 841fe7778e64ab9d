/**
 * Other clocks mapped onto the controller's, with a bound on the error. A clock that is read between two instants of the
 * controller's is off by no less than what the first of them says and no more than what the second says; several such
 * readings narrow that down.
 */

/** All in nanoseconds; the controller's are of CLOCK_MONOTONIC. */
export interface RoundTrip {
  sentNs: number;
  receivedNs: number;
  /** What the other clock showed somewhere in between. */
  boardNs: number;
}

export interface ClockMapping {
  /** The controller's time less the other clock's. */
  offsetNs: number;
  /** The offset is no further off than this, at the time it was measured. */
  boundNs: number;
  /** The controller's time of the last reading. */
  atNs: number;
  /** Readings behind it. */
  samples: number;
}

/** Quartz crystals of boards and hosts are off by less; NTP slews by up to 500. */
const DRIFT_PPM = 200;
/** Times are doubles, and some are rounded to whole nanoseconds. */
const ROUNDING_NS = 1;

export class OffsetEstimate {
  readonly #resolutionNs: number;
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;
  /** The last round trip: the reading was somewhere in it. */
  #sentNs = 0;
  #receivedNs = 0;
  #samples = 0;

  /** `resolutionNs`: the other clock shows whole multiples of it, rounded down. */
  constructor(resolutionNs = 0) {
    this.#resolutionNs = resolutionNs;
  }

  /** Takes a reading. False when it contradicts those before: the other clock was set, and the estimate starts anew. */
  add({ sentNs, receivedNs, boardNs }: RoundTrip): boolean {
    const low = sentNs - boardNs - this.#resolutionNs;
    const high = receivedNs - boardNs;
    const drift = this.#samples === 0 ? 0 : ROUNDING_NS + drifted(receivedNs - this.#sentNs);
    const [widerLow, widerHigh] = [this.#low - drift, this.#high + drift];
    const fits = low <= widerHigh && high >= widerLow;
    this.#low = fits ? Math.max(low, widerLow) : low;
    this.#high = fits ? Math.min(high, widerHigh) : high;
    this.#samples = fits ? this.#samples + 1 : 1;
    this.#sentNs = sentNs;
    this.#receivedNs = receivedNs;
    return fits;
  }

  /** Null before the first reading. */
  get mapping(): ClockMapping | null {
    if (this.#samples === 0) return null;
    const offsetNs = (this.#low + this.#high) / 2;
    const boundNs = this.#high - offsetNs + drifted(this.#receivedNs - this.#sentNs);
    return { offsetNs, boundNs, atNs: this.#receivedNs, samples: this.#samples };
  }
}

/** A time of the other clock on the controller's, and how far off it can be: the more, the longer from the measurement. */
export function toController(mapping: ClockMapping, boardNs: number): { ns: number; boundNs: number } {
  const ns = boardNs + mapping.offsetNs;
  return { ns, boundNs: mapping.boundNs + drifted(Math.abs(ns - mapping.atNs)) };
}

/** Two mappings one after the other: of a clock that was read by another one, which is mapped itself. */
export function through(inner: ClockMapping, outer: ClockMapping): ClockMapping {
  return {
    offsetNs: inner.offsetNs + outer.offsetNs,
    boundNs: inner.boundNs + outer.boundNs,
    atNs: outer.atNs,
    samples: inner.samples,
  };
}

function drifted(ns: number): number {
  return (Math.max(0, ns) * DRIFT_PPM) / 1e6;
}

/** How long the last lines of a console took from the kernel to the controller. */
export class ConsoleDelay {
  readonly #window: number;
  #lines: { us: number; arrivedNs: number }[] = [];

  /** `window`: so many lines count, the last ones. */
  constructor(window = 16) {
    this.#window = window;
  }

  /** A line that the kernel has stamped came. */
  heard(us: number, arrivedNs: number): void {
    this.#lines.push({ us, arrivedNs });
    if (this.#lines.length > this.#window) this.#lines.shift();
  }

  /** Lines of another boot say nothing. */
  reset(): void {
    this.#lines = [];
  }

  /** What to add to the time at which a line came, to have the time at which it was logged; null before the first line. */
  mapping(kernel: ClockMapping): ClockMapping | null {
    const delays = this.#lines.map(({ us, arrivedNs }) => {
      const { ns, boundNs } = toController(kernel, us * 1000);
      return { delayNs: arrivedNs - ns, boundNs };
    });
    const last = this.#lines.at(-1);
    if (!last) return null;
    const [least, most] = [Math.min, Math.max].map((of) => of(...delays.map(({ delayNs }) => delayNs)));
    const middle = ((least ?? 0) + (most ?? 0)) / 2;
    return {
      offsetNs: -middle,
      boundNs: (most ?? 0) - middle + Math.max(...delays.map(({ boundNs }) => boundNs)),
      atNs: last.arrivedNs,
      samples: delays.length,
    };
  }
}
