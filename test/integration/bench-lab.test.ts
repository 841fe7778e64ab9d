import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { CheckResult } from '../../lab/board/doctor/check.ts';
import { ConfigError, HilError } from '../../lab/errors.ts';
import { makeBench } from './bench.ts';
import { hil } from './hil.ts';
import { BOOT_MS, testLab, until } from './lab.ts';

const lab = testLab();
const bench = await makeBench(lab.state);
process.env.HIL_LAB = bench.labFile;
after(async () => {
  await lab[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});
afterEach(() => lab.releaseAll());

test('a board that the lab knows by its wires alone boots, answers by SSH and console, and goes off', async () => {
  const board = await lab.board({ boards: ['bench1'] });
  assert.equal(bench.hasPower(), true);
  const { stdout } = await board.call('ssh.run', { command: 'cat /proc/sys/kernel/random/boot_id' });
  await board.call('console.login', { timeoutMs: BOOT_MS });
  const { output } = await board.call('console.run', {
    command: 'cat /proc/sys/kernel/random/boot_id',
    timeoutMs: BOOT_MS,
  });
  assert.equal(output, stdout, 'console and SSH reach the same machine');
  await board.power('off');
  assert.equal(bench.hasPower(), false, 'off means off, though PDUDaemon only takes orders');
  await board.ready({ timeoutMs: BOOT_MS });
  const again = await board.call('ssh.run', { command: 'cat /proc/sys/kernel/random/boot_id' });
  assert.notEqual(again.stdout, stdout);
});

test('a switch that says yes and does nothing is found out', async () => {
  const board = await lab.board({ boards: ['bench1'] });
  bench.jam();
  const error = await board.power('off').then(
    () => assert.fail('it was believed'),
    (thrown: unknown) => thrown,
  );
  bench.unjam();
  assert.ok(error instanceof HilError);
  assert.deepEqual([error.fault, error.code], ['lab', 'power-not-switched']);
  assert.match(error.message, /outlet 1 of bench by PDUDaemon.*still answers/);
  assert.equal(bench.hasPower(), true);
});

test('the doctor finds such a board well, and leaves it off; a peer that is not there is told', async () => {
  await until(() => !bench.hasPower(), 'the board is off');
  const { code, stdout, stderr } = await hil('doctor', '--json');
  const Report = z.record(z.string(), z.array(CheckResult));
  const report = Report.parse(JSON.parse(stdout));
  const of = (name: string) =>
    Object.fromEntries((report[name] ?? []).map(({ area, status }) => [area, status]));
  const { power, boot, ssh, console, system, clock, tools, disk } = of('bench1');
  assert.deepEqual([power, boot, ssh, console, system, tools, disk], Array(7).fill('good'), stdout + stderr);
  assert.match(clock ?? '', /good|warning/);
  assert.equal(bench.hasPower(), false);
  const modems = report.bench1?.find(({ area }) => area === 'modems');
  assert.equal(modems?.status, 'wrong');
  assert.match(modems.detail, /^not there: stick \(USB 12d1:14dc\), stick \(interface wwan0\)$/);
  assert.match(modems.todo, /on USB there are .*1d6b:0002/);
  assert.equal(of('here').radio, 'good');
  assert.deepEqual(of('nowhere'), { peer: 'wrong' });
  assert.equal(code, 3, 'something is wrong');
});

test('a run begins with a look at its peers, and says which of them are not well', async () => {
  const client = await lab.connect();
  const dir = mkdtempSync(join(tmpdir(), 'hil-run-'));
  const { journal } = await client.call('run.open', { run: 'peers', dir, command: 'test' });
  await client.call('run.close', { run: 'peers', reason: 'seen' });
  const checked = readFileSync(journal, 'utf8')
    .trim()
    .split('\n')
    .map((line) => z.object({ kind: z.string(), data: z.unknown() }).parse(JSON.parse(line)))
    .filter(({ kind }) => kind === 'peer.checked')
    .map(({ data }) =>
      z.object({ peer: z.string(), clock: z.string(), wrong: z.array(z.string()) }).parse(data),
    );
  const of = (name: string) => checked.find(({ peer }) => peer === name);
  assert.deepEqual(of('here')?.wrong, []);
  assert.match(of('here')?.clock ?? '', /s to this machine/);
  assert.match(of('nowhere')?.wrong.join() ?? '', /^peer: /);
});

test('a board that is left goes off, and while it is in use no other lab can be had here', async () => {
  const board = await lab.board({ boards: ['bench1'] });
  process.env.HIL_LAB = 'virtual';
  try {
    await assert.rejects(
      lab.connect(),
      (error) =>
        error instanceof ConfigError && error.code === 'other-lab' && error.message.includes(bench.labFile),
    );
  } finally {
    process.env.HIL_LAB = bench.labFile;
  }
  const { boards } = await (await lab.connect()).call('lab.status', {});
  assert.deepEqual(
    boards.map(({ name, title }) => [name, title]),
    [['bench1', 'a machine behind wires']],
  );
  await board.release();
  await until(() => !bench.hasPower(), 'the board is off');
});
