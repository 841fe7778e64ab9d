/** Runs one file of tests in a process of its own and counts what happened in it. */
import { run } from 'node:test';
import { inspect } from 'node:util';

export interface FileResult {
  passed: number;
  failed: number;
  skipped: number;
  /** What a person must read: failures with their place, and what a failed file printed. */
  report: string[];
}

export interface FileOptions {
  timeoutMs: number;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Called with each test as it ends. */
  onTest: (line: string) => void;
}

/** A file that ends without a single test, or in no order, is a failure. */
export async function runTestFile(file: string, options: FileOptions): Promise<FileResult> {
  const result: FileResult = { passed: 0, failed: 0, skipped: 0, report: [] };
  const printed: string[] = [];
  const stream = run({
    files: [file],
    concurrency: false,
    timeout: options.timeoutMs,
    env: options.environment,
    signal: options.signal,
  });
  stream.on('test:stdout', ({ message }) => printed.push(message));
  stream.on('test:stderr', ({ message }) => printed.push(message));
  stream.on('test:pass', ({ name, skip, todo, details, nesting }) => {
    // A file stands for itself only when there is no test in it.
    if (details.type === 'suite' || name === file) return;
    if (skip !== undefined || todo !== undefined) result.skipped++;
    else result.passed++;
    const why = typeof skip === 'string' && skip !== '' ? `: ${skip}` : '';
    options.onTest(
      `${skip === undefined ? 'ok  ' : 'skip'} ${'  '.repeat(nesting)}${name}${why} (${seconds(details.duration_ms)})`,
    );
  });
  stream.on('test:fail', ({ name, details, nesting, line, todo }) => {
    // What failed by the tests in it is told by those; what failed by itself (a hook, say) is not.
    if ('failureType' in details.error && details.error.failureType === 'subtestsFailed') return;
    if (todo !== undefined) {
      result.skipped++;
      return;
    }
    result.failed++;
    options.onTest(`FAIL ${'  '.repeat(nesting)}${name} (${seconds(details.duration_ms)})`);
    const cause: unknown = details.error.cause ?? details.error;
    const text = cause instanceof Error && cause.stack !== undefined ? textOf(cause) : inspect(cause);
    result.report.push(`${name}${line === undefined ? '' : ` (line ${line})`}\n${text.replace(/^/gm, '  ')}`);
  });
  // Without a reader the stream would stand still.
  for await (const _ of stream);
  if (result.passed + result.failed + result.skipped === 0 && !options.signal.aborted) {
    result.failed++;
    result.report.push('no test was run');
  }
  if (result.failed > 0 && printed.length > 0)
    result.report.push(`printed:\n${printed.join('').trimEnd().slice(-8000)}`);
  return result;
}

function textOf(error: Error): string {
  return inspect(error, { depth: 4, breakLength: 110 });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
