/** Where a boot is, by what its console says; and where it stopped, and why, if it did. Pure. */
import { AT, SIGNS, STAGES, STOPS, type Stage, type Stop } from './stages.ts';

export interface Stopped extends Stop {
  stage: Stage;
  /** A sentence without its subject: `stuck in its boot loader: no DHCP answer`. */
  what: string;
}

export class BootProgress {
  #stage: Stage = 'silent';
  #stop: ({ stage: Stage } & Stop) | null = null;
  #last = '';

  get stage(): Stage {
    return this.#stage;
  }

  /** Takes a line, or a begun one. Gives the stage when it is a new one. */
  push(line: string): Stage | null {
    const text = line.trim();
    if (text === '') return null;
    this.#last = text;
    const stop = STOPS.find(
      ({ literal, pattern }) => text.includes(literal) && (pattern === undefined || pattern.test(text)),
    );
    if (stop) this.#stop = stop;
    const sign = SIGNS.find(
      ({ literal, pattern }) => text.includes(literal) && (pattern === undefined || pattern.test(text)),
    );
    if (!sign) return this.#stage === 'silent' ? this.#enter('firmware') : null;
    // What it complained of before did not keep it.
    if (STAGES.indexOf(sign.stage) > STAGES.indexOf(this.#stage)) this.#stop = stop ?? null;
    return sign.stage === this.#stage ? null : this.#enter(sign.stage);
  }

  /** The login prompt was seen. */
  login(): void {
    this.#stop = null;
    this.#stage = 'login';
  }

  stopped(): Stopped {
    const at = AT[this.#stage];
    const stop = this.#stop;
    const last = this.#last === '' ? '' : ` (its last line: ${this.#last.slice(0, 120)})`;
    if (!stop)
      return {
        stage: this.#stage,
        fault: at.fault,
        why: at.why,
        next: at.next,
        what: `${at.where}: ${at.why}${last}`,
      };
    const { fault, why, next } = stop;
    return { stage: this.#stage, fault, why, next, what: `${at.where}: ${why}` };
  }

  #enter(stage: Stage): Stage {
    this.#stage = stage;
    return stage;
  }
}
