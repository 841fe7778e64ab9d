/** Whether sustained traffic held: a pure judgement over intervals and disconnects, as a time series. */
import type { Verdict } from '../verdict.ts';
import {
  type LabTrouble,
  mbps,
  type SoakBreach,
  type SoakCriteria,
  type SoakEnd,
  type SoakInterval,
  type SoakSeries,
  STALL_BPS,
} from './criteria.ts';
import { quantileOf, trendOf } from './trend.ts';
import { SoakWatch } from './watch.ts';

export interface SoakJudgement {
  verdict: Verdict;
  message: string;
  /** In the order of their times. */
  breaches: SoakBreach[];
  meanBps: number;
  minBps: number;
  longestStallS: number;
  /** Intervals below the floor, forgiven or not. */
  dips: number;
  lostIntervals: number;
  disconnects: number;
  lossRatio?: number;
  /** Round trips beside the traffic. */
  latencyMs?: { min: number; median: number; p99: number };
}

/** Less than this part of the planned time says too little. */
const ENOUGH = 0.9;
/**
 * Judges a soak. Product faults, stalls, falls under the floor, disconnects, lost datagrams and whatever else has a limit fail it; an
 * end by another fault is its verdict; what broke while the lab machine had no time, and too little data, are inconclusive.
 */
export function judgeSoak(series: SoakSeries, criteria: SoakCriteria): SoakJudgement {
  const { intervals, disconnects, end } = series;
  const watch = new SoakWatch(criteria);
  const gaps = missing(intervals, criteria);
  const loss = lossOf(intervals);
  const seenS = intervals.at(-1)?.endS ?? 0;
  const breaches: SoakBreach[] = [
    ...intervals.flatMap((interval) => watch.see(interval)),
    ...gaps
      .filter(({ startS, endS }) => endS - startS > (criteria.maxStallS ?? 0))
      .map(({ startS, endS }) => ({
        criterion: 'stall' as const,
        atS: startS,
        message: `no interval from second ${startS.toFixed(0)} to ${endS.toFixed(0)}`,
      })),
    ...disconnects
      .slice(criteria.maxDisconnects ?? 0)
      .map(({ atS, message }) => ({ criterion: 'disconnect' as const, atS, message })),
    ...recoveries(series, criteria),
    ...overall(series, criteria, { loss, seenS }),
  ];
  if (end?.fault === 'product') breaches.push({ criterion: 'ended-early', atS: seenS, message: end.message });
  // An interval that falls because of a disconnect in it began before that.
  const orderOf = ({ criterion, atS }: SoakBreach): number => {
    const cause = disconnects.find((each) => each.atS >= atS && each.atS < atS + criteria.intervalS);
    return criterion === 'disconnect' || !cause ? atS : cause.atS + 1e-6;
  };
  breaches.sort((a, b) => orderOf(a) - orderOf(b));
  const rates = intervals
    .filter(({ startS }) => startS >= criteria.graceS)
    .map(({ bitsPerSecond }) => bitsPerSecond);
  const meanBps = meanOf(rates);
  const minBps = rates.length === 0 ? 0 : rates.reduce((least, rate) => Math.min(least, rate));
  const latencyMs = latencyOf(series);
  return {
    ...decide(breaches, { seenS, meanBps, minBps, end, criteria, troubles: series.troubles }),
    ...{
      breaches,
      meanBps,
      minBps,
      longestStallS: longestStall(intervals, gaps),
      dips: rates.filter((rate) => rate < criteria.floorBps).length,
      disconnects: disconnects.length,
    },
    lostIntervals: gaps.reduce(
      (count, gap) => count + Math.round((gap.endS - gap.startS) / criteria.intervalS),
      0,
    ),
    ...(loss === null ? {} : { lossRatio: loss }),
    ...(latencyMs === null ? {} : { latencyMs }),
  };
}

