/** What a test of a run came to: pure functions from the runner's data, on which all reporters agree. */
import { relative, sep } from 'node:path';
import type { FullResult, Suite, TestCase, TestError, TestResult, TestStep } from '@playwright/test/reporter';
import type { Fault } from '../lab/errors.ts';
import { INCONCLUSIVE, TEST_OVER } from '../lab/fixtures/capabilities.ts';
import { parseFindingLine, type ShortFinding } from '../lab/verdict/told.ts';
import { combineVerdicts, type Verdict, verdictOfFault } from '../lab/verdict/verdict.ts';
import { falsePass, workersGoneOn } from './false-pass.ts';

export type RecordStatus = 'passed' | 'failed' | 'timedOut' | 'interrupted' | 'skipped' | 'flaky' | 'not-run';

export interface TestRecord {
  id: string;
  /** First folder under the test folder, such as `wifi`. */
  suite: string;
  /** Titles of its groups and its own. */
  title: string;
  board: string | null;
  status: RecordStatus;
  /** Of a skipped test it is `inconclusive`, and doesn't count. */
  verdict: Verdict;
  durationMs: number;
  metrics: Record<string, number>;
  /** What the log of its board showed that nobody allowed, the primary cause first. */
  findings: ShortFinding[];
  /** Why it was skipped, or the first error, without colours. */
  message: string | null;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  ProductError: 'product',
  LabError: 'lab',
  ConfigError: 'config',
  HarnessError: 'harness',
};

/** Playwright gives an error's message as `Name: message`. */
const HIL_ERROR = /^(ProductError|LabError|ConfigError|HarnessError): /;
const ASSERTION = /\bexpect(?:\.\w+)?\(/;
const OUT_OF_TIME = /^Test timeout of \d+ms exceeded/;
const EXPECTED_FAILURE = /^Expected to fail, but passed/;
const WORKER_KILLED = /worker process exited unexpectedly.*signal=SIG/;

/** Text without colours and other escape sequences, nor control characters besides line ends and tabs. */
export function plain(text: string): string {
  return (
    text
      // ECMA-48: control sequences, operating system commands, two-byte escapes.
      .replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, '')
      .replace(/\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?/g, '')
      .replace(/\x1b[@-_]?/g, '')
      .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '')
  );
}

export function messageOfError(error: TestError): string {
  return plain(error.message ?? error.value ?? 'an error without a message');
}

/** The verdict of one error of a test. Its steps tell which errors came from an `expect`. */
export function verdictOfError(error: TestError, steps: readonly TestStep[] = []): Verdict {
  const message = messageOfError(error);
  if ([TEST_OVER, INCONCLUSIVE].some((told) => message.startsWith(`LabError: ${told}`)))
    return 'inconclusive';
  const name = HIL_ERROR.exec(message)?.[1];
  const fault = name === undefined ? undefined : FAULTS[name];
  if (fault) return verdictOfFault(fault);
  if (OUT_OF_TIME.test(message)) return 'inconclusive';
  if (WORKER_KILLED.test(message)) return 'lab';
  if (EXPECTED_FAILURE.test(message) || ASSERTION.test(message)) return 'fail';
  return failedExpects(steps).includes(message) ? 'fail' : 'harness';
}

function failedExpects(steps: readonly TestStep[]): string[] {
  return steps.flatMap((step) => [
    ...(step.category === 'expect' && step.error ? [messageOfError(step.error)] : []),
    ...failedExpects(step.steps),
  ]);
}

/** The verdict of one attempt at a test, taken by itself. */
export function verdictOfResult(test: TestCase, result: TestResult): Verdict {
  if (result.status === 'skipped') return 'inconclusive';
  const verdicts = result.errors.map((error) => verdictOfError(error, result.steps));
  if (result.status === 'interrupted') return verdicts.includes('fail') ? 'fail' : 'inconclusive';
  if (result.status === 'passed') {
    if (falsePass(test, result) !== null) return 'harness';
    return test.expectedStatus === 'passed' ? 'pass' : 'fail';
  }
  const verdict = verdicts.length === 0 ? 'harness' : combineVerdicts(verdicts);
  // Only a failure of the product is what a test declared to fail has promised.
  return test.expectedStatus === 'failed' && verdict === 'fail' ? 'pass' : verdict;
}

/** The last value of an annotation. */
export function annotation(result: TestResult | undefined, type: string): string | null {
  const found = result?.annotations.findLast((candidate) => candidate.type === type);
  return found?.description === undefined ? null : plain(found.description);
}

