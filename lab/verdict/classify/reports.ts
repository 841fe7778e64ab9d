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

/** Reports of CPUs that print at the same time lie over each other; so many of them are looked at. */
const OVERLAPPING = 8;

/** Finds the report that a line is of, quickly, however many there are. */
export class ReportIndex {
  readonly #reports: readonly ReportExtent[];

  constructor(reports: readonly ReportExtent[]) {
    this.#reports = [...reports].sort((a, b) => a.lines[0] - b.lines[0]);
  }

  at(line: number): ReportExtent | undefined {
    let [low, high] = [0, this.#reports.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#reports[middle]?.lines[0] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return this.#reports.slice(Math.max(0, low - OVERLAPPING), low).findLast(({ lines }) => lines[1] >= line);
  }
}
