import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
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
const QEMUS = { serverip: '10.0.2.2', port: null };

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

test('other files than its own are booted over the network, once, with their sums compared', async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  await using board = await arm64();
  const bootargs = [...kindOf('virtual-arm64').machine.kernelArguments, 'hil.proof=1'].join(' ');
  const steps: string[] = [];
  await board.call(
    'boot.network',
    { kernel: image.kernel, initrd: image.initrd, bootargs, network: { ipaddr: '10.0.2.15' }, ...QEMUS },
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
  const boot = async (more: { serverip: string; port: number | null }) =>
    await board
      .call('boot.network', { kernel: path, bootargs: 'x', network: { ipaddr: '10.0.2.15' }, ...more })
      .then(
        () => assert.fail('it booted'),
        (thrown: unknown) => thrown,
      );
  const missing = await boot(QEMUS);
  assert.ok(missing instanceof HilError);
  assert.equal(missing.message, 'va1 is stuck in U-Boot: the TFTP server has no such file');
  const unreachable = await boot({ serverip: '127.0.0.2', port: 0 });
  assert.ok(unreachable instanceof HilError);
  assert.match(unreachable.message, /^va1 is stuck in U-Boot: the TFTP server does not answer ARP$/);
});

test('hil boot does the same for a person', async () => {
  const stopped = await hil('boot', 'va1', '--stop');
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.match(stopped.stderr, /va1: in its boot loader/);
  const version = await hil('boot', 'va1', '--command', 'version');
  assert.match(version.stdout, /^U-Boot \d{4}\.\d\d/m);
  assert.equal((await hil('boot', 'va1', '--command', 'test 1 = 2')).code, 1, 'it ends as the command did');
  assert.equal((await hil('boot', 'va1')).code, 2);
  assert.equal((await hil('boot', 'va1', '--kernel', 'Image')).code, 2, 'where from?');
  await hil('power', 'va1', 'off');
});
