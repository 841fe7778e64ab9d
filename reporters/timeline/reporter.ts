/** Makes the time-line page of a run at its end, and attaches it, with a still picture, to tests that were soaks. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FullConfig, FullResult, Reporter, Suite, TestResult } from '@playwright/test/reporter';
import { runIdentity } from '../../lab/runner/run.ts';
import { Iperf3Result } from '../../lab/traffic/iperf3-options.ts';
import { SoakResult } from '../../lab/traffic/soak-options.ts';
import { writeTimeline } from './page.ts';
import { throughputPicture } from './picture.ts';

const SOAK = /^soak(-\d+)?\.json$/;

export default class TimelineReporter implements Reporter {
  #root: Suite | null = null;

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  /** Before the reports of the others, which take attachments as they then are. */
  async onEnd(_result: FullResult): Promise<void> {
    const { dir } = runIdentity();
    // A run whose lab did not work has recorded nothing.
    if (!this.#root || !existsSync(join(dir, 'journal.jsonl'))) return;
    const page = await writeTimeline(dir);
    for (const { results } of this.#root.allTests()) for (const result of results) attach(result, page);
  }

  printsToStdio(): boolean {
    return false;
  }
}

function attach(result: TestResult, page: string): void {
  const soaks = result.attachments.filter(({ name, path }) => SOAK.test(name) && path !== undefined);
  for (const { name, path = '' } of soaks) {
    const judged = SoakResult.omit({ iperf3: true, frozen: true }).parse(
      JSON.parse(readFileSync(path, 'utf8')),
    );
    const traffic = name.replace('soak', 'iperf3-soak');
    const { intervals } = Iperf3Result.pick({ intervals: true }).parse(
      JSON.parse(readFileSync(join(dirname(path), traffic), 'utf8')),
    );
    const picture = path.replace(/\.json$/, '.svg');
    writeFileSync(picture, throughputPicture({ ...judged, intervals }));
    result.attachments.push({
      ...{ name: `throughput${name.slice('soak'.length, -'.json'.length)}`, path: picture },
      contentType: 'image/svg+xml',
    });
  }
  if (soaks.length > 0) result.attachments.push({ name: 'time line', path: page, contentType: 'text/html' });
}
