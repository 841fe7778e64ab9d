/** `hil run`: runs suites with Playwright and ends with their verdict. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { asHilError, ConfigError, HarnessError, LabError } from '../errors.ts';
import { cacheDir, makeFolder, runsDir, stateDir } from '../paths.ts';
import { newRunId } from '../runner/run.ts';
import { packagesOf } from '../setup/requirements.ts';
import { missingPrograms, TO_DRIVE } from '../setup/setup.ts';
import { parseCount, parseDuration, parseRate } from '../units.ts';
import { EXIT_CODES, VERDICTS } from '../verdict/verdict.ts';
import { boardsNamed } from './boards-known.ts';
import { explain } from './failure.ts';
import type { Invocation } from './invocation.ts';
import { runPlaywright } from './runner.ts';
import { pathFilter, suitePaths } from './suites.ts';

interface RunOptions {
  board?: string;
  /** Milliseconds. */
  duration?: number;
  /** Bits a second. */
  rate?: number;
  workers?: number;
  grep?: string;
  repeat?: number;
  reconnects?: number;
  air?: true;
  json?: true;
  report?: true;
}

export function define(command: Command, invocation: Invocation): void {
  command
    .argument(
      '[suite...]',
      'folders of suites/ (smoke, wifi ...), parts of one (wifi/connect), or spec files; all when left out',
    )
    .option('--board <name>', 'only this board, or this group of them; several separated by commas')
    .option('--duration <duration>', 'how long the soak lasts: 90s, 30m, 1h', parseDuration)
    .option('--rate <rate>', 'the rate of the soak in bits a second: 20M, 500k', parseRate)
    .option('--workers <n>', 'tests at a time, each on a board of its own', parseCount('--workers', 1, 64))
    .option(
      '--reconnects <n>',
      'how often the reconnect suite makes a station join anew',
      parseCount('--reconnects', 1, 1_000_000),
    )
    .option('--air', 'stations are on another virtual board than the access point, over a simulated air')
    .option('--grep <regex>', 'only tests whose title matches')
    .option('--repeat <n>', 'each test this often', parseCount('--repeat', 1, 100_000))
    .option('--report', 'make the page of the run at its end, as hil report does')
    .option('--json', 'the summary as JSON on standard output; progress goes to standard error')
    .addHelpText(
      'after',
      `
What is recorded is in runs/<run>/: journal.jsonl, artifacts of each test, summary.json, junit.xml. Boards are waited
for in line when others use them, and left off. Ctrl-C ends the tests in order, a second one at once.

Examples:
  hil run
  hil run smoke wifi/connect --board vb2
  hil run soak --duration 30m --rate 20M
  hil run wifi throughput --air
  hil run driver --repeat 50 --grep reload
  hil run smoke --json | jq .verdict`,
    )
    .action((suites: string[], options: RunOptions) => run(suites, options, invocation));
}

