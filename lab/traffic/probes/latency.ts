/** Round trips across the link beside its traffic: `ping` five times a second, told once a second. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BoardContext } from '../../board/context.ts';
import { quote, type Remote, type RemoteProcess } from '../../board/remote.ts';
import { messageOf } from '../../errors.ts';
import { inNamespace } from '../../links/namespace.ts';

/** So many are awaited before the traffic begins, for so long. */
const IDLE_ANSWERS = 5;
const IDLE_MS = 3000;
/** Seconds between two, and for a small BusyBox, which knows whole ones only. */
const PERIODS = [0.2, 1] as const;

export interface LatencyTarget {
  remote: Remote;
  namespace: string | null;
  address: string;
}

/** The time in a line of ping (iputils, BusyBox), in milliseconds; null when it tells of no answer. */
export function roundTripOf(line: string): number | null {
  const found = /\btime[=<]([\d.]+) ms\b/.exec(line)?.[1];
  return found === undefined ? null : Number(found);
}

export class LatencyProbe implements AsyncDisposable {
  readonly #ctx: BoardContext;
  readonly #target: LatencyTarget;
  readonly #periodS: number;
  #process: RemoteProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #times: number[] = [];
  #idle = true;

  private constructor(ctx: BoardContext, target: LatencyTarget, periodS: number) {
    this.#ctx = ctx;
    this.#target = target;
    this.#periodS = periodS;
  }

  /** Resolves when it is known how long answers take on the idle link, or that none come soon. Null: there is no ping. */
  static async start(
    ctx: BoardContext,
    target: LatencyTarget,
    signal: AbortSignal,
  ): Promise<LatencyProbe | null> {
    for (const periodS of PERIODS) {
      const probe = new LatencyProbe(ctx, target, periodS);
      if (await probe.#begin(signal)) return probe;
    }
    ctx.journal.append('journal.note', {
      message: `${target.remote.name} has no ping that works: no latency is measured`,
    });
    return null;
  }

  /** False when this ping has ended at once. */
  async #begin(signal: AbortSignal): Promise<boolean> {
    const { remote, namespace, address } = this.#target;
    const enough = Promise.withResolvers<'enough'>();
    const process = await remote.stream(
      inNamespace(namespace, `exec ping -n -i ${this.#periodS} ${quote(address)} 2>&1`),
      {
        ...{ signal, quiet: true },
        onLine: (line) => {
          const time = roundTripOf(line);
          if (time !== null) this.#times.push(time);
          if (this.#times.length >= IDLE_ANSWERS) enough.resolve('enough');
        },
      },
    );
    const ended = process.exited.then(
      () => 'ended' as const,
      () => 'ended' as const,
    );
    const outcome = await Promise.race([enough.promise, ended, delay(IDLE_MS, 'late', { ref: false })]);
    if (outcome === 'ended') return false;
    this.#process = process;
    this.#timer = setInterval(() => this.#tell(), 1000);
    return true;
  }

  /** From now on the link is under load. */
  load(): void {
    if (!this.#idle) return;
    this.#tell();
    this.#idle = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#process
      ?.stop()
      .catch((error: unknown) => this.#ctx.journal.append('journal.note', { message: messageOf(error) }));
  }

  #tell(): void {
    this.#ctx.journal.append('probe.latency', {
      ...{
        target: this.#target.address,
        idle: this.#idle,
        expected: Math.round(1 / this.#periodS),
        timesMs: this.#times,
      },
    });
    this.#times = [];
  }
}
