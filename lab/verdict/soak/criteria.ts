/** What a soak is judged by, and what it is judged of. */
import type { Saturation } from './saturation.ts';

export const SOAK_CRITERIA = [
  ...(['floor', 'window', 'stall', 'disconnect', 'recovery', 'loss', 'retransmits'] as const),
  ...(['latency', 'drift', 'leak', 'ended-early'] as const),
] as const;

export interface SoakInterval {
  startS: number;
  endS: number;
  bitsPerSecond: number;
  retransmits?: number | undefined;
  lostPackets?: number | undefined;
  packets?: number | undefined;
}

/** What is undefined is not judged. */
export interface SoakCriteria {
  durationS: number;
  intervalS: number;
  /** No interval may fall below. */
  floorBps: number;
  /** At the start, while rates settle, the floor is not judged. */
  graceS: number;
  /** Intervals below the floor that are forgiven. */
  toleratedDips: number;
  /** So long may nothing arrive. Default 0: not for one interval. */
  maxStallS?: number | undefined;
  /** The mean over each `windowS` may not fall below. */
  windowFloorBps?: number | undefined;
  windowS?: number | undefined;
  /** Disconnects and roams that are forgiven. Default 0. */
  maxDisconnects?: number | undefined;
  /** From a disconnect to the first interval at the floor again. */
  maxRecoveryS?: number | undefined;
  /** UDP datagrams that may be lost over the whole run, as a ratio. */
  maxLossRatio: number;
  /** TCP segments sent again, a second, over the whole run. */
  maxRetransmitsPerS?: number | undefined;
  /** 99 of 100 round trips beside the traffic are shorter. */
  maxLatencyMs?: number | undefined;
  /** So much of its mean may the rate fall from the beginning to the end, as a ratio. */
  maxDriftRatio?: number | undefined;
  /** So fast may the board's memory fill. */
  maxLeakKbPerMin?: number | undefined;
}

export interface SoakDisconnect {
  /** Since the start of the traffic. */
  atS: number;
  message: string;
  /** Until the station was connected again; null while it is not. */
  backAfterS?: number | null | undefined;
}

/** A time in which the lab machine had none left for the board or its traffic. */
export interface LabTrouble extends Saturation {
  fromS: number;
  toS: number;
  /** The harness made it, at a breach that came before. */
  ours: boolean;
}

/** Why the traffic ended before its time, if it did. */
export interface SoakEnd {
  fault: 'product' | 'config' | 'lab' | 'harness';
  code: string;
  message: string;
}

/** All that is judged; times are seconds since the start of the traffic. */
export interface SoakSeries {
  intervals: SoakInterval[];
  disconnects: SoakDisconnect[];
  end: SoakEnd | null;
  troubles: LabTrouble[];
  /** Round trips beside the traffic, second by second. */
  latency: { atS: number; timesMs: number[] }[];
  /** Of the board: what is in use, in kB. */
  memory: { atS: number; usedKb: number }[];
}

export const NO_SERIES: Readonly<SoakSeries> = {
  ...{ intervals: [], disconnects: [], end: null, troubles: [], latency: [], memory: [] },
};

export interface SoakBreach {
  criterion: (typeof SOAK_CRITERIA)[number];
  /** When it broke first. */
  atS: number;
  message: string;
}

/** An interval under this rate is a stall, not a dip. */
export const STALL_BPS = 1000;

export function mbps(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}
