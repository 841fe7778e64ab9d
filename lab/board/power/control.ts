/**
 * One outlet, used with care: one action at a time, off for long enough, not too often, never while a flash is written, and
 * proven - by the switch itself where it can be read back, by a board that falls silent where it can't.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { duration } from '../../config/fields.ts';
import { asHilError, LabError, messageOf } from '../../errors.ts';
import type { PowerSwitch, SwitchState } from './backend.ts';

export const PowerPolicy = z.strictObject({
  minOff: duration
    .default(3000)
    .describe('how long it stays off before it is switched on: capacitors empty slowly'),
  settle: duration.default(500).describe('waited after it is on'),
  minInterval: duration.default(1000).describe('between any two actions'),
  maxPerMinute: z.int().positive().default(20).describe('actions; more are refused, for relays wear out'),
  confirmWithin: duration.default(10_000).describe('how long the switch, or the board, may take to follow'),
});
export type PowerPolicy = z.output<typeof PowerPolicy>;

export interface Clock {
  /** Milliseconds of any origin. */
  now(): number;
  /** Rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export interface PowerControlOptions {
  board: string;
  outlet: PowerSwitch;
  policy: PowerPolicy;
  /**
   * Resolves when the board shows that it has no power, rejects with what still lives when it does not: for switches
   * without read-back. Absent: the switch is believed.
   */
  isSilent?: (withinMs: number, signal: AbortSignal) => Promise<void>;
  clock?: Clock;
}

const POLL_MS = 200;
const MINUTE_MS = 60_000;

const WALL: Clock = {
  now: () => Date.now(),
  wait: async (ms, signal) => {
    signal.throwIfAborted();
    await sleep(ms, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw asHilError(error);
    });
  },
};

export class PowerControl {
  readonly #options: PowerControlOptions;
  readonly #clock: Clock;
  /** When it was switched, the last minute long. */
  #actions: number[] = [];
  /** It may have been switched off just before this program began. */
  #offSince: number;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #flashes = new Set<string>();

  constructor(options: PowerControlOptions) {
    this.#options = options;
    this.#clock = options.clock ?? WALL;
    this.#offSince = this.#clock.now();
  }

  async on(signal: AbortSignal): Promise<void> {
    await this.#alone(signal, () => this.#on(signal));
  }

  /** Throws LabError: `flash-in-progress`, `rate-limit`, `power-not-switched`, or what the switch says. */
  async off(signal: AbortSignal): Promise<void> {
    await this.#alone(signal, () => this.#off(signal));
  }

  /** Off and on again. Once it is off, it is only left off when it can't be switched on. */
  async cycle(signal: AbortSignal): Promise<void> {
    await this.#alone(signal, async () => {
      await this.#off(signal);
      await this.#on(signal);
    });
  }

  /** As the switch itself says; null where it has no read-back. */
  async state(signal: AbortSignal): Promise<SwitchState | null> {
    return (await this.#options.outlet.state?.(signal)) ?? null;
  }

  /** Until this is disposed of, the power is not cut: something is being written that must not be torn. */
  holdForFlash(why: string): Disposable {
    this.#flashes.add(why);
    return { [Symbol.dispose]: () => void this.#flashes.delete(why) };
  }

  async #on(signal: AbortSignal): Promise<void> {
    const { outlet, policy } = this.#options;
    if ((await this.state(signal)) === 'on') return;
    await this.#clock.wait(Math.max(0, this.#offSince + policy.minOff - this.#clock.now()), signal);
    await this.#mayAct(signal);
    await outlet.on(signal);
    await this.#confirm('on', signal);
    await this.#clock.wait(policy.settle, signal);
  }

  async #off(signal: AbortSignal): Promise<void> {
    const { outlet, policy, isSilent, board } = this.#options;
    const [why] = this.#flashes;
    if (why !== undefined)
      throw new LabError(`the power of ${board} is not cut now: ${why}`, {
        board,
        code: 'flash-in-progress',
        hint: 'wait until it is written; a torn flash may brick the board',
      });
    await this.#mayAct(signal);
    await outlet.off(signal);
    this.#offSince = this.#clock.now();
    await this.#confirm('off', signal);
    if (outlet.state || !isSilent) return;
    try {
      await isSilent(policy.confirmWithin, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#notSwitched('off', messageOf(cause));
    }
  }

  /** Waits for the least time between two actions; refuses what would be too many. */
  async #mayAct(signal: AbortSignal): Promise<void> {
    const { board, policy } = this.#options;
    const last = this.#actions.at(-1) ?? Number.NEGATIVE_INFINITY;
    await this.#clock.wait(Math.max(0, last + policy.minInterval - this.#clock.now()), signal);
    const now = this.#clock.now();
    this.#actions = this.#actions.filter((at) => at > now - MINUTE_MS);
    const [first] = this.#actions;
    if (first !== undefined && this.#actions.length >= policy.maxPerMinute)
      throw new LabError(`${board} was switched ${this.#actions.length} times within a minute`, {
        board,
        code: 'rate-limit',
        hint: `it may be again in ${Math.ceil((first + MINUTE_MS - now) / 1000)} s (powerPolicy.maxPerMinute in the lab file)`,
      });
    this.#actions.push(now);
  }

  async #confirm(wanted: SwitchState, signal: AbortSignal): Promise<void> {
    const { outlet, policy } = this.#options;
    if (!outlet.state) return;
    const deadline = this.#clock.now() + policy.confirmWithin;
    for (;;) {
      const said = await outlet.state(signal);
      if (said === wanted) return;
      if (this.#clock.now() >= deadline) throw this.#notSwitched(wanted, `it says that it is ${said}`);
      await this.#clock.wait(POLL_MS, signal);
    }
  }

  #notSwitched(wanted: SwitchState, seen: string): LabError {
    const { board, outlet } = this.#options;
    return new LabError(`${outlet.name} was told to switch ${board} ${wanted}, and did not: ${seen}`, {
      board,
      code: 'power-not-switched',
      hint: 'check that the board hangs on this outlet, and the log of the switch',
    });
  }

  async #alone(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const before = this.#queue;
    const mine = (async () => {
      await before;
      signal.throwIfAborted();
      await work();
    })();
    // The next one waits for the end of this one, however it ended.
    this.#queue = mine.catch(() => undefined);
    await mine;
  }
}
