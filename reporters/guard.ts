/** Refuses passes behind which there is no board: turns the run into a failed one. */
import type { FullConfig, FullResult, Reporter, Suite } from '@playwright/test/reporter';
import { recordsOf } from './record.ts';

export default class GuardReporter implements Reporter {
  #root: Suite | null = null;

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  async onEnd(result: FullResult): Promise<{ status?: FullResult['status'] } | undefined> {
    const refused = this.#root ? recordsOf(this.#root).filter(isRefused) : [];
    return refused.length > 0 && result.status === 'passed' ? { status: 'failed' } : undefined;
  }

  printsToStdio(): boolean {
    return false;
  }
}

/** The runner says that it is fine, we say that it isn't. */
function isRefused({ status, verdict }: { status: string; verdict: string }): boolean {
  return status !== 'skipped' && status !== 'not-run' && verdict !== 'pass';
}
