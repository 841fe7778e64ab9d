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

/** Tells once a second, until it is disposed of. */
export class HostProbe implements Disposable {
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  readonly #timer: NodeJS.Timeout;
  #before = read();

  constructor(tell: (load: HostLoad) => void) {
    this.#delay.enable();
    this.#timer = setInterval(() => {
      const after = read();
      if (this.#before && after)
        tell({ ...loadBetween(this.#before, after), lagMs: Math.round(this.#delay.max / 1e6) });
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

function read(): Times | null {
  return parseStat(readFileSync('/proc/stat', 'utf8'));
}
