/** A command's round trip over SSH: through the controller, and by OpenSSH with a shared connection, on the same board. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LeasedBoard } from '../../lab/client/board.ts';
import type { LabClient } from '../../lab/client/client.ts';
import { stateDir } from '../../lab/paths.ts';
import { median, quantile, type Row, timed } from './rows.ts';

const RUNS = 200;

export async function sshRows(lab: LabClient, board: LeasedBoard): Promise<Row[]> {
  const { boards } = await lab.call('lab.status', {});
  const port = boards.find(({ name }) => name === board.name)?.sshPort;
  const control = join(stateDir(), 'bench-ssh');
  const options = [
    '-o',
    `ControlPath=${control}`,
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
  ];
  const target = [
    ...options,
    '-i',
    join(stateDir(), 'keys/id_ed25519'),
    '-p',
    String(port),
    'root@127.0.0.1',
  ];
  execFileSync('ssh', [
    '-o',
    'LogLevel=ERROR',
    '-o',
    'ControlMaster=yes',
    '-o',
    'ControlPersist=yes',
    '-f',
    '-N',
    ...target,
  ]);
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      ours.push(await timed(() => board.call('ssh.run', { command: 'true' })));
      theirs.push(await timed(() => once(spawn('ssh', [...target, 'true'], { stdio: 'ignore' }), 'exit')));
    }
    const peer = (q: number) => ({ name: 'ssh + ControlMaster', value: quantile(theirs, q) });
    return [
      {
        what: "ssh run('true') through the controller, p50 ms",
        ours: median(ours),
        peer: peer(0.5),
        labgrid: { value: 5.6, measuredNow: false },
        runs: RUNS,
      },
      {
        what: "ssh run('true') through the controller, p99 ms",
        ours: quantile(ours, 0.99),
        peer: peer(0.99),
        labgrid: { value: 10.3, measuredNow: false },
        runs: RUNS,
      },
    ];
  } finally {
    execFileSync('ssh', ['-O', 'exit', ...target], { stdio: 'ignore' });
  }
}
