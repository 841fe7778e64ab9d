import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import type { BootSource } from '../../lab/board/boot/sources.ts';
import type { BootState } from '../../lab/board/boot/states.ts';
import { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { kindOf } from '../../lab/virtual/kinds.ts';
import { endAll, hil } from './hil.ts';
import { BOOT_MS, testLab } from './lab.ts';

const lab = testLab();
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
});

/** QEMU's own TFTP server, which has the files of the board's image; from there nothing else can be reached. */
const QEMUS: BootSource = {
  ...{ by: 'tftp' as const, serverip: '10.0.2.2', port: null, prefix: '' },
  network: { ipaddr: '10.0.2.15' },
};

/** Leased, and off: its boot loader is what is asked for. */
async function arm64(): Promise<LeasedBoard> {
  return await LeasedBoard.acquire(await lab.connect(), {
    ...{ owner: 'test', boards: ['va1'], fresh: true, waitMs: BOOT_MS },
  });
}

test('U-Boot is stopped on its way, runs commands with results, and explains those that fail', async () => {
  await using board = await arm64();
  await board.call('boot.stop', {});
  const run = async (command: string) => await board.call('boot.command', { command, timeoutMs: 60_000 });
  assert.match((await run('version')).output, /^U-Boot \d{4}\.\d\d/m);
  assert.equal((await run('test 1 = 2')).exitCode, 1);
  assert.deepEqual(await run('setenv hil "a#b"; printenv hil'), { exitCode: 0, output: 'hil=a#b\n' });
  await assert.rejects(run('saveenv'), /would write to the flash/);
  // It is in its loader, and is brought up again by who needs it.
  const facts = await board.ready({ timeoutMs: BOOT_MS });
  assert.notEqual(facts.bootMs, null);
});

test('other files than its own are booted from where it fetches files, once, with their sums compared', async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  await using board = await arm64();
  const bootargs = [...kindOf('virtual-arm64').machine.kernelArguments, 'hil.proof=1'].join(' ');
  const steps: string[] = [];
  await board.call(
    'boot.once',
    { kernel: image.kernel, initrd: image.initrd, bootargs },
    { onEvent: ({ detail }) => steps.push(detail) },
  );
  const { stdout } = await board.call('ssh.run', { command: 'cat /proc/cmdline' });
  assert.match(stdout, /hil\.proof=1/);
  assert.ok(
    steps.some((step) => /loading kernel/.test(step)),
    steps.join('; '),
  );
  await board.power('cycle');
  await board.ready({ timeoutMs: BOOT_MS });
  const own = await board.call('ssh.run', { command: 'cat /proc/cmdline' });
  assert.doesNotMatch(own.stdout, /hil\.proof/, 'what it boots by itself is as before');
});

test('a file that is not on the server, and a server that is not there, are told as such', async () => {
  await using board = await arm64();
  const path = join(lab.state, 'no-kernel');
  writeFileSync(path, 'this is no kernel');
  const boot = async (source: BootSource) =>
    await board.call('boot.once', { kernel: path, bootargs: 'x', source }).then(
      () => assert.fail('it booted'),
      (thrown: unknown) => thrown,
    );
  const missing = await boot(QEMUS);
  assert.ok(missing instanceof HilError);
  assert.equal(missing.message, 'va1 is stuck in U-Boot: the TFTP server has no such file');
  const unreachable = await boot({ ...QEMUS, serverip: '127.0.0.2', port: 0 });
  assert.ok(unreachable instanceof HilError);
  assert.match(unreachable.message, /^va1 is stuck in U-Boot: the TFTP server does not answer ARP$/);
});

test('it is brought from any of its named states to any other', async () => {
  await using board = await arm64();
  const reach = async (state: BootState) => (await board.call('boot.reach', { state })).trail;
  assert.deepEqual(await reach('bootloader'), ['bootloader']);
  assert.deepEqual(await reach('bootloader'), [], 'it is there');
  assert.match((await board.call('boot.command', { command: 'version' })).output, /^U-Boot/m);
  assert.equal((await reach('kernel')).at(0), 'kernel', 'it boots on from there');
  assert.deepEqual(await reach('ready'), ['userland', 'ready']);
  assert.equal((await board.call('ssh.run', { command: 'true' })).exitCode, 0);
  assert.deepEqual(await reach('bootloader'), ['off', 'bootloader']);
  assert.deepEqual(await reach('ready'), ['kernel', 'userland', 'ready']);
  assert.deepEqual(await reach('kernel'), ['kernel'], 'by a reboot');
  assert.deepEqual(await reach('off'), ['off']);
});

test('a state that a board can not be brought to is told with what it lacks', async () => {
  await using board = await LeasedBoard.acquire(await lab.connect(), {
    ...{ owner: 'test', boards: ['vb1'], fresh: true, waitMs: BOOT_MS },
  });
  await assert.rejects(
    board.call('boot.reach', { state: 'bootloader' }),
    (error) =>
      error instanceof HilError &&
      error.code === 'unreachable' &&
      /no way leads vb1 from off to bootloader/.test(error.message) &&
      /must name a boot loader/.test(error.hint ?? ''),
  );
});

test('hil doctor goes through its states, its boot loader among them', async () => {
  const { code, stdout } = await hil('doctor', 'va1', '--json');
  const Results = z.record(
    z.string(),
    z.array(z.object({ area: z.string(), status: z.string(), detail: z.string() })),
  );
  const results = Results.parse(JSON.parse(stdout)).va1 ?? [];
  const of = (area: string) => results.find((each) => each.area === area);
  assert.equal(code, 0, stdout);
  assert.match(of('loader')?.detail ?? '', /^U-Boot \d{4}\.\d\d.*fetches files by tftp$/);
  assert.match(of('boot')?.detail ?? '', /^kernel -> userland -> ready in /);
});

test('hil boot does the same for a person', async () => {
  const stopped = await hil('boot', 'va1', '--stop');
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.match(stopped.stderr, /va1: in its boot loader/);
  const version = await hil('boot', 'va1', '--command', 'version');
  assert.match(version.stdout, /^U-Boot \d{4}\.\d\d/m);
  assert.equal((await hil('boot', 'va1', '--command', 'test 1 = 2')).code, 1, 'it ends as the command did');
  assert.equal((await hil('boot', 'va1')).code, 2);
  assert.equal((await hil('boot', 'va1', '--kernel', 'Image', '--http')).code, 2, 'where from?');
  const reached = await hil('boot', 'va1', '--to', 'kernel');
  assert.match(reached.stderr, /va1: (?:off -> )?kernel/);
  assert.match((await hil('boot', 'va1', '--to', 'heaven')).stderr, /there are off, bootloader, kernel/);
  await hil('power', 'va1', 'off');
});
