/** `hil doctor`: what is good, what is wrong, and what to do about it. */
import { statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { CheckResult } from '../board/doctor/check.ts';
import { LeasedBoard } from '../client/board.ts';
import { LabClient } from '../client/client.ts';
import { loadLab } from '../config/lab.ts';
import { asHilError, HilError } from '../errors.ts';
import { cacheDir, runsDir, stateDir } from '../paths.ts';
import { packagesOf } from '../setup/requirements.ts';
import { missingPrograms, TO_DRIVE } from '../setup/setup.ts';
import { Step } from '../setup/steps.ts';
import { sanitize } from '../text.ts';
import { formatBytes } from '../units.ts';
import { EXIT_CODES } from '../verdict/verdict.ts';
import { boardsNamed } from './boards-known.ts';
import { colours, type Invocation } from './invocation.ts';
import { type WaitOption, waitOption } from './lease.ts';
import { table } from './table.ts';

interface DoctorOptions extends WaitOption {
  fix?: true;
  json?: true;
}

/** Results by what they are of: `this machine`, a board, a peer. */
type Report = Record<string, CheckResult[]>;

const MACHINE = 'this machine';
const LEAST_FREE = 2 * 1024 ** 3;

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('[board...]', 'boards or groups; all of the lab, and its peers, when left out')
    .option('--fix', 'install what is missing on a board, set its clock')
    .option('--json', 'as JSON: {name: [{area, title, status, detail, todo}]}')
    .addHelpText(
      'after',
      `
Walks the wiring of each board: the switch switches it, it boots, SSH and console reach the same machine, its clock, tools,
radios and disks are as they should be. A board that is off is switched on for it, and off again; one that is on is left
on, and not switched. Without --fix nothing is changed. The exit code is 3 when something is wrong.

Examples:
  hil doctor
  hil doctor bpi1 --fix
  hil doctor --json | jq -r 'to_entries[] | .key as $b | .value[] | select(.status == "wrong") | [$b, .todo] | @tsv'`,
    )
    .action((names: string[], options: DoctorOptions) => doctor(names, options, invocation));
}

async function doctor(
  names: readonly string[],
  options: DoctorOptions,
  invocation: Invocation,
): Promise<void> {
  const config = loadLab();
  const boards = names.length > 0 ? boardsNamed(names) : config.boards.map(({ name }) => name);
  const report: Report = { [MACHINE]: await machine() };
  await using lab = await LabClient.connect({ client: 'hil doctor' });
  for (const name of boards) report[name] = await examineBoard(lab, name, options, invocation);
  if (names.length === 0)
    for (const name of Object.keys(config.peers)) {
      using step = new Step(name);
      const { results } = await lab.call('doctor.peer', { peer: name }, { signal: invocation.signal });
      report[name] = results;
      step.done(summary(results));
    }
  if (options.json) await invocation.json(report);
  else await invocation.write(listing(report, colours(process.stdout)));
  if (
    Object.values(report)
      .flat()
      .some(({ status }) => status === 'wrong')
  )
    invocation.exitCode = EXIT_CODES.lab;
}

async function examineBoard(
  lab: LabClient,
  name: string,
  { wait, fix }: DoctorOptions,
  invocation: Invocation,
): Promise<CheckResult[]> {
  using step = new Step(name);
  const { state } = await lab.call('power.state', { board: name });
  try {
    await using board = await LeasedBoard.acquire(lab, {
      owner: `${userInfo().username} (hil doctor, pid ${process.pid})`,
      boards: [name],
      waitMs: wait,
      endState: state === 'off' || state === 'quarantined' ? 'off' : 'on',
      signal: invocation.signal,
      onEvent: ({ position, of }) => step.update({ detail: `in use; place ${position} of ${of} in line` }),
    });
    const signal = AbortSignal.any([invocation.signal, board.signal]);
    const { results } = await board.call(
      'doctor.run',
      { fix: fix ?? false },
      { signal, onEvent: (event) => 'checking' in event && step.update({ detail: event.checking }) },
    );
    step.done(summary(results));
    return results;
  } catch (error) {
    if (invocation.signal.aborted || !(error instanceof HilError) || error.code !== 'busy') throw error;
    step.done('in use');
    return [
      {
        area: 'lease',
        title: 'it is free',
        status: 'skipped',
        detail: error.message,
        todo: error.hint ?? '',
      },
    ];
  }
}

/** What the boards need of the machine that drives them. */
async function machine(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const missing = missingPrograms(TO_DRIVE);
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  results.push({
    ...{ area: 'programs', title: 'the programs that the lab needs are there' },
    ...(missing.length === 0
      ? { status: 'good', detail: `Node.js ${process.versions.node}`, todo: '' }
      : {
          status: 'wrong',
          detail: `${missing.map(({ program }) => program).join(', ')} missing`,
          todo: `${sudo}apt-get install -y ${packagesOf(missing).join(' ')}`,
        }),
  });
  for (const [title, dir] of [
    ['room for results', runsDir()],
    ['room for the state of the lab', stateDir()],
    ['room for board images', cacheDir()],
  ] as const) {
    const free = await freeBytes(dir);
    results.push({
      ...{
        area: 'disk',
        title,
        detail: free === null ? `${dir} is not there yet` : `${formatBytes(free)} free in ${dir}`,
      },
      ...(free === null || free >= LEAST_FREE
        ? { status: 'good', todo: '' }
        : { status: 'warning', todo: `make room in ${dir}` }),
    });
  }
  return results;
}

async function freeBytes(dir: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch (error) {
    if (/ENOENT/.test(asHilError(error).message)) return null;
    throw error;
  }
}

const MARK: Record<CheckResult['status'], { text: string; colour: 'green' | 'yellow' | 'red' | 'gray' }> = {
  good: { text: 'good', colour: 'green' },
  warning: { text: 'look', colour: 'yellow' },
  wrong: { text: 'WRONG', colour: 'red' },
  skipped: { text: '-', colour: 'gray' },
};

function summary(results: readonly CheckResult[]): string {
  const count = (status: CheckResult['status']) =>
    results.filter((result) => result.status === status).length;
  const [wrong, warnings] = [count('wrong'), count('warning')];
  return wrong + warnings === 0 ? 'good' : `${wrong} wrong, ${warnings} to look at`;
}

/** A table for each, with what to do below it. */
export function listing(report: Report, colour: boolean): string {
  const parts = Object.entries(report).map(([name, results]) => {
    const rows = results.map(({ area, title, status, detail }) => [
      MARK[status].text,
      area,
      title,
      sanitize(detail),
    ]);
    const text = table(['', 'AREA', 'CHECK', 'SEEN'], rows, (cell, row, column) => {
      const style = MARK[results[row]?.status ?? 'skipped'].colour;
      return colour && column === 0 ? styleText(style, cell, { validateStream: false }) : cell;
    });
    const todo = results
      .filter((each) => each.todo !== '')
      .map((each) => `  ${each.area}: ${sanitize(each.todo)}`);
    return `${name}\n${text}${todo.length === 0 ? '' : `to do\n${todo.join('\n')}\n`}`;
  });
  return parts.join('\n');
}
