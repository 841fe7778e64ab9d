/**
 * Refuses passes behind which there is no board: turns them and the run into failed ones. What it marks, the reporters
 * after it see, Playwright's own too.
 */
import type { FullConfig, FullResult, Reporter, Suite, TestCase } from '@playwright/test/reporter';
import { recordsOf, type TestRecord } from './record.ts';

export default class GuardReporter implements Reporter {
  #root: Suite | null = null;

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  async onEnd(result: FullResult): Promise<{ status?: FullResult['status'] } | undefined> {
    if (!this.#root) return;
    const tests = new Map(this.#root.allTests().map((test) => [test.id, test]));
    const refused = recordsOf(this.#root).filter(isRefused);
    for (const record of refused) mark(tests.get(record.id), record);
    return refused.length > 0 && result.status === 'passed' ? { status: 'failed' } : undefined;
  }

  printsToStdio(): boolean {
    return false;
  }
}

/** The runner says that it is fine, we say that it isn't. */
function isRefused({ status, verdict }: TestRecord): boolean {
  return status !== 'skipped' && status !== 'not-run' && verdict !== 'pass';
}

/** Nobody but the runner's reporters looks at results at the end of a run, and they all share them. */
function mark(test: TestCase | undefined, { message }: TestRecord): void {
  const last = test?.results.at(-1);
  // One that was declared to fail and passed counts as failed already.
  if (last?.status !== 'passed' || test?.expectedStatus !== 'passed') return;
  last.status = 'failed';
  last.errors.push({ message: `HarnessError: ${message ?? 'this pass is not believed'}` });
}
