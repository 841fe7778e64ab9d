/** One line that says how a soak is going: rate now, worst so far, what happened, time left. Pure. */
import type { StepUpdate } from '../setup/steps.ts';
import type { Iperf3Interval } from '../traffic/iperf3-options.ts';
import { formatDuration } from '../units.ts';
import { mbps } from '../verdict/soak/criteria.ts';

export class SoakProgress {
  readonly #durationS: number;
  #worst: Iperf3Interval | null = null;
  #breaches = 0;
  #lastS = 0;

  constructor(durationS: number) {
    this.#durationS = durationS;
  }

  see(interval: Iperf3Interval): StepUpdate {
    this.#lastS = interval.endS;
    // The first second is the link's to settle.
    if (
      interval.startS >= 1 &&
      interval.bitsPerSecond < (this.#worst?.bitsPerSecond ?? Number.POSITIVE_INFINITY)
    )
      this.#worst = interval;
    const left = Math.max(0, this.#durationS - interval.endS) * 1000;
    return {
      detail: [mbps(interval.bitsPerSecond), ...this.#facts, `${formatDuration(left)} left`].join(', '),
      fraction: interval.endS / this.#durationS,
    };
  }

  breach(): void {
    this.#breaches++;
  }

  /** At the end. */
  get closing(): string {
    return [`${this.#lastS.toFixed(0)} s of traffic`, ...this.#facts].join(', ');
  }

  get #facts(): string[] {
    const worst = this.#worst;
    return [
      ...(worst ? [`worst ${mbps(worst.bitsPerSecond)} at second ${worst.startS.toFixed(0)}`] : []),
      this.#breaches === 1 ? '1 breach' : `${this.#breaches} breaches`,
    ];
  }
}