async function run(suites: readonly string[], options: RunOptions, invocation: Invocation): Promise<void> {
  const paths = suitePaths(suites);
  const named = (options.board ?? '').split(',').filter((name) => name !== '');
  const boards = boardsNamed(named);
  if (options.board !== undefined && boards.length === 0)
    throw new ConfigError('--board takes the name of a board');
  if (options.duration !== undefined && options.duration < 1000)
    throw new ConfigError('--duration must be at least 1s');
  if (options.grep !== undefined) checkRegex(options.grep);
  checkPrograms();

  const id = newRunId();
  const dir = join(runsDir(), id);
  makeFolder(cacheDir());
  makeFolder(stateDir(), 0o700);
  makeFolder(dir);
  const code = await runPlaywright({
    args: [
      ...paths.map(pathFilter),
      ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
      ...(options.grep === undefined ? [] : ['--grep', options.grep]),
      ...(options.repeat === undefined ? [] : ['--repeat-each', String(options.repeat)]),
    ],
    environment: {
      HIL_RUN: id,
      HIL_RUN_DIR: dir,
      HIL_COMMAND: ['hil', ...invocation.argv].join(' '),
      ...(boards.length === 0 ? {} : { HIL_BOARD: boards.join(',') }),
      ...(options.duration === undefined ? {} : { HIL_DURATION: String(options.duration / 1000) }),
      ...(options.rate === undefined ? {} : { HIL_RATE: String(options.rate) }),
      ...(options.reconnects === undefined ? {} : { HIL_RECONNECTS: String(options.reconnects) }),
      ...(options.air ? { HIL_AIR: '1' } : {}),
      ...(options.workers === undefined ? {} : { HIL_WORKERS: String(options.workers) }),
    },
    quietOutput: options.json ?? false,
    invocation,
  });
  const summary = readSummary(dir, code, invocation.interruptedBy !== null);
  if (summary === null) return;
  // First of all: a reader that leaves, or a page that cannot be made, changes nothing about the verdict.
  invocation.exitCode = summary.exitCode;
  if (options.json) await invocation.json(summary.json);
  if (options.report && existsSync(join(dir, 'allure-results'))) await report(dir, options, invocation);
  // There are no tests either when a suite does not load or the lab does not work; that the runner has said already.
  if (summary.noTestFound && invocation.interruptedBy === null) {
    throw new ConfigError('no test was found for what was asked', {
      hint: 'hil run --help, or: npx playwright test --list',
    });
  }
}

function checkRegex(source: string): void {
  try {
    new RegExp(source);
  } catch (cause) {
    throw new ConfigError(`--grep "${source}" is no regular expression`, { cause });
  }
}

function checkPrograms(): void {
  const missing = missingPrograms(TO_DRIVE);
  if (missing.length === 0) return;
  const names = missing.map(({ program, why }) => `${program} (${why})`).join(', ');
  throw new LabError(`this machine lacks ${names}`, {
    code: 'not-set-up',
    hint: `hil setup   (${packagesOf(missing).join(', ')})`,
  });
}

/** Makes the page of the run; when that fails, says so. */
async function report(dir: string, { json }: RunOptions, invocation: Invocation): Promise<void> {
  let line: string;
  try {
    const { generateReport } = await import('../../reporters/allure-page.ts');
    line = `report   ${await generateReport(dir)}`;
  } catch (error) {
    invocation.say(`the report could not be made, try again with hil report:\n${explain(asHilError(error))}`);
    return;
  }
  if (json) invocation.say(line);
  else await invocation.write(`${line}\n`);
}

/** What Playwright says then. */
const NO_TEST_FOUND = /^(?:Error: )?No tests found/;

interface FoundSummary {
  json: unknown;
  exitCode: number;
  /** That no test was found is all that the runner had against the run. */
  noTestFound: boolean;
}

/** What the run came to; null when it was interrupted before there was anything to say. */
function readSummary(dir: string, code: number | null, interrupted: boolean): FoundSummary | null {
  const path = join(dir, 'summary.json');
  const how = code === null ? 'was killed' : `ended with exit code ${code}`;
  if (!existsSync(path)) {
    if (interrupted) return null;
    throw new HarnessError(`the runner ${how} and left no summary`, { hint: 'see what it printed above' });
  }
  const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
  // By hand: a schema library would take longer to load than all else here.
  if (typeof json === 'object' && json !== null && 'verdict' in json) {
    const verdict = VERDICTS.find((one) => one === json.verdict);
    const errors: unknown[] = 'errors' in json && Array.isArray(json.errors) ? json.errors : [];
    const noTestFound = errors.length > 0 && errors.every((error) => NO_TEST_FOUND.test(String(error)));
    if (verdict !== undefined) return { json, exitCode: EXIT_CODES[verdict], noTestFound };
  }
  throw new HarnessError(`the runner ${how} and left a summary without a verdict: ${path}`);
}
