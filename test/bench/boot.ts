/** Power on to a command done over SSH, several boards at once, and what the controller itself costs. */
import { LeasedBoard } from '../../lab/client/board.ts';
import type { LabClient } from '../../lab/client/client.ts';
import { median, type Row, timed } from './rows.ts';

const BOOTS = 10;
const COMMANDS = 10_000;
const MIB = 1024 * 1024;

export async function bootRows(lab: LabClient): Promise<Row[]> {
  const times: number[] = [];
  await using board = await LeasedBoard.acquire(lab, { owner: 'bench', fresh: true });
  await board.ready();
  for (let run = 0; run < BOOTS; run++) {
    await board.power('off');
    times.push((await board.ready()).bootMs ?? Number.NaN);
  }
  return [
    { what: 'power on to SSH, provenance read, s', ours: median(times) / 1000, target: '<= 5', runs: BOOTS },
  ];
}

export async function fleetRows(lab: LabClient): Promise<Row[]> {
  const boards: LeasedBoard[] = [];
  try {
    const { boards: all } = await lab.call('lab.status', {});
    for (const { name } of all.filter(({ onlyByName }) => !onlyByName))
      boards.push(await LeasedBoard.acquire(lab, { owner: 'bench', boards: [name], fresh: true }));
    const up = await timed(() => Promise.all(boards.map((board) => board.ready())));
    const status = await lab.call('lab.status', {});
    const memory = status.boards.flatMap(({ memoryBytes }) =>
      memoryBytes === null ? [] : [memoryBytes / MIB],
    );
    return [
      { what: `${boards.length} boards at once, all at SSH, s`, ours: up / 1000, target: '<= 12', runs: 1 },
      {
        what: 'memory of a board (QEMU RSS), largest, MiB',
        ours: Math.max(...memory),
        target: '<= 280',
        runs: boards.length,
      },
      ...(await controllerRows(lab, boards)),
    ];
  } finally {
    for (const board of boards) await board.release();
  }
}

async function controllerRows(lab: LabClient, boards: readonly LeasedBoard[]): Promise<Row[]> {
  const commands = async (count: number): Promise<void> => {
    await Promise.all(
      boards.map(async (board) => {
        for (let i = 0; i < count / boards.length; i++) await board.call('ssh.run', { command: 'true' });
      }),
    );
  };
  const rss = async () => (await lab.call('lab.status', {})).rssBytes / MIB;
  await commands(COMMANDS / 10);
  const before = await rss();
  await commands(COMMANDS);
  const afterwards = await rss();
  return [
    { what: 'controller with 4 boards, MiB', ours: afterwards, target: '< 150', runs: 1 },
    { what: `its growth over ${COMMANDS} commands, MiB`, ours: afterwards - before, target: 'flat', runs: 1 },
  ];
}
