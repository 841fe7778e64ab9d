/**
 * `npm run bench`: what the harness costs, beside a peer or the raw tool measured in the same run. Names of parts as
 * arguments run just those; `--json` prints the rows. It reports and never fails for being slow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';
import { airRows } from './air.ts';
import { bootRows, fleetRows } from './boot.ts';
import { classifyRows } from './classify.ts';
import { consoleRows } from './console.ts';
import { iperf3Rows } from './iperf3.ts';
import { labFileRows } from './lab-file.ts';
import { noopRows } from './noop.ts';
import { type Row, table } from './rows.ts';
import { sshRows } from './ssh.ts';
import { sshLoopbackRows } from './ssh-loopback.ts';

/** A part asks for the lab if it needs one. */
type Part = (lab: () => Promise<LabClient>) => Promise<Row[]>;

const PARTS: Record<string, Part> = {
  classify: classifyRows,
  console: consoleRows,
  'lab-file': labFileRows,
  boot: onLab(bootRows),
  ssh: onLab((lab) => onBoard(lab, (board) => sshRows(lab, board))),
  'ssh-loopback': sshLoopbackRows,
  iperf3: onLab((lab) => onBoard(lab, iperf3Rows)),
  air: onLab(airRows),
  noop: onLab(noopRows),
  fleet: onLab(fleetRows),
};

function onLab(measure: (lab: LabClient) => Promise<Row[]>): Part {
  return async (lab) => measure(await lab());
}

async function onBoard(lab: LabClient, measure: (board: LeasedBoard) => Promise<Row[]>): Promise<Row[]> {
  await using board = await LeasedBoard.acquire(lab, { owner: 'bench', fresh: true });
  await board.ready();
  return await measure(board);
}

/** A lab that is started when it is first asked for. */
class Lab implements AsyncDisposable {
  readonly #state: string;
  #client: Promise<LabClient> | null = null;

  constructor(state: string) {
    this.#state = state;
  }

  client(): Promise<LabClient> {
    this.#client ??= LabClient.connect({ client: 'bench', state: this.#state });
    return this.#client;
  }

  async stop(): Promise<void> {
    await (await this.#client)?.call('lab.stop', { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#client)?.[Symbol.asyncDispose]();
  }
}

async function main(words: readonly string[]): Promise<number> {
  const names = words.filter((word) => word !== '--json');
  const wanted = names.length === 0 ? Object.keys(PARTS) : names;
  const unknown = wanted.find((name) => !(name in PARTS));
  if (unknown !== undefined) {
    console.error(`no part "${unknown}"; there are ${Object.keys(PARTS).join(', ')}`);
    return 2;
  }
  // A lab of its own, so that boards in use are not in the way of it, nor it of them.
  const state = mkdtempSync(join(tmpdir(), 'hil-b-'));
  process.env.HIL_STATE_DIR = state;
  process.env.HIL_RUNS_DIR = join(state, 'runs');
  const rows: Row[] = [];
  await using lab = new Lab(state);
  try {
    for (const name of wanted) {
      console.error(`${name} ...`);
      const part = await (PARTS[name] as Part)(() => lab.client());
      rows.push(...part);
      console.error(table(part));
    }
    await lab.stop();
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  console.log(words.includes('--json') ? JSON.stringify(rows, null, 2) : table(rows));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
