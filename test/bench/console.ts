/** CPU spent on a console that talks: expect over 8 MB, and a minute at 150 kB/s. labgrid's beside it where installed. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alternate, median, type Row } from './rows.ts';

const MARKER = 'END-OF-THE-BENCH';
const PYTHON = '/usr/bin/python3';

interface Feed {
  what: string;
  bytes: number;
  /** Bytes a second; 0 for as fast as it goes. */
  rate: number;
  runs: number;
  /** CPU seconds of labgrid 26 on two shared cores, measured once, for where it is not installed. */
  published: number;
}

const FEEDS: readonly Feed[] = [
  { what: 'console: expect after 8 MB, CPU s', bytes: 8_000_000, rate: 0, runs: 3, published: 2.22 },
  {
    what: 'console: 60 s at 150 kB/s with one expect, CPU s',
    bytes: 9_000_000,
    rate: 150_000,
    runs: 1,
    published: 15.2,
  },
];

export async function consoleRows(): Promise<Row[]> {
  const withLabgrid = spawnSync(PYTHON, ['-c', 'import labgrid'], { stdio: 'ignore' }).status === 0;
  const dir = mkdtempSync(join(tmpdir(), 'hil-bench-'));
  try {
    const rows: Row[] = [];
    for (const feed of FEEDS) {
      const ours = () =>
        fed(dir, feed, (path) => [
          process.execPath,
          join(import.meta.dirname, 'console-reader.ts'),
          path,
          MARKER,
          join(dir, 'journal.jsonl'),
        ]);
      const theirs = () =>
        fed(dir, feed, (path) => [PYTHON, join(import.meta.dirname, 'labgrid_reader.py'), path, MARKER]);
      const { a, b } = withLabgrid
        ? await alternate(feed.runs, ours, theirs)
        : { a: await times(feed.runs, ours), b: [] };
      const labgrid = withLabgrid
        ? { value: median(b), measuredNow: true }
        : { value: feed.published, measuredNow: false };
      rows.push({ what: feed.what, ours: median(a), labgrid, runs: feed.runs });
    }
    return rows;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function times(runs: number, work: () => Promise<number>): Promise<number[]> {
  const result: number[] = [];
  for (let run = 0; run < runs; run++) result.push(await work());
  return result;
}

/** What a reader of the fed pseudo-terminal prints: its CPU seconds. */
async function fed(dir: string, feed: Feed, reader: (path: string) => string[]): Promise<number> {
  const link = join(dir, 'pty');
  rmSync(link, { force: true });
  const feeder = `${process.execPath} ${join(import.meta.dirname, 'console-feeder.ts')} ${feed.bytes} ${feed.rate}`;
  const cable = spawn('socat', [`PTY,link=${link},rawer,wait-slave`, `EXEC:${feeder} ${MARKER}`], {
    stdio: 'ignore',
  });
  const ended = once(cable, 'exit');
  try {
    while (!existsSync(link)) {
      if (cable.exitCode !== null) throw new Error('socat has ended');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [program = '', ...args] = reader(link);
    return Number(execFileSync(program, args, { encoding: 'utf8', timeout: 300_000 }));
  } finally {
    cable.kill('SIGTERM');
    await ended;
  }
}
