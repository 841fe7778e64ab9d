/** The guard of virtual boards, with `sleep` in the place of QEMU and flock(1) in the place of the controller. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { hasEnded, type ProcessId, processId } from '../../lab/process.ts';

const GUARD = join(import.meta.dirname, '../../lab/virtual/guard.sh');
const GRACE_S = 1;

let dir: string;
let guards: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'guard-'));
  guards = [];
});
afterEach(() => {
  for (const { pid, exitCode, signalCode } of guards)
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

interface Hold {
  end(): Promise<void>;
}

/** A controller: holds the lock until it ends. */
async function controller(): Promise<Hold> {
  const child = spawn('flock', [join(dir, 'lock'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    end: async () => {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}

/** A machine under its guard, told by its pid. */
async function guarded(
  script: string,
): Promise<{ guard: ChildProcess; machine: ProcessId; said: () => string }> {
  const args = [GUARD, join(dir, 'lock'), String(GRACE_S), 'sh', '-c', `echo $$; ${script}`];
  const guard = spawn('sh', args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  guards.push(guard);
  let said = '';
  guard.stderr.on('data', (data) => {
    said += String(data);
  });
  const [pid] = await once(guard.stdout, 'data');
  const machine = processId(Number(String(pid)));
  assert.ok(machine !== null);
  return { guard, machine, said: () => said };
}

function childrenOf(pid: number): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
}

test('a machine whose controller died is ended after the grace', async () => {
  const owner = await controller();
  const { guard, machine, said } = await guarded('exec sleep 1000');
  assert.equal(await hasEnded(machine, 1500), false, 'it is left alone while the controller lives');
  await owner.end();
  const exit = once(guard, 'close');
  assert.equal(await hasEnded(machine, 500), false, 'there is a grace');
  assert.equal(await hasEnded(machine, 10_000), true);
  await exit;
  assert.match(said(), /no lab controller for 1 s/);
});

test('a machine is kept when a new controller comes within the grace, and ended when that one dies too', async () => {
  const first = await controller();
  const { machine } = await guarded('exec sleep 1000');
  await first.end();
  const second = await controller();
  assert.equal(await hasEnded(machine, 2500), false);
  await second.end();
  assert.equal(await hasEnded(machine, 10_000), true);
});

test('a machine that does not heed TERM is killed', async () => {
  const { machine } = await guarded('trap "" TERM; while :; do sleep 1; done');
  assert.equal(await hasEnded(machine, 15_000), true);
});

test('a guard ends with its machine, with the same exit code, and leaves nothing running', async () => {
  const owner = await controller();
  const { guard, machine } = await guarded('read line < /dev/null; sleep 0.3; exit 7');
  assert.ok(guard.pid !== undefined);
  const watch = childrenOf(guard.pid).split(' ').map(Number);
  const [code] = await once(guard, 'close');
  assert.equal(code, 7);
  assert.equal(await hasEnded(machine, 1000), true);
  for (const pid of watch) {
    const left = processId(pid);
    assert.ok(left === null || (await hasEnded(left, 2000)));
  }
  await owner.end();
});

test('a guard takes the loss of its whole state folder for the death of the controller', async () => {
  const owner = await controller();
  const { machine } = await guarded('exec sleep 1000');
  rmSync(dir, { recursive: true });
  await owner.end();
  assert.equal(await hasEnded(machine, 40_000), true);
});
