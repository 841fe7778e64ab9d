/** What the classifier says of a log: findings, one primary cause, whose fault. */
import type { Blame, FailureClass } from '../signatures/signature.ts';

/** `cause`: the primary one. `root`: another cause, later or elsewhere. */
export type FindingRole = 'cause' | 'root' | 'symptom' | 'consequence';

export interface Finding {
  class: FailureClass;
  role: FindingRole;
  verdict: Exclude<Blame, 'benign'>;
  /** First and last line (1-based; for records of a run: index of the record, from 1). */
  lines: [first: number, last: number];
  /** How many lines matched. */
  count: number;
  /** Id of the signature. */
  signature: string;
  /** The first line that matched, clean, at most 1,000 characters. */
  text: string;
  meaning: string;
  next: string;
  /** What it is about: an interface, a device, a module; null where the line does not say. */
  device: string | null;
  /** Seconds on the log's own clock; null where the line has no stamp. */
  atS: number | null;
  /** The whole report, where the line opens one: an oops, a WARN, a lockup. */
  crash?: CrashSummary;
}

export interface CrashSummary {
  kind: string;
  /** Same for two crashes at the same place: a hash of kind and the first five meaningful frames. */
  fingerprint: string;
  comm: string | null;
  taint: string | null;
  module: string | null;
  /** Function names, innermost first. */
  frames: readonly string[];
}

export interface Classification {
  /** `benign` where nothing is wrong. */
  primary: FailureClass;
  /** Classes found, the primary one first. */
  classes: FailureClass[];
  verdict: Blame;
  /** 1-based; null where nothing is wrong. */
  firstBadLine: number | null;
  findings: Finding[];
}

/** What the harness itself did to a board: failures that follow from it are expected. Times on the records' clock. */
export interface HarnessAction {
  kind:
    | 'power'
    | 'reset'
    | 'freeze'
    | 'snapshot'
    | 'unload'
    | 'load'
    | 'link-down'
    | 'network-cut'
    | 'provoked';
  fromS: number;
  toS: number;
  /** For `provoked`: what is expected, as `names` (lab/verdict/allow.ts) reads it; empty: anything. */
  signatures?: readonly string[];
  device?: string;
}
