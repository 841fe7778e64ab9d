/** Writes `summary.json`: what the run came to, for programs. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FullConfig, FullResult, Reporter, Suite, TestError } from '@playwright/test/reporter';
import { type RunIdentity, runIdentity } from '../lab/runner/run.ts';
import type { ShortFinding } from '../lab/verdict/told.ts';
import { EXIT_CODES, type Verdict } from '../lab/verdict/verdict.ts';
import { messageOfError, type RecordStatus, recordsOf, type TestRecord, verdictOfRun } from './record.ts';

/** More errors, and more of one, are in the run's output. */
const MAX_ERRORS = 20;
const MAX_TEXT = 4096;

export interface SummaryTest {
  suite: string;
  title: string;
  board: string | null;
  status: RecordStatus;
  verdict: Verdict;
  durationMs: number;
  metrics: Record<string, number>;
  /** What the log of its board showed that nobody allowed, the primary cause first. */
  findings: ShortFinding[];
}

export interface Summary {
  run: string;
  verdict: Verdict;
  /** Of `hil`, not of the runner. */
  exitCode: number;
  /** RFC 3339. */
  startedAt: string;
  durationMs: number;
  tests: SummaryTest[];
  /** What went wrong outside of any test; absent when nothing did. */
  errors?: string[];
}

export function summarise(
  run: RunIdentity,
  records: readonly TestRecord[],
  errors: readonly TestError[],
  result: FullResult,
): Summary {
  const verdict = verdictOfRun(records, errors, result.status);
  return {
    run: run.id,
    verdict,
    exitCode: EXIT_CODES[verdict],
    startedAt: result.startTime.toISOString(),
    durationMs: Math.round(result.duration),
    tests: records.map(({ suite, title, board, status, verdict: own, durationMs, metrics, findings }) => ({
      ...{ suite, title, board, status, verdict: own, durationMs, metrics, findings },
    })),
    ...(errors.length === 0
      ? {}
      : { errors: errors.slice(0, MAX_ERRORS).map((error) => messageOfError(error).slice(0, MAX_TEXT)) }),
  };
}

/** Written whole or not at all: readers never see half of it. */
export function writeSummary(dir: string, summary: Summary): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'summary.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(summary, null, 2)}\n`);
  renameSync(`${path}.new`, path);
  return path;
}

export default class SummaryReporter implements Reporter {
  #root: Suite | null = null;
  readonly #errors: TestError[] = [];

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  onError(error: TestError): void {
    this.#errors.push(error);
  }

  onEnd(result: FullResult): void {
    const run = runIdentity();
    const records = this.#root ? recordsOf(this.#root) : [];
    writeSummary(run.dir, summarise(run, records, this.#errors, result));
  }

  printsToStdio(): boolean {
    return false;
  }
}
