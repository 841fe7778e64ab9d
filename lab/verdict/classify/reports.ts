/** Crash reports as the judge takes them. */
import type { CrashReport } from '../crash/report.ts';
import type { ReportExtent } from './judge.ts';

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
