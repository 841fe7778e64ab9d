/** Puts tests and their steps on the run's time line. */
import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestResult,
  TestStep,
} from '@playwright/test/reporter';
import { currentSession } from '../lab/runner/session.ts';
import { annotation, messageOfError, plain, recordOf, suiteOf, titlesOf } from './record.ts';

/** Longer texts are in the reports. */
const MAX_TEXT = 4096;

export default class JournalReporter implements Reporter {
  onBegin(_config: FullConfig, _root: Suite): void {
    // The run was opened by the global setup.
  }

  onTestBegin(test: TestCase, result: TestResult): void {
    currentSession()?.append('test.start', {
      id: idOf(test, result),
      title: titlesOf(test).join(' › '),
      file: test.location.file,
      suite: suiteOf(test),
    });
  }

  onStepEnd(test: TestCase, result: TestResult, step: TestStep): void {
    if (step.category !== 'test.step') return;
    const error = step.error ? { error: messageOfError(step.error).slice(0, MAX_TEXT) } : {};
    const title = plain(step.title).slice(0, MAX_TEXT);
    currentSession()?.append(
      'test.step',
      { id: idOf(test, result), title, durationMs: step.duration, ...error },
      annotation(result, 'board'),
    );
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const { title, verdict, message } = recordOf(test);
    currentSession()?.append(
      'test.end',
      {
        ...{ id: idOf(test, result), title, status: result.status, verdict, durationMs: result.duration },
        ...(message === null ? {} : { error: message.slice(0, MAX_TEXT) }),
      },
      annotation(result, 'board'),
    );
  }

  onEnd(_result: FullResult): void {
    // The run was closed by the global teardown.
  }

  printsToStdio(): boolean {
    return false;
  }
}

function idOf(test: TestCase, result: TestResult): string {
  return result.retry === 0 ? test.id : `${test.id}-retry${result.retry}`;
}