/** From each disconnect to the first interval at the floor again. */
function recoveries(
  { intervals, disconnects }: SoakSeries,
  { floorBps, maxRecoveryS }: SoakCriteria,
): SoakBreach[] {
  if (maxRecoveryS === undefined) return [];
  const seenS = intervals.at(-1)?.endS ?? 0;
  return disconnects.flatMap(({ atS }) => {
    const back = intervals.find(({ startS, bitsPerSecond }) => startS > atS && bitsPerSecond >= floorBps);
    const tookS = (back?.startS ?? seenS) - atS;
    if (tookS <= maxRecoveryS) return [];
    const what = back ? `took ${tookS.toFixed(0)} s` : `had not come ${tookS.toFixed(0)} s later`;
    return [
      {
        criterion: 'recovery' as const,
        atS: atS + maxRecoveryS,
        message: `the recovery from the disconnect at second ${atS.toFixed(0)} ${what}, over ${maxRecoveryS} s`,
      },
    ];
  });
}

/** What is judged over the whole run. */
function overall(
  series: SoakSeries,
  criteria: SoakCriteria,
  { loss, seenS }: { loss: number | null; seenS: number },
): SoakBreach[] {
  const { intervals, latency, memory } = series;
  const { maxLossRatio, maxRetransmitsPerS, maxLatencyMs, maxDriftRatio, maxLeakKbPerMin } = criteria;
  const breaches: SoakBreach[] = [];
  if (loss !== null && loss > maxLossRatio) {
    const first = intervals.find(({ lostPackets = 0, packets = 0 }) => lostPackets > packets * maxLossRatio);
    breaches.push({
      criterion: 'loss',
      atS: first?.startS ?? seenS,
      message: `${(loss * 100).toFixed(2)} % of the datagrams were lost, over ${(maxLossRatio * 100).toFixed(2)} %`,
    });
  }
  const again = intervals.reduce((sum, { retransmits = 0 }) => sum + retransmits, 0);
  if (maxRetransmitsPerS !== undefined && seenS > 0 && again / seenS > maxRetransmitsPerS) {
    const first = intervals.find(
      ({ startS, endS, retransmits = 0 }) => retransmits > maxRetransmitsPerS * (endS - startS),
    );
    breaches.push({
      criterion: 'retransmits',
      atS: first?.startS ?? seenS,
      message: `${(again / seenS).toFixed(1)} segments a second were sent again, over ${maxRetransmitsPerS}`,
    });
  }
  const p99 = latencyOf(series)?.p99;
  if (maxLatencyMs !== undefined && p99 !== undefined && p99 > maxLatencyMs) {
    const first = latency.find(({ timesMs }) => timesMs.some((time) => time > maxLatencyMs));
    breaches.push({
      criterion: 'latency',
      atS: first?.atS ?? seenS,
      message: `99 of 100 round trips took up to ${p99.toFixed(1)} ms, over ${maxLatencyMs} ms`,
    });
  }
  const judged = intervals.filter(({ startS }) => startS >= criteria.graceS);
  const drift = trendOf(judged.map(({ startS, bitsPerSecond }) => ({ atS: startS, value: bitsPerSecond })));
  const mean = meanOf(judged.map(({ bitsPerSecond }) => bitsPerSecond));
  if (maxDriftRatio !== undefined && drift && mean > 0) {
    const change = (slope: number) => (slope * seenS) / mean;
    // Even the flattest line that fits falls by more.
    if (change(drift.high) < -maxDriftRatio)
      breaches.push({
        criterion: 'drift',
        atS: seenS,
        message:
          `the rate fell by ${percent(-change(drift.slope))} from beginning to end (${percent(-change(drift.high))} to ` +
          `${percent(-change(drift.low))}, 95 %), over ${percent(maxDriftRatio)}`,
      });
  }
  const leak = trendOf(memory.map(({ atS, usedKb }) => ({ atS, value: usedKb })));
  if (maxLeakKbPerMin !== undefined && leak && leak.low * 60 > maxLeakKbPerMin)
    breaches.push({
      criterion: 'leak',
      atS: seenS,
      message:
        `the board's memory filled by ${(leak.slope * 60).toFixed(0)} kB a minute (${(leak.low * 60).toFixed(0)} to ` +
        `${(leak.high * 60).toFixed(0)}, 95 %), over ${maxLeakKbPerMin}`,
    });
  return breaches;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, each) => sum + each, 0) / values.length;
}

function latencyOf({ latency }: SoakSeries): { min: number; median: number; p99: number } | null {
  const all = latency.flatMap(({ timesMs }) => timesMs);
  const [min, median, p99] = [quantileOf(all, 0), quantileOf(all, 0.5), quantileOf(all, 0.99)];
  return min === null || median === null || p99 === null ? null : { min, median, p99 };
}

