/** Sustained traffic, watched while it runs and judged as a time series at its end. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import { asHilError, ConfigError } from '../errors.ts';
import type { Payload } from '../journal/event.ts';
import {
  judgeSoak,
  type LabTrouble,
  mbps,
  type SoakBreach,
  type SoakDisconnect,
  SoakWatch,
} from '../verdict/soak.ts';
import { verdictOfFault } from '../verdict/verdict.ts';
import { type Iperf3Hooks, runIperf3 } from './iperf3.ts';
import { Outages } from './outages.ts';
import { saturation } from './probes/host.ts';
import { SoakOptions, type SoakResult } from './soak-options.ts';

export interface SoakHooks extends Iperf3Hooks {
  /** Told of each breach when it begins. */
  onBreach?: (breach: Payload<'soak.breach'>) => void;
}

/** The floor when none is given, as a part of the rate. */
const FLOOR = 0.75;

/**
 * Runs traffic and judges it. Disconnects are those that wpa_supplicant and hostapd on the board tell of meanwhile.
 * Throws ConfigError when the floor lies above the rate, and as runIperf3 does.
 */
export async function runSoak(
  ctx: BoardContext,
  input: z.input<typeof SoakOptions>,
  hooks: SoakHooks,
): Promise<SoakResult> {
  const options = SoakOptions.parse(input);
  const { rateBps, durationS } = options;
  const floorBps = options.floorBps ?? rateBps * FLOOR;
  if (floorBps > rateBps) {
    throw new ConfigError(`a floor of ${mbps(floorBps)} cannot hold at a rate of ${mbps(rateBps)}`, {
      board: ctx.name,
      code: 'floor-above-rate',
    });
  }
  const soak = randomUUID();
  const criteria = { ...options, floorBps };
  const watch = new SoakWatch(criteria);
  const outages = new Outages();
  const disconnects: SoakDisconnect[] = [];
  const troubles: LabTrouble[] = [];
  let last = { endS: 0, arrived: performance.now() };
  const nowS = () => (last.endS === 0 ? 0 : last.endS + (performance.now() - last.arrived) / 1000);
  const breach = ({ criterion, atS, message }: SoakBreach): void => {
    const event = { soak, criterion, atS, message };
    ctx.journal.append('soak.breach', event);
    hooks.onBreach?.(event);
  };
  const stopObserving = ctx.journal.observe((kind, data) => {
    const found = outages.see(kind, data);
    const known = disconnects.at(-1);
    if (!found) return;
    if (!found.begins && known) {
      known.message += `; ${found.message}`;
      return;
    }
    const atS = nowS();
    const disconnect = { atS, message: `at second ${atS.toFixed(0)} ${found.message}` };
    disconnects.push(disconnect);
    breach({ criterion: 'disconnect', ...disconnect });
  });
  ctx.journal.append('soak.start', { soak, rateBps, floorBps, durationS });
  try {
    const iperf3 = await runIperf3(ctx, options, {
      ...hooks,
      onHost: (load) => {
        const why = saturation(load);
        if (why !== null) troubles.push({ fromS: nowS() - 1, toS: nowS(), why });
      },
      onInterval: (interval) => {
        last = { endS: interval.endS, arrived: performance.now() };
        hooks.onInterval?.(interval);
        const found = watch.see(interval);
        if (found) breach(found);
      },
    });
    const judgement = judgeSoak(iperf3.intervals, disconnects, criteria, iperf3.error ?? null, troubles);
    ctx.journal.append('soak.end', { soak, verdict: judgement.verdict, message: judgement.message });
    return { ...judgement, rateBps, floorBps, durationS, iperf3 };
  } catch (thrown) {
    const { fault, message } = asHilError(thrown);
    ctx.journal.append('soak.end', { soak, verdict: verdictOfFault(fault), message });
    throw thrown;
  } finally {
    stopObserving();
  }
}
