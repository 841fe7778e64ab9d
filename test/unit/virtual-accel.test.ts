/** The trial of an accelerator, on programs that stand for guests: no machine has every kind of broken /dev/kvm. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { bootsInTime, probeAccelerator } from '../../lab/virtual/accel.ts';
import { kindOf } from '../../lab/virtual/kinds.ts';

const LONG_MS = 30_000;
const END = "echo '[    1.1] Kernel panic - not syncing: VFS: Unable to mount root fs'";

const dir = mkdtempSync(join(tmpdir(), 'hil-accel-'));
after(() => rmSync(dir, { recursive: true }));

function guest(script: string): string[] {
  return ['sh', '-c', script];
}

test('a guest that hangs is given up at the time limit, and killed', async () => {
  const pidFile = join(dir, 'pid');
  assert.equal(await bootsInTime(guest(`echo $$ >${pidFile}; echo booting; exec sleep 1000`), 1000), false);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const deadline = Date.now() + LONG_MS;
  while (existsSync(`/proc/${pid}`)) {
    assert.ok(Date.now() < deadline, 'the guest lives on');
    await setTimeout(10);
  }
});

test('a guest whose kernel comes to its end has booted, though it would run on', async () => {
  assert.equal(await bootsInTime(guest(`${END}; exec sleep 1000`), LONG_MS), true);
});

test('a guest that ends early, or cannot be started, has not booted', async () => {
  assert.equal(await bootsInTime(guest('echo KVM: entry failed'), LONG_MS), false);
  assert.equal(await bootsInTime([join(dir, 'no-such-qemu')], LONG_MS), false);
});

test('a trial that is given up ends at once', async () => {
  assert.equal(await bootsInTime(guest('exec sleep 1000'), LONG_MS, AbortSignal.timeout(50)), false);
});

test('HIL_ACCEL decides, and takes no other word', async (t) => {
  t.after(() => delete process.env.HIL_ACCEL);
  process.env.HIL_ACCEL = 'tcg';
  assert.equal(await probeAccelerator({ kernel: '/nowhere' }, kindOf('virtual').machine), 'tcg');
  process.env.HIL_ACCEL = 'xen';
  await assert.rejects(
    probeAccelerator({ kernel: '/nowhere' }, kindOf('virtual').machine),
    /HIL_ACCEL is "xen"; it can be kvm or tcg/,
  );
});
