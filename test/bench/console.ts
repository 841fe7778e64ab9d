/**
 * CPU spent on consoles that talk: expect over 8 MB, a minute at 150 kB/s, eight at once. labgrid's beside it where
 * installed.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { framedCommands } from '../framed-commands.ts';
import { rpcRows } from './console-rpc.ts';
import { alternate, median, type Row } from './rows.ts';

const MARKER = 'END-OF-THE-BENCH';
const PYTHON = '/usr/bin/python3';

interface Feed {
  what: string;
  bytes: number;
  /** Bytes a second; 0 for as fast as it goes. */
  rate: number;
  runs: number;
  target: string;
  mode?: 'login';
  /** CPU seconds of labgrid 26 on two shared cores, measured once, for where it is not installed. */
  published: number;
  /** labgrid has a reader for it here. */
  peer: boolean;
}

const FEEDS: readonly Feed[] = [
  {
    ...{ what: 'console: expect after 8 MB, CPU s', bytes: 8_000_000, rate: 0, runs: 3 },
    ...{ published: 2.22, peer: true, target: '0.2' },
  },
  {
    ...{ what: 'console: 60 s at 150 kB/s with one expect, CPU s', bytes: 9_000_000, rate: 150_000, runs: 1 },
    ...{ published: 15.2, peer: true, target: '2' },
  },
  {
    ...{ what: 'console: 60 s at 150 kB/s with login patterns, CPU s', bytes: 9_000_000, rate: 150_000 },
    ...{ runs: 1, mode: 'login', published: 37.6, peer: false, target: '2' },
  },
];
const FLEET = 8;
const FLEET_FEED = { bytes: 3_000_000, rate: 150_000 };
const FRAMED = { commands: 1000, linesASecond: 100 };

export async function consoleRows(): Promise<Row[]> {
  const withLabgrid = spawnSync(PYTHON, ['-c', 'import labgrid'], { stdio: 'ignore' }).status === 0;
  const dir = mkdtempSync(join(tmpdir(), 'hil-bench-'));
  try {
    const rows: Row[] = [];
    for (const feed of FEEDS) rows.push(await feedRow(dir, feed, withLabgrid));
    rows.push(...(await fleetRows(dir)), ...(await rpcRows(dir)), ...(await framedRows(dir)));
    return rows;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function feedRow(dir: string, feed: Feed, withLabgrid: boolean): Promise<Row> {
  const { what, target, runs } = feed;
  const ours = async () => (await read(dir, feed, 1, feed.mode)).cpu;
  const theirs = () =>
    fed(dir, feed, 1, async ([path = '']) =>
      Number(await output([PYTHON, join(import.meta.dirname, 'labgrid_reader.py'), path, MARKER])),
    );
  const { a, b } =
    withLabgrid && feed.peer ? await alternate(runs, ours, theirs) : { a: await times(runs, ours), b: [] };
  const labgrid =
    b.length > 0 ? { value: median(b), measuredNow: true } : { value: feed.published, measuredNow: false };
  return { what, ours: median(a), labgrid, target, runs };
}

async function fleetRows(dir: string): Promise<Row[]> {
  const { cpu, wall, bytes } = await read(dir, FLEET_FEED, FLEET);
  const most = Math.max(...bytes);
  const missing = bytes.reduce((sum, each) => sum + most - each, 0);
  const what = `console: ${FLEET} at 150 kB/s`;
  return [
    { what: `${what}, % of a core`, ours: (100 * cpu) / wall, target: '50', runs: 1 },
    {
      what: `${what}, bytes lost`,
      ours: missing + Math.max(0, FLEET_FEED.bytes - most),
      target: '0',
      runs: 1,
    },
  ];
}

async function framedRows(dir: string): Promise<Row[]> {
  const { commands, linesASecond } = FRAMED;
  const { wrong, disturbed } = await framedCommands(dir, commands, linesASecond);
  const what = `console: of ${commands} commands beside ${linesASecond} kernel lines/s`;
  return [
    { what: `${what}, wrong`, ours: wrong, target: '0', runs: 1 },
    { what: `${what}, told to be disturbed`, ours: disturbed, runs: 1 },
  ];
}

async function times(runs: number, work: () => Promise<number>): Promise<number[]> {
  const result: number[] = [];
  for (let run = 0; run < runs; run++) result.push(await work());
  return result;
}

interface Read {
  cpu: number;
  wall: number;
  bytes: number[];
}

/** What our reader prints of so many fed consoles. */
function read(
  dir: string,
  feed: { bytes: number; rate: number },
  consoles: number,
  mode?: 'login',
): Promise<Read> {
  const journal = join(dir, 'journal.jsonl');
  rmSync(journal, { force: true });
  return fed(dir, feed, consoles, async (paths) => {
    const reader = join(import.meta.dirname, 'console-reader.ts');
    const printed = await output([process.execPath, reader, paths.join(','), MARKER, journal, mode ?? '']);
    return JSON.parse(printed) as Read; // what console-reader.ts writes
  });
}

async function output([program = '', ...args]: string[]): Promise<string> {
  return (await promisify(execFile)(program, args, { timeout: 300_000 })).stdout;
}

/** Some work on pseudo-terminals, each fed from when it is opened. */
async function fed<T>(
  dir: string,
  { bytes, rate }: { bytes: number; rate: number },
  consoles: number,
  work: (paths: string[]) => Promise<T>,
): Promise<T> {
  const feeder = `${process.execPath} ${join(import.meta.dirname, 'console-feeder.ts')} ${bytes} ${rate} ${MARKER}`;
  const paths = Array.from({ length: consoles }, (_, index) => join(dir, `pty${index}`));
  for (const path of paths) rmSync(path, { force: true });
  const cables = paths.map((path) =>
    spawn('socat', [`PTY,link=${path},rawer,wait-slave`, `EXEC:${feeder}`], { stdio: 'ignore' }),
  );
  const ended = Promise.all(cables.map((cable) => once(cable, 'exit')));
  try {
    while (!paths.every((path) => existsSync(path))) {
      if (cables.some(({ exitCode }) => exitCode !== null)) throw new Error('socat has ended');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await work(paths);
  } finally {
    for (const cable of cables) cable.kill('SIGTERM');
    await ended;
  }
}