export function suiteOf(test: TestCase): string {
  const dir = test.parent.project()?.testDir ?? '';
  const [first = '', ...rest] = relative(dir, test.location.file).split(sep);
  return rest.length > 0 ? first : first.replace(/\.(spec|test)\.[cm]?[jt]s$/, '');
}

/** Titles of the groups a test is in, and its own. */
export function titlesOf(test: TestCase): string[] {
  const titles = [test.title];
  for (let suite: Suite | undefined = test.parent; suite?.type === 'describe'; suite = suite.parent)
    if (suite.title !== '') titles.unshift(suite.title);
  return titles.map(plain);
}

export function metricsOf(result: TestResult): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const { type, description = '' } of result.annotations) {
    const [, name, value] = type === 'metric' ? (/^(\w+)=(.+)$/.exec(description) ?? []) : [];
    if (name !== undefined && Number.isFinite(Number(value))) metrics[name] = Number(value);
  }
  return metrics;
}

/** Findings of one attempt, the primary cause first: those that nobody allowed, or those that somebody did. */
export function findingsOf(result: TestResult, kind: 'finding' | 'allowed' = 'finding'): ShortFinding[] {
  return result.annotations.flatMap(({ type, description = '' }) => {
    const finding = type === kind ? parseFindingLine(plain(description)) : null;
    return finding ? [finding] : [];
  });
}

/** A test that the runner gave up before its body has a result too: skipped, though nothing asked for that. */
function wasGivenUp(test: TestCase, last: TestResult): boolean {
  const asked = [...test.annotations, ...last.annotations];
  return last.status === 'skipped' && !asked.some(({ type }) => type === 'skip' || type === 'fixme');
}

function statusOf(test: TestCase, last: TestResult | undefined): RecordStatus {
  if (!last || wasGivenUp(test, last)) return 'not-run';
  return test.outcome() === 'flaky' ? 'flaky' : last.status;
}

function messageOf(test: TestCase, last: TestResult | undefined): string | null {
  if (!last || wasGivenUp(test, last)) return 'not run';
  if (last.status === 'skipped') return annotation(last, 'skip') ?? annotation(last, 'fixme') ?? 'skipped';
  const [error] = last.errors;
  if (error) return messageOfError(error);
  if (last.status !== 'passed') return null;
  return test.expectedStatus === 'failed' ? 'declared to fail, but it passed' : falsePass(test, last);
}

/** What a test came to, over all its attempts. */
export function recordOf(test: TestCase): TestRecord {
  const last = test.results.at(-1);
  return {
    id: test.id,
    suite: suiteOf(test),
    title: titlesOf(test).join(' › '),
    board: annotation(last, 'board'),
    status: statusOf(test, last),
    verdict: last ? verdictOfResult(test, last) : 'inconclusive',
    durationMs: Math.round(last?.duration ?? 0),
    metrics: last ? metricsOf(last) : {},
    findings: last ? findingsOf(last) : [],
    message: messageOf(test, last),
  };
}

/** All tests of a run, with the false passes that only show when a worker's tests are seen together. */
export function recordsOf(root: Suite): TestRecord[] {
  const tests = root.allTests();
  const refused = workersGoneOn(tests);
  return tests.map((test) => {
    const record = recordOf(test);
    const problem = refused.get(test.id);
    return problem === undefined ? record : { ...record, verdict: 'harness', message: problem };
  });
}

/** An error outside of any test; before the first test it says that the suites could not be loaded. */
export function verdictOfGlobalError(error: TestError, anyRan: boolean): Verdict {
  if (HIL_ERROR.test(messageOfError(error)) || anyRan) return verdictOfError(error);
  return 'config';
}

/** The verdict of a run; `status` is what the runner and the reporters before say. */
export function verdictOfRun(
  records: readonly TestRecord[],
  errors: readonly TestError[],
  status: FullResult['status'],
): Verdict {
  const counted = records.filter((record) => record.status !== 'skipped');
  const anyRan = counted.some((record) => record.status !== 'not-run');
  const verdicts = [
    ...counted.map((record) => record.verdict),
    ...errors.map((error) => verdictOfGlobalError(error, anyRan)),
  ];
  if (status === 'interrupted' || status === 'timedout') verdicts.push('inconclusive');
  const verdict = combineVerdicts(verdicts);
  if (verdict !== 'pass' || status !== 'failed') return verdict;
  // The runner found fault with something that no test and no error accounts for.
  return records.some((record) => record.status === 'flaky') ? 'fail' : 'harness';
}
