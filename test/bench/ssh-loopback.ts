/** A command's round trip to a real SSH server on loopback: through the controller, and on a held shell without it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SshRemote } from '../../lab/board/ssh/connection.ts';
import { ensureLabKeys } from '../../lab/board/ssh/keys.ts';
import { LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';
import { HilError } from '../../lab/errors.ts';
import { loopbackSshd } from './loopback-sshd.ts';
import { median, quantile, type Row, timed } from './rows.ts';

const RUNS = 1000;
const SETTLE_MS = 5000;

export async function sshLoopbackRows(): Promise<Row[]> {
  const state = mkdtempSync(join(tmpdir(), 'hil-b-'));
  const before = process.env.HIL_LAB;
  try {
    const keys = await ensureLabKeys(join(state, 'keys'));
    await using server = await loopbackSshd(keys.authorizedKeysPath);
    const { port } = server;
    const remote = new SshRemote({
      ...{ name: 'loopback', host: '127.0.0.1', port, user: 'root', privateKeyPath: keys.privateKeyPath },
      hostKey: () => Promise.resolve(null),
    });
    const idle = server.processes();
    const held = await measure(() => remote.run('true', { quiet: true }));
    remote.disconnect();
    const file = join(state, 'lab.yaml');
    writeFileSync(
      file,
      `boards: {lo: {profile: linux, power: none, endState: on, ssh: {host: 127.0.0.1, port: ${port}}}}\n`,
    );
    process.env.HIL_LAB = file;
    await using lab = await LabClient.connect({ client: 'bench', state });
    const through: number[] = [];
    {
      await using board = await LeasedBoard.acquire(lab, { owner: 'bench' });
      await board.ready();
      through.push(...(await measure(() => board.call('ssh.run', { command: 'true' }))));
    }
    await lab.call('lab.stop', { force: true });
    await lab.closed();
    // What has ended there is gone soon after; what stays was left.
    const settled = performance.now() + SETTLE_MS;
    while (server.processes() > idle && performance.now() < settled)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const labgrid = { value: 5.6, measuredNow: false };
    const what = "ssh on loopback: run('true')";
    return [
      {
        what: `${what} through the controller, p50 ms`,
        ours: median(through),
        labgrid,
        target: '2.5',
        runs: RUNS,
      },
      { what: `${what} through the controller, p99 ms`, ours: quantile(through, 0.99), runs: RUNS },
      { what: `${what} on a held shell, p50 ms`, ours: median(held), labgrid, target: '0.5', runs: RUNS },
      {
        what: `ssh on loopback: processes left there after ${2 * RUNS} commands`,
        ours: server.processes() - idle,
        target: '0',
        runs: 1,
      },
    ];
  } catch (error) {
    if (!(error instanceof HilError) || error.code !== 'no-root') throw error;
    console.error(`left out: ${error.message}`);
    return [];
  } finally {
    if (before === undefined) delete process.env.HIL_LAB;
    else process.env.HIL_LAB = before;
    rmSync(state, { recursive: true, force: true });
  }
}

async function measure(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) times.push(await timed(work));
  return times;
}
