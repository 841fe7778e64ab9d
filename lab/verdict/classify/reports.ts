/** Crash reports as the judge takes them. */
import type { CrashReport } from '../crash/report.ts';
import type { FailureClass } from '../signatures/signature.ts';
import type { CrashSummary } from './finding.ts';

/** The extent of a whole report (an oops with its trace), by its lines. */
export interface ReportExtent {
  lines: [first: number, last: number];
  summary: CrashSummary;
}

const CRASHES: ReadonlySet<FailureClass> = new Set([
  ...(['oops', 'panic', 'warn', 'hung-task', 'rcu-stall', 'lockup', 'oom', 'memory-corruption'] as const),
]);

/** Whether reports are of this class: a driver's own line between those of a report is none of it. */
export function isCrash(kind: FailureClass): boolean {
  return CRASHES.has(kind);
}

export function extentOf({
  lines,
  kind,
  fingerprint,
  comm,
  taint,
  module,
  frames,
}: CrashReport): ReportExtent {
  return { lines, summary: { kind, fingerprint, comm, taint, module, frames } };
}
