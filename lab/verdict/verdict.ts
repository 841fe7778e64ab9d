/** What a run or a test means, and the exit code of `hil` that says so. */
import type { Fault } from '../errors.ts';

export const VERDICTS = ['pass', 'fail', 'config', 'lab', 'inconclusive', 'harness'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  pass: 0,
  fail: 1,
  config: 2,
  lab: 3,
  inconclusive: 4,
  harness: 70,
};

/** The verdict of a test or command that ended with an error of this fault. */
export function verdictOfFault(fault: Fault): Verdict {
  return fault === 'product' ? 'fail' : fault;
}

/** Most telling first: a product failure is never hidden by a sick lab, a bug of ours never by anything. */
const WEIGHT: readonly Verdict[] = ['harness', 'fail', 'config', 'lab', 'inconclusive', 'pass'];

/** The verdict of several; of none it is `inconclusive`, for nothing was learned. */
export function combineVerdicts(verdicts: Iterable<Verdict>): Verdict {
  const seen = new Set(verdicts);
  return WEIGHT.find((verdict) => seen.has(verdict)) ?? 'inconclusive';
}