function decide(
  breaches: readonly SoakBreach[],
  facts: {
    seenS: number;
    meanBps: number;
    minBps: number;
    end: SoakEnd | null;
    criteria: SoakCriteria;
    troubles: readonly LabTrouble[];
  },
): { verdict: Verdict; message: string } {
  const { seenS, meanBps, minBps, end, criteria, troubles } = facts;
  const [first] = breaches.filter((breach) => excuseOf(breach, troubles, criteria) === null);
  if (end && end.fault !== 'product') {
    return { verdict: end.fault, message: `ended at second ${seenS.toFixed(0)}: ${end.message}` };
  }
  if (first) {
    const more = breaches.length === 1 ? '' : ` (and ${breaches.length - 1} more)`;
    return { verdict: 'fail', message: `did not hold: ${first.message}${more}` };
  }
  const [excused] = breaches;
  if (excused) {
    const why = excuseOf(excused, troubles, criteria)?.why ?? '';
    return {
      verdict: 'inconclusive',
      message: `${excused.message}, but then ${why}: that says nothing of the board`,
    };
  }
  if (seenS < criteria.durationS * ENOUGH) {
    return {
      verdict: 'inconclusive',
      message: `only ${seenS.toFixed(0)} of ${criteria.durationS} s were measured${intervalsHeld(seenS, meanBps, minBps)}`,
    };
  }
  return {
    verdict: 'pass',
    message: `held for ${seenS.toFixed(0)} s: mean ${mbps(meanBps)}, least ${mbps(minBps)}`,
  };
}

function intervalsHeld(seenS: number, meanBps: number, minBps: number): string {
  return seenS === 0 ? '' : `; they held: mean ${mbps(meanBps)}, least ${mbps(minBps)}`;
}

/** A machine without time delays datagrams and intervals; it sends no deauthentication, and loses none over the whole run. */
const EXCUSABLE: readonly SoakBreach['criterion'][] = ['floor', 'stall', 'window', 'latency'];
/** A processor without time is slow: it does not stand still. */
const EXCUSABLE_OF_SLOW: readonly SoakBreach['criterion'][] = ['floor', 'window', 'latency'];

/** Why a breach may be the lab's: it had trouble just before or while it happened. */
function excuseOf(
  { criterion, atS }: SoakBreach,
  troubles: readonly LabTrouble[],
  { intervalS }: SoakCriteria,
): LabTrouble | null {
  if (!EXCUSABLE.includes(criterion)) return null;
  return (
    troubles.find(
      ({ fromS, toS, slow, ours }) =>
        // What we do at a breach explains none before it.
        fromS < atS + (ours ? intervalS / 2 : intervalS) &&
        toS > atS - intervalS &&
        (!slow || EXCUSABLE_OF_SLOW.includes(criterion)),
    ) ?? null
  );
}

/** Times that no interval covers, within what was measured. */
function missing(
  intervals: readonly SoakInterval[],
  { intervalS }: SoakCriteria,
): { startS: number; endS: number }[] {
  const gaps: { startS: number; endS: number }[] = [];
  let reached = 0;
  for (const { startS, endS } of intervals) {
    if (startS - reached > intervalS / 2) gaps.push({ startS: reached, endS: startS });
    reached = Math.max(reached, endS);
  }
  return gaps;
}

function longestStall(
  intervals: readonly SoakInterval[],
  gaps: readonly { startS: number; endS: number }[],
): number {
  const still = [...intervals.filter(({ bitsPerSecond }) => bitsPerSecond < STALL_BPS), ...gaps].sort(
    (a, b) => a.startS - b.startS,
  );
  let longest = 0;
  let from = Number.NaN;
  let to = Number.NaN;
  for (const { startS, endS } of still) {
    if (!(startS <= to + 0.01)) from = startS;
    to = endS;
    longest = Math.max(longest, to - from);
  }
  return longest;
}

function lossOf(intervals: readonly SoakInterval[]): number | null {
  const packets = intervals.reduce((sum, each) => sum + (each.packets ?? 0), 0);
  const lost = intervals.reduce((sum, each) => sum + (each.lostPackets ?? 0), 0);
  return packets === 0 ? null : lost / packets;
}
