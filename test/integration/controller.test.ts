import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { readJournal } from '../../lab/journal/reader.ts';
import { BOOT_MS, isAlive, testLab, until } from './lab.ts';

const lab = testLab({ HIL_GRACE_MS: '3000', HIL_LEASE_MS: '15000', HIL_LINGER_MS: '5000' });
after(() => lab[Symbol.asyncDispose]());
afterEach(() => lab.releaseAll());

async function failure(promise: Promise<unknown>): Promise<HilError> {
  const error: unknown = await promise.then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError, String(error));
  return error;
}

/** A client in a process of its own, which holds vb1 with an access point up, until it is killed. */
async function holder(): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'holder.ts');
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('no pipe');
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(BOOT_MS) });
  return child;
}

async function stateOf(name: string): Promise<string> {
  const client = await lab.connect();
  const { state } = await client.call('power.state', { board: name });
  client.close();
  return state;
}

test('the socket belongs to its user alone', async () => {
  await lab.connect();
  assert.equal(statSync(join(lab.state, 'controller.sock')).mode & 0o777, 0o600);
});

test('a lease boots the board, runs commands on it, and leaves it off', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  const result = await board.call('ssh.run', { command: 'echo out; echo err >&2; exit 3' });
  assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['out\n', 'err\n', 3]);
  assert.equal(lab.machines().length, 1);
  await board.release();
  assert.equal(await stateOf('vb1'), 'off');
  assert.equal(lab.machines().length, 0);
  assert.equal((await failure(board.call('ssh.run', { command: 'true' }))).code, 'lease-lost');
});

test('a second client waits in line, is told its place, and gets the board next', async () => {
  const first = await lab.board({ boards: ['vb1'], owner: 'first' });
  const places: string[] = [];
  const second = LeasedBoard.acquire(await lab.connect(), {
    owner: 'second',
    boards: ['vb1'],
    waitMs: BOOT_MS,
    onEvent: ({ position, of, holders }) => places.push(`${position}/${of} ${holders.join()}`),
  });
  await until(() => places.length > 0, 'the place was told');
  assert.match(places[0] ?? '', /^1\/1 vb1: first since/);
  await first.release();
  const board = await second;
  assert.equal(board.name, 'vb1');
  await board.release();
});

test('kill -9 of a client: what it had started is gone, its board is off, the next one works', async () => {
  const child = await holder();
  assert.equal(lab.machines().length, 1);
  child.kill('SIGKILL');
  await until(() => lab.machines().length === 0, 'the board of the killed client is off');
  const board = await lab.board({ boards: ['vb1'] });
  const { stdout } = await board.call('ssh.run', {
    command: 'pidof hostapd iperf3 wpa_supplicant dnsmasq; true',
  });
  assert.equal(stdout, '');
  await board.release();
});

test('kill -9 of the controller: the client starts another, which takes board and lease over', async () => {
  const board = await lab.board({ boards: ['vb2'] });
  const [machine] = lab.machines();
  const before = await lab.controllerPid();
  process.kill(before, 'SIGKILL');
  await until(() => !isAlive(before), 'the controller is dead');
  // What is under way when the connection breaks is lost, and says so; whether it was done nobody knows.
  await board
    .call('ssh.run', { command: 'true' })
    .catch((error: unknown) => assert.match(String(error), /connection to the lab controller was lost/));
  const result = await board.call('ssh.run', { command: 'cat /proc/sys/kernel/random/boot_id' });
  assert.equal(result.exitCode, 0);
  assert.deepEqual(lab.machines(), [machine], 'the same QEMU goes on');
  assert.notEqual(await lab.controllerPid(), before);
  await board.release();
  assert.equal(lab.machines().length, 0);
});

test('kill -9 of controller and client: no QEMU outlives them for long', async () => {
  const child = await holder();
  const controller = await lab.controllerPid();
  child.kill('SIGKILL');
  process.kill(controller, 'SIGKILL');
  await until(() => lab.machines().length === 0, 'the orphaned board was switched off', 90_000);
});

test('a kernel panic fails what is under way as a product error, and the next use finds a booted board', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  const underWay = failure(board.call('ssh.run', { command: 'sleep 60' }));
  await board.call('ssh.exec', {
    command: 'echo 1 > /proc/sys/kernel/sysrq; (sleep 1; echo c > /proc/sysrq-trigger) &',
  });
  const error = await underWay;
  assert.equal(error.fault, 'product');
  assert.equal(error.code, 'kernel-panic');
  assert.equal(await stateOf('vb1'), 'crashed');
  const facts = await board.ready({ timeoutMs: BOOT_MS });
  assert.notEqual(facts.bootMs, null);
  await board.release();
});

test('a board that hangs is found and power-cycled before it is used', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.power('freeze');
  assert.equal(await stateOf('vb1'), 'frozen');
  const facts = await board.ready({ timeoutMs: BOOT_MS });
  assert.notEqual(facts.bootMs, null);
  assert.equal((await board.call('ssh.run', { command: 'true' })).exitCode, 0);
  await board.release();
});

test('a board that was frozen and thawed is cleaned when the test ends', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.ready({ timeoutMs: BOOT_MS });
  await board.power('freeze');
  await board.power('thaw');
  assert.equal(await stateOf('vb1'), 'ready');
  assert.equal((await board.call('ssh.run', { command: 'true' })).exitCode, 0);
  await board.release();
});

test('a run that has ended is not opened again', async () => {
  const run = { run: 'run-e', dir: join(lab.state, 'run-e'), command: 'test' };
  const client = await lab.connect('runner');
  const { journal } = await client.call('run.open', run);
  await client.call('run.close', { run: run.run, reason: 'done' });
  assert.equal((await failure(client.call('run.open', run))).code, 'run-ended');
  assert.equal((await kinds(journal)).at(-1), 'run.end');
});

test('a run whose owner is killed ends: its leases too, and its journal is readable', async () => {
  const dir = join(lab.state, 'run-a');
  const owner = await lab.connect('runner');
  const { journal } = await owner.call('run.open', { run: 'run-a', dir, command: 'test' });
  const board = await LeasedBoard.acquire(await lab.connect(), {
    owner: 'worker',
    run: 'run-a',
    fresh: true,
  });
  await board.ready({ timeoutMs: BOOT_MS });
  await board.beginScope('a test', join(dir, 'test'));
  const { artifacts } = await board.endScope();
  assert.deepEqual(
    artifacts.map(({ name }) => name),
    ['console.log', 'dmesg.log'],
    'both are there although the board said nothing',
  );
  owner.close();
  await until(() => lab.machines().length === 0, 'the board is off');
  await until(async () => (await kinds(journal)).includes('run.end'), 'the journal is complete');
  const seen = await kinds(journal);
  for (const kind of [
    'run.start',
    'lease.acquired',
    'console.line',
    'kernel.record',
    'board.provenance',
    'lease.released',
  ]) {
    assert.ok(seen.includes(kind), `${kind} is in the journal`);
  }
});

async function kinds(journal: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of readJournal(journal)) seen.push(event.kind);
  return seen;
}
