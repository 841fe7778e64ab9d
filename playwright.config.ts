/** Playwright Test as the runner. `hil run` starts it; `npx playwright test` works as well. */
import { join } from 'node:path';
import { defineConfig, type ReporterDescription } from '@playwright/test';
import type { HilOptions } from './lab/fixtures.ts';
import { runIdentity } from './lab/runner/run.ts';
import { settings } from './lab/runner/settings.ts';

const run = runIdentity();
const { HIL_BOARD, HIL_WORKERS } = settings();
const root = import.meta.dirname;

export default defineConfig<object, HilOptions>({
  testDir: join(root, 'suites'),
  outputDir: join(run.dir, 'artifacts'),
  globalSetup: join(root, 'lab/runner/global-setup.ts'),
  workers: HIL_WORKERS,
  // A file's tests stay in order on one board; files go to the boards that are free.
  fullyParallel: false,
  retries: 0,
  timeout: 120_000,
  reportSlowTests: null,
  reporter: process.argv.includes('--list') ? 'list' : reporters(),
  projects: [{ name: 'boards', use: { boards: HIL_BOARD } }],
});

/** In this order: what the first find wrong is in the summary of the last. */
function reporters(): ReporterDescription[] {
  return [
    [join(root, 'reporters/guard.ts')],
    [join(root, 'reporters/journal.ts')],
    [join(root, 'reporters/timeline/reporter.ts')],
    ['junit', { outputFile: join(run.dir, 'junit.xml'), stripANSIControlSequences: true }],
    [join(root, 'reporters/allure.ts')],
    [join(root, 'reporters/terminal.ts')],
    [join(root, 'reporters/summary.ts')],
  ];
}
