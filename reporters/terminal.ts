/**
 * The terminal during a run: a line a test when it ends and, on a TTY, a line a board with what it is doing now. Nothing a
 * board has said reaches the terminal unsanitised. HIL_OUTPUT: `stdout` (default), `stderr` or `none`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestError,
  TestResult,
} from '@playwright/test/reporter';
import { messageOf } from '../lab/errors.ts';
import { runIdentity } from '../lab/runner/run.ts';
import { currentSession } from '../lab/runner/session.ts';
import { findingLine } from '../lab/verdict/told.ts';
import { closing, seconds } from './closing.ts';
import { type BoardView, LiveView, line, mbits } from './live.ts';
import { messageOfError, plain, recordOf, recordsOf, type TestRecord, verdictOfRun } from './record.ts';

const REDRAW_MS = 100;
/** The journal is complete when the run is closed; reading its rest takes no longer than this. */
const CATCH_UP_MS = 3_000;
const ERROR_LINES = 14;
const FINDINGS = 5;

export default class TerminalReporter implements Reporter {
  readonly #view = new LiveView();
  readonly #errors: TestError[] = [];
  readonly #stop = new AbortController();
  readonly #out: NodeJS.WriteStream | null = outputOf(process.env.HIL_OUTPUT);
  readonly #live = this.#out?.isTTY === true && !process.env.CI;
  readonly #colour = this.#out?.isTTY === true && !process.env.NO_COLOR;
  #root: Suite | null = null;
  #following: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #drawn = 0;
  #total = 0;
  #ended = 0;

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
    this.#total = root.allTests().length;
    const tests = this.#total === 1 ? '1 test' : `${this.#total} tests`;
    this.#print(`run ${runIdentity().id}: ${tests}`);
    if (currentSession()) this.#following = this.#follow(runIdentity().dir);
    if (this.#live) this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const record = recordOf(test);
    this.#ended++;
    this.#print(this.#resultLine(record, result));
    if (record.verdict === 'pass' || record.status === 'skipped' || record.status === 'not-run') return;
    const messages = result.errors.length > 0 ? result.errors.map(messageOfError) : [record.message ?? ''];
    for (const message of messages) this.#print(indent(message));
    const at = result.errors[0]?.location;
    if (at) this.#print(`       at ${at.file}:${at.line}`);
    for (const text of findingLines(record)) this.#print(`       ${text}`);
  }

  onStdOut(chunk: string | Buffer): void {
    this.#print(plain(chunk.toString()).trimEnd());
  }

  onStdErr(chunk: string | Buffer): void {
    this.#print(plain(chunk.toString()).trimEnd());
  }

  onError(error: TestError): void {
    this.#errors.push(error);
    this.#print(`error: ${indent(messageOfError(error)).trimStart()}`);
  }

  async onEnd(result: FullResult): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    // The journal has its last event by now, unless the controller was killed.
    await Promise.race([this.#following, delay(CATCH_UP_MS, undefined, { ref: false })]);
    this.#stop.abort();
    const records = this.#root ? recordsOf(this.#root) : [];
    const verdict = verdictOfRun(records, this.#errors, result.status);
    const { dir } = runIdentity();
    for (const text of closing({
      records,
      view: this.#view,
      verdict,
      durationMs: result.duration,
      runDir: dir,
    }))
      this.#print(text);
  }

  printsToStdio(): boolean {
    return this.#out !== null;
  }

  async #follow(dir: string): Promise<void> {
    try {
      const { followJournal } = await import('../lab/journal/reader.ts');
      for await (const event of followJournal(dir, { signal: this.#stop.signal })) this.#view.apply(event);
    } catch (error) {
      this.#print(`the journal could not be followed: ${messageOf(error)}`);
    }
  }

  #resultLine(record: TestRecord, result: TestResult): string {
    const where = [record.board, seconds(result.duration)].filter((part) => part !== null).join(', ');
    const count = `${this.#ended}/${this.#total}`.padStart(7);
    const name = `${record.suite} › ${record.title}`;
    if (record.status === 'skipped') return this.#paint(90, `${count} skip ${name}: ${record.message ?? ''}`);
    if (record.status === 'not-run') return this.#paint(90, `${count} -    ${name}: not run`);
    const word = record.status === 'flaky' ? 'flaky' : record.verdict === 'pass' ? 'ok' : record.verdict;
    return `${count} ${this.#paint(record.verdict === 'pass' ? 32 : 31, word.padEnd(4))} ${name} (${where})`;
  }

  #paint(colour: number, text: string): string {
    return this.#colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }

  #print(text: string): void {
    if (!this.#out) return;
    this.#out.write(`${this.#erased()}${text}\n`);
    this.#draw();
  }

  /** The lines of the boards, below everything printed so far. */
  #draw(): void {
    if (!this.#live || !this.#timer || !this.#out) return;
    const columns = Math.max(20, this.#out.columns);
    const lines = this.#view.boards.map((board) => boardLine(board, columns));
    this.#out.write(`${this.#erased()}${lines.map((text) => `${text}\n`).join('')}`);
    this.#drawn = lines.length;
  }

  #erased(): string {
    const erase = this.#drawn > 0 ? `\x1b[${this.#drawn}A\x1b[J` : '';
    this.#drawn = 0;
    return erase;
  }
}

function boardLine({ name, test, doing, bitsPerSecond }: BoardView, columns: number): string {
  const rate = bitsPerSecond === null ? '' : ` ${mbits(bitsPerSecond)}`;
  const room = Math.max(0, columns - name.length - rate.length - 8);
  return `  ${name}: ${line(`${doing} | ${test}`, Math.max(1, room))}${rate}`.slice(0, columns - 1);
}

/** Errors below their test, without the code frames that go on for a screen. */
function indent(message: string): string {
  const lines = message.trimEnd().split('\n');
  const shown = lines.slice(0, ERROR_LINES).map((text) => `       ${line(text, 300)}`);
  if (lines.length > ERROR_LINES)
    shown.push(`       ... ${lines.length - ERROR_LINES} more lines in the report`);
  return shown.join('\n');
}

/** What the board's log says of a failed test and its message does not, a line each. */
export function findingLines({ findings: all, message }: TestRecord): string[] {
  const findings = all.filter(({ text }) => message?.includes(text) !== true);
  const shown = findings.slice(0, FINDINGS).map((finding) => `found: ${line(findingLine(finding), 240)}`);
  const more = findings.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more findings in the report`] : shown;
}

function outputOf(choice: string | undefined): NodeJS.WriteStream | null {
  if (choice === 'none') return null;
  return choice === 'stderr' ? process.stderr : process.stdout;
}
