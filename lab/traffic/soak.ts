/** Sustained traffic, watched while it runs and judged as a time series at its end. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import type { Payload } from '../journal/event.ts';
import { breachOf, judgeSoak, type SoakBreach, type SoakDisconnect } from '../verdict/soak.ts';
import { runIperf3 } from './iperf3.ts';
import type { Iperf3Interval } from './iperf3-options.ts';
import { SoakOptions, type SoakResult } from './soak-options.ts';

export interface SoakHooks {
  onInterval?: (interval: Iperf3Interval) => void;
  /** Told of each breach when it happens. */
  onBreach?: (breach: Payload<'soak.breach'>) => void;
  signal: AbortSignal;
}

/** Runs traffic and judges it. Disconnects are those that wpa_supplicant on the board tells of meanwhile. */
export async function runSoak(
  ctx: BoardContext,
  input: z.input<typeof SoakOptions>,
  hooks: SoakHooks,
): Promise<SoakResult> {
  const options = SoakOptions.parse(input);
  const { rateBps, floorBps, durationS } = options;
  const soak = randomUUID();
  const disconnects: SoakDisconnect[] = [];
  let reachedS = 0;
  const breach = ({ criterion, atS, message }: SoakBreach): void => {
    const event = { soak, criterion, atS, message };
    ctx.journal.append('soak.breach', event);
    hooks.onBreach?.(event);
  };
  const stopObserving = ctx.journal.observe((kind, data) => {
    if (kind !== 'wpa_supplicant.event' || !('event' in data) || data.event !== 'CTRL-EVENT-DISCONNECTED')
      return;
    const detail = 'detail' in data && data.detail !== undefined ? `: ${data.detail}` : '';
    const disconnect = {
      atS: reachedS,
      message: `the station was disconnected after second ${reachedS.toFixed(0)}${detail}`,
    };
    disconnects.push(disconnect);
    breach({ criterion: 'disconnect', ...disconnect });
  });
  ctx.journal.append('soak.start', { soak, rateBps, floorBps, durationS });
  try {
    const iperf3 = await runIperf3(ctx, options, {
      signal: hooks.signal,
      onInterval: (interval) => {
        reachedS = interval.endS;
        hooks.onInterval?.(interval);
        const found = breachOf(interval, options);
        if (found) breach(found);
      },
    });
    const judgement = judgeSoak(iperf3.intervals, disconnects, options, iperf3.error ?? null);
    ctx.journal.append('soak.end', { soak, verdict: judgement.verdict, message: judgement.message });
    return { ...judgement, rateBps, floorBps, durationS, iperf3 };
  } finally {
    stopObserving();
  }
}
