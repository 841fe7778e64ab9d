/** From a byte on the line to the answer of an expect through the controller. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeTransport } from '../../lab/board/console/index.ts';
import { LeasedBoard } from '../../lab/client/board.ts';
import { LabClient } from '../../lab/client/client.ts';
import { quantile, type Row } from './rows.ts';

const RUNS = 2000;
const WARM = 200;

export async function rpcRows(dir: string): Promise<Row[]> {
  const [ours, theirs] = [join(dir, 'ours'), join(dir, 'theirs')];
  const cable = spawn('socat', [`PTY,link=${ours},rawer`, `PTY,link=${theirs},rawer`], { stdio: 'ignore' });
  const state = join(dir, 's');
  mkdirSync(state, { recursive: true });
  const ended = [once(cable, 'exit')];
  while (!existsSync(ours) || !existsSync(theirs)) await new Promise((resolve) => setTimeout(resolve, 20));
  const program = join(import.meta.dirname, 'console-controller.ts');
  const controller = spawn(process.execPath, [program, state, ours], { stdio: ['pipe', 'pipe', 'inherit'] });
  ended.push(once(controller, 'exit'));
  try {
    await once(controller.stdout, 'data');
    const times = await measure(state, theirs);
    return [0.5, 0.99].map((q) => ({
      what: `console: byte on the line to match by RPC, p${q * 100} ms`,
      ours: quantile(times, q),
      labgrid: { value: q === 0.5 ? 0.387 : 0.52, measuredNow: false },
      target: q === 0.5 ? '0.4' : '',
      runs: RUNS,
    }));
  } finally {
    controller.stdin.end();
    cable.kill('SIGTERM');
    await Promise.all(ended);
  }
}

async function measure(state: string, theirs: string): Promise<number[]> {
  await using lab = await LabClient.connect({ client: 'bench', state });
  await using board = await LeasedBoard.acquire(lab, { owner: 'bench', endState: 'on' });
  await board.power('on');
  const line = await makeTransport({ type: 'pty', path: theirs }).open();
  const times: number[] = [];
  for (let run = 0; run < WARM + RUNS; run++) {
    const { position: from } = await board.call('console.position', {});
    const seen = board.call('console.expect', { patterns: [{ literal: `mark-${run}\n` }], from });
    // The controller answers in order: it listens when this one is answered.
    await board.call('console.position', {});
    const began = performance.now();
    await line.write(Buffer.from(`mark-${run}\r\n`));
    await seen;
    if (run >= WARM) times.push(performance.now() - began);
  }
  await line.close();
  return times;
}
