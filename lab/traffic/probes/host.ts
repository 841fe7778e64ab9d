/**
 * How busy the lab machine is: a rate that falls while it has no time left says nothing of the board. Reads /proc/stat (proc(5)) and
 * how late this process's own timers are.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { HostLoad } from '../../verdict/soak/saturation.ts';

interface Times {
  total: number;
  idle: number;
  steal: number;
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal (guest times are in user). Null for any other text. */
export function parseStat(text: string): Times | null {
  const [, fields] = /^cpu +([\d ]+)$/m.exec(text) ?? [];
  if (fields === undefined) return null;
  const times = fields.trim().split(' ').map(Number).slice(0, 8);
  if (times.length < 8 || times.some((each) => !Number.isFinite(each))) return null;
  const [idle = 0, wait = 0, steal = 0] = [times[3], times[4], times[7]];
  return { total: times.reduce((sum, each) => sum + each, 0), idle: idle + wait, steal };
}

export function loadBetween(before: Times, after: Times): Pick<HostLoad, 'busy' | 'steal'> {
  const total = after.total - before.total;
  if (total <= 0) return { busy: 0, steal: 0 };
  const part = (ticks: number) => Math.min(1, Math.max(0, ticks / total));
  return { busy: part(total - (after.idle - before.idle)), steal: part(after.steal - before.steal) };
}

const PERIOD_MS = 1000;

/** Processor time that each thread of an emulated board has used, in seconds; null when it is off. */
export type Emulator = () => ReadonlyMap<number, number> | null;

interface Sample {
  times: Times | null;
  atMs: number;
  threads: readonly (ReadonlyMap<number, number> | null)[];
}

/** Tells once a second, until it is disposed of. */
export class HostProbe implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #timer: NodeJS.Timeout;
  #before: Sample;

  constructor(tell: (load: HostLoad) => void, emulators: readonly Emulator[] = []) {
    const read = (): Sample => ({
      times: parseStat(readFileSync('/proc/stat', 'utf8')),
      atMs: performance.now(),
      threads: emulators.map((emulator) => emulator()),
    });
    this.#before = read();
    this.#delay.enable();
    this.#timer = setInterval(() => {
      const before = this.#before;
      const after = read();
      if (before.times && after.times)
        tell({
          ...loadBetween(before.times, after.times),
          lagMs: Math.round(this.#delay.max / 1e6),
          emulator: busiest(before, after),
        });
      this.#before = after;
      this.#delay.reset();
    }, PERIOD_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}

/** Part of a processor that the busiest of all threads used, 0 to 1. */
export function busiest(before: Sample, after: Sample): number {
  const seconds = (after.atMs - before.atMs) / 1000;
  let most = 0;
  for (const [place, threads] of after.threads.entries())
    for (const [thread, used] of threads ?? []) {
      const earlier = before.threads[place]?.get(thread);
      if (earlier !== undefined) most = Math.max(most, (used - earlier) / seconds);
    }
  return Math.min(1, most);
}
