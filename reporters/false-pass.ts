/** Finds tests that the runner reports as passed though nothing was tested. */
import type { TestCase, TestResult, TestStep } from '@playwright/test/reporter';
import { HOST_TAG } from '../lab/fixtures/capabilities.ts';

/** Why the pass of a test can't be believed; null when it can. A pass needs a board, or the tag `@host`. */
export function falsePass(test: TestCase, result: TestResult): string | null {
  if (result.status !== 'passed' || test.tags.includes(HOST_TAG)) return null;
  if (result.annotations.some(({ type }) => type === 'board')) return null;
  return `passed without a board: nothing was tested (tests that need none are tagged ${HOST_TAG})`;
}

/**
 * A worker in which a fixture of the worker failed goes on if that test was declared to fail, or if the fixture skipped
 * it; the runner then reports the worker's later tests as passed though their bodies did not run. Gives the reason by
 * test id for each pass that came after such a fixture.
 */
export function workersGoneOn(tests: readonly TestCase[]): Map<string, string> {
  const refused = new Map<string, string>();
  const spoilt = new Map<number, string>();
  const attempts = tests
    .flatMap((test) => test.results.map((result) => ({ test, result })))
    .sort((a, b) => a.result.startTime.getTime() - b.result.startTime.getTime());
  for (const { test, result } of attempts) {
    const earlier = spoilt.get(result.workerIndex);
    if (earlier !== undefined && result.status === 'passed') {
      refused.set(
        test.id,
        `passed in a worker whose set-up had failed in "${earlier}": its body may not have run`,
      );
    }
    const declared = test.expectedStatus === 'failed' && result.status === 'failed';
    const broke = declared
      ? fixtureFailed(result.steps)
      : result.status === 'skipped' && fixtureBroke(result);
    if (broke) spoilt.set(result.workerIndex, test.title);
  }
  return refused;
}

function fixtureFailed(steps: readonly TestStep[]): boolean {
  return steps.some(
    (step) => (step.category === 'fixture' && step.error !== undefined) || fixtureFailed(step.steps),
  );
}

/** A skip that came out of a fixture ends a hook with an error; a declared one has no steps at all. */
function fixtureBroke(result: TestResult): boolean {
  return fixtureFailed(result.steps);
}
