/** Whether sustained traffic held: a pure judgement over intervals and disconnects, as a time series. */
import type { Verdict } from './verdict.ts';

export interface SoakInterval {
  startS: number;
  endS: number;
  bitsPerSecond: number;
  lostPackets?: number | undefined;
  packets?: number | undefined;
}

export interface SoakCriteria {
  durationS: number;
  intervalS: number;
  /** No interval may fall below. */
  floorBps: number;
  /** At the start, while rates settle, the floor is not judged. */
  graceS: number;
  /** Intervals below the floor that are forgiven; a stall never is. */
  toleratedDips: number;
  /** UDP datagrams that may be lost over the whole run, as a ratio. */
  maxLossRatio: number;
}

export interface SoakDisconnect {
  /** Since the start of the traffic. */
  atS: number;
  message: string;
}

/** A time in which the lab machine had none left for the board or its traffic; `why` is a part of a sentence. */
export interface LabTrouble {
  fromS: number;
  toS: number;
  why: string;
}

/** Why the traffic ended before its time, if it did. */
export interface SoakEnd {
  fault: 'product' | 'config' | 'lab' | 'harness';
  code: string;
  message: string;
}

export interface SoakBreach {
  criterion: 'floor' | 'stall' | 'disconnect' | 'loss' | 'ended-early';
  atS: number;
  message: string;
}

export interface SoakJudgement {
  verdict: Verdict;
  message: string;
  /** In the order of their times. */
  breaches: SoakBreach[];
  meanBps: number;
  minBps: number;
  longestStallS: number;
  lostIntervals: number;
  disconnects: number;
  lossRatio?: number;
}

/** Less than this part of the planned time says too little. */
const ENOUGH = 0.9;
/** An interval under this rate is a stall, not a dip. */
const STALL_BPS = 1000;

export function mbps(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

/** What one interval would be a breach of, were nothing forgiven; null when it held. */
function fallOf(interval: SoakInterval, criteria: SoakCriteria): SoakBreach | null {
  const { startS: atS, bitsPerSecond } = interval;
  if (atS < criteria.graceS || bitsPerSecond >= criteria.floorBps) return null;
  if (bitsPerSecond < STALL_BPS)
    return { criterion: 'stall', atS, message: `nothing arrived from second ${atS.toFixed(0)}` };
  return {
    criterion: 'floor',
    atS,
    message: `${mbps(bitsPerSecond)} at second ${atS.toFixed(0)}, under the floor of ${mbps(criteria.floorBps)}`,
  };
}

/** Intervals as they come, to breaches as they begin: those of one criterion in a row are one breach, its first. */
export class SoakWatch {
  readonly #criteria: SoakCriteria;
  #dips = 0;
  #last: SoakBreach['criterion'] | null = null;

  constructor(criteria: SoakCriteria) {
    this.#criteria = criteria;
  }

  /** The breach that begins with this interval; null when it held, is forgiven, or goes on with the last one. */
  see(interval: SoakInterval): SoakBreach | null {
    const fall = fallOf(interval, this.#criteria);
    if (fall?.criterion === 'floor' && ++this.#dips <= this.#criteria.toleratedDips) return null;
    const begins = fall !== null && fall.criterion !== this.#last;
    this.#last = fall?.criterion ?? null;
    return begins ? fall : null;
  }
}

/**
 * Judges a soak. `end`: why the traffic ended before its time, if it did. Product faults, stalls, falls under the floor,
 * disconnects and lost datagrams fail it; another fault is its verdict; too little data is inconclusive.
 */
export function judgeSoak(
  intervals: readonly SoakInterval[],
  disconnects: readonly SoakDisconnect[],
  criteria: SoakCriteria,
  end: SoakEnd | null,
  troubles: readonly LabTrouble[] = [],
): SoakJudgement {
  const watch = new SoakWatch(criteria);
  const gaps = missing(intervals, criteria);
  const breaches: SoakBreach[] = [
    ...intervals.map((interval) => watch.see(interval)).filter((breach) => breach !== null),
    ...gaps.map(({ startS, endS }) => ({
      criterion: 'stall' as const,
      atS: startS,
      message: `no interval from second ${startS.toFixed(0)} to ${endS.toFixed(0)}`,
    })),
    ...disconnects.map(({ atS, message }) => ({ criterion: 'disconnect' as const, atS, message })),
  ];
  const loss = lossOf(intervals);
  const seenS = intervals.at(-1)?.endS ?? 0;
  if (loss !== null && loss > criteria.maxLossRatio) {
    breaches.push({
      criterion: 'loss',
      atS: seenS,
      message: `${(loss * 100).toFixed(2)} % of the datagrams were lost, over ${(criteria.maxLossRatio * 100).toFixed(2)} %`,
    });
  }
  if (end?.fault === 'product') breaches.push({ criterion: 'ended-early', atS: seenS, message: end.message });
  breaches.sort((a, b) => a.atS - b.atS);
  const rates = intervals
    .filter(({ startS }) => startS >= criteria.graceS)
    .map(({ bitsPerSecond }) => bitsPerSecond);
  const meanBps = rates.length === 0 ? 0 : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const minBps = rates.length === 0 ? 0 : rates.reduce((least, rate) => Math.min(least, rate));
  return {
    ...decide(breaches, { seenS, meanBps, minBps, end, criteria, troubles }),
    ...{
      breaches,
      meanBps,
      minBps,
      longestStallS: longestStall(intervals, gaps),
      disconnects: disconnects.length,
    },
    lostIntervals: gaps.reduce(
      (count, gap) => count + Math.round((gap.endS - gap.startS) / criteria.intervalS),
      0,
    ),
    ...(loss === null ? {} : { lossRatio: loss }),
  };
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
const EXCUSABLE: readonly SoakBreach['criterion'][] = ['floor', 'stall'];

/** Why a breach may be the lab's: it had trouble just before or while it happened. */
function excuseOf(
  { criterion, atS }: SoakBreach,
  troubles: readonly LabTrouble[],
  { intervalS }: SoakCriteria,
): LabTrouble | null {
  if (!EXCUSABLE.includes(criterion)) return null;
  return troubles.find(({ fromS, toS }) => fromS < atS + intervalS && toS > atS - intervalS) ?? null;
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
