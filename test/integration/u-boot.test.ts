import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { virtualArm64 } from '../../devices/virtual-arm64.ts';
import { LoaderShell } from '../../lab/board/boot/loader-shell.ts';
import { LOADERS } from '../../lab/board/boot/loaders.ts';
import { netBoot, sumOf } from '../../lab/board/boot/netboot.ts';
import { TftpServer } from '../../lab/board/boot/tftp.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import { ConfigError } from '../../lab/errors.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { kindOf } from '../../lab/virtual/kinds.ts';
import { U_BOOT } from '../../lab/virtual/u-boot.ts';
import { end } from '../unit/console-bench.ts';

const LIMIT = { timeout: 240_000 };
/** An address of this machine to which QEMU's user network leads; that of its gateway it answers for itself. */
const HERE = '127.0.0.2';
const dir = mkdtempSync(join(tmpdir(), 'hil-u-'));
const port = new Console({
  board: 'u',
  transport: () => makeTransport({ type: 'unix', path: join(dir, 'console') }),
  journal: { append: () => undefined },
  prompt: virtualArm64.console,
});
const qemu = spawn(
  'qemu-system-aarch64',
  [
    ...[
      '-M',
      'virt',
      '-accel',
      'tcg,tb-size=64',
      '-cpu',
      'cortex-a53',
      '-m',
      '256',
      '-bios',
      U_BOOT,
      '-display',
      'none',
    ],
    ...[
      '-monitor',
      'none',
      '-chardev',
      `socket,id=c,path=${join(dir, 'console')},server=on,wait=on`,
      '-serial',
      'chardev:c',
    ],
    ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
  ],
  { stdio: 'ignore' },
);
after(async () => {
  await end(qemu);
  await port.close();
  rmSync(dir, { recursive: true, force: true });
});
const shell = new LoaderShell('u', port, LOADERS['u-boot']);
const live = new AbortController().signal;

test('U-Boot loads a file from the lab’s own TFTP server, whole', LIMIT, async () => {
  await port.open({ signal: AbortSignal.timeout(60_000) });
  await shell.stop({ from: 0, timeoutMs: 120_000 });
  const path = join(dir, 'payload');
  writeFileSync(path, randomBytes(5_000_001));
  await using _server = await TftpServer.start({ address: HERE, files: { payload: path } });
  await shell.set({ autoload: 'no' });
  await shell.check('dhcp', { timeoutMs: 60_000 });
  await shell.set({ serverip: HERE });
  const output = await shell.check('tftpboot 0x44000000 payload', { timeoutMs: 120_000 });
  assert.match(output, /Bytes transferred = 5000001/);
  const sum = await shell.check(`crc32 0x44000000 ${(5_000_001).toString(16)}`, { timeoutMs: 60_000 });
  assert.match(sum, new RegExp(`==> ${(await sumOf(path)).crc32}`));
  await assert.rejects(
    shell.check('tftpboot 0x44000000 other', { timeoutMs: 60_000 }),
    (error) => error instanceof ConfigError && /the TFTP server has no such file/.test(error.message),
  );
});

test('what is no kernel is not started, and told so; a kernel is', LIMIT, async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  const network = 'dhcp' as const;
  const options = { signal: live, progress: () => undefined };
  const common = { network, serverip: HERE, method: 'booti' as const };
  const path = join(dir, 'no-kernel');
  writeFileSync(path, 'this is no kernel '.repeat(100));
  {
    await using _server = await TftpServer.start({ address: HERE, files: { 'no-kernel': path } });
    await assert.rejects(
      netBoot(shell, port, { ...common, kernel: path, bootargs: 'x' }, options),
      (error) => error instanceof ConfigError && /what was loaded is no arm64 kernel/.test(error.message),
    );
  }
  const { kernel, initrd } = image;
  await using _server = await TftpServer.start({ address: HERE, files: { kernel, 'initrd.cpio': initrd } });
  const bootargs = [...kindOf('virtual-arm64').machine.kernelArguments, 'hil.proof=1'].join(' ');
  const from = port.position;
  await netBoot(shell, port, { ...common, kernel, initrd, bootargs }, options);
  await port.expect('hil.proof=1', { from, timeoutMs: 60_000 });
  // Without disks it gets as far as its own init.
  await port.expect('no root image on /dev/vda', { from, timeoutMs: 120_000 });
});
