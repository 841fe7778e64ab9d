/**
 * `npm run bench`: what the harness costs, beside a peer or the raw tool measured in the same run. Names of parts as
 * arguments run just those; `--json` prints the rows. It reports and never fails for being slow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';
import { bootRows, fleetRows } from './boot.ts';
import { classifyRows } from './classify.ts';
import { consoleRows } from './console.ts';
import { iperf3Rows } from './iperf3.ts';
import { noopRows } from './noop.ts';
import { type Row, table } from './rows.ts';
import { sshRows } from './ssh.ts';

const PARTS: Record<string, (lab: LabClient) => Promise<Row[]>> = {
  classify: classifyRows,
  console: consoleRows,
  boot: bootRows,
  ssh: (lab) => onBoard(lab, (board) => sshRows(lab, board)),
  iperf3: (lab) => onBoard(lab, iperf3Rows),
  noop: noopRows,
  fleet: fleetRows,
};

async function onBoard(lab: LabClient, measure: (board: LeasedBoard) => Promise<Row[]>): Promise<Row[]> {
  await using board = await LeasedBoard.acquire(lab, { owner: 'bench', fresh: true });
  await board.ready();
  return await measure(board);
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
  try {
    await using lab = await LabClient.connect({ client: 'bench', state });
    for (const name of wanted) {
      console.error(`${name} ...`);
      const part = await (PARTS[name] as (lab: LabClient) => Promise<Row[]>)(lab);
      rows.push(...part);
      console.error(table(part));
    }
    await lab.call('lab.stop', { force: true });
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  console.log(words.includes('--json') ? JSON.stringify(rows, null, 2) : table(rows));
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
