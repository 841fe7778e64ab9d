import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { virtualArm64 } from '../../devices/virtual-arm64.ts';
import { bootKernel, sumOf } from '../../lab/board/boot/kernel-boot.ts';
import { LoaderShell } from '../../lab/board/boot/loader-shell.ts';
import { LOADERS } from '../../lab/board/boot/loaders.ts';
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
const image = await ensureImage({ kind: 'virtual-arm64' });
const stick = makeStick();
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
      '512',
      '-bios',
      U_BOOT,
      '-display',
      'none',
    ],
    ...[
      '-monitor',
      `unix:${join(dir, 'monitor')},server=on,wait=off`,
      '-chardev',
      `socket,id=c,path=${join(dir, 'console')},server=on,wait=on`,
      '-serial',
      'chardev:c',
    ],
    ...['-netdev', 'user,id=n0', '-device', 'virtio-net-pci,netdev=n0,romfile='],
    ...['-drive', `if=none,id=stick,format=raw,file=${stick}`],
    ...['-device', 'usb-ehci,id=usb', '-device', 'usb-storage,bus=usb.0,drive=stick'],
  ],
  { stdio: 'ignore' },
);
after(async () => {
  await end(qemu);
  await port.close();
  rmSync(dir, { recursive: true, force: true });
});
const shell = new LoaderShell('u', port, LOADERS['u-boot']);
const options = { signal: new AbortController().signal, progress: () => undefined };
const common = {
  method: 'booti' as const,
  source: { by: 'tftp' as const, network: 'dhcp' as const, serverip: HERE, port: null, prefix: '' },
};

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
  const path = join(dir, 'no-kernel');
  writeFileSync(path, 'this is no kernel '.repeat(100));
  {
    await using _server = await TftpServer.start({ address: HERE, files: { 'no-kernel': path } });
    await assert.rejects(
      bootKernel(shell, port, { ...common, kernel: path, bootargs: 'x' }, options),
      (error) => error instanceof ConfigError && /what was loaded is no arm64 kernel/.test(error.message),
    );
  }
  const { kernel, initrd } = image;
  await using _server = await TftpServer.start({ address: HERE, files: { kernel, 'initrd.cpio': initrd } });
  const from = port.position;
  // Longer than a line that U-Boot takes.
  const bootargs = argumentsWith(`hil.long=${'x'.repeat(400)} hil.proof=1`);
  await bootKernel(shell, port, { ...common, kernel, initrd, bootargs }, options);
  await port.expect('hil.proof=1', { from, timeoutMs: 60_000 });
  // Without disks it gets as far as its own init.
  await port.expect('no root image on /dev/vda', { from, timeoutMs: 120_000 });
});

test('a FIT with kernel, initrd and device tree is booted, from a USB stick too', LIMIT, async () => {
  const fit = join(dir, 'image.itb');
  {
    await restart();
    await using _server = await TftpServer.start({ address: HERE, files: { 'image.itb': fit } });
    const from = port.position;
    await bootKernel(shell, port, { ...common, kernel: fit, bootargs: argumentsWith('hil.fit=1') }, options);
    await port.expect('hil.fit=1', { from, timeoutMs: 60_000 });
    await port.expect('no root image on /dev/vda', { from, timeoutMs: 120_000 });
  }
  await restart();
  const from = port.position;
  const source = { by: 'usb', device: '0:0' } as const;
  await assert.rejects(
    bootKernel(shell, port, { ...common, source, kernel: 'not-there.itb', bootargs: 'x' }, options),
    /the boot medium has no such file/,
  );
  const bootargs = argumentsWith('hil.usb=1');
  await bootKernel(shell, port, { ...common, source, kernel: 'image.itb', bootargs }, options);
  await port.expect('hil.usb=1', { from, timeoutMs: 60_000 });
  await port.expect('no root image on /dev/vda', { from, timeoutMs: 120_000 });
});

test('what the shell of U-Boot would change is refused, and what was lost is noticed', LIMIT, async () => {
  await restart();
  for (const value of ["it's", 'a\\b', 'a\nb'])
    await assert.rejects(shell.set({ odd: value }), (error) => error instanceof ConfigError);
  const value = `a \${b} $c "d" #e; f & g | h `.repeat(20).trim();
  await shell.set({ odd: value });
  assert.equal((await shell.get('odd'))?.slice(0, 500), value.slice(0, 500));
  assert.equal(await shell.get('never_set'), null);
});

function argumentsWith(more: string): string {
  return [...kindOf('virtual-arm64').machine.kernelArguments, more].join(' ');
}

/** Back to the prompt of U-Boot. */
async function restart(): Promise<void> {
  const from = port.position;
  await monitor('system_reset');
  await shell.stop({ from, timeoutMs: 120_000 });
}

async function monitor(command: string): Promise<void> {
  const socket = connect(join(dir, 'monitor'));
  await once(socket, 'connect');
  socket.end(`${command}\n`);
  socket.resume();
  await once(socket, 'close');
}

/** A stick with a FIT on it, whole as one file system. */
function makeStick(): string {
  const [tree, fit, path] = ['tree.dtb', 'image.itb', 'stick'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const machine = `virt,dumpdtb=${tree}`;
  execFileSync(
    'qemu-system-aarch64',
    ['-M', machine, '-cpu', 'cortex-a53', '-m', '512', '-bios', U_BOOT, '-display', 'none'],
    { stdio: 'ignore' },
  );
  execFileSync(
    'mkimage',
    [
      ...['-f', 'auto', '-A', 'arm64', '-O', 'linux', '-T', 'kernel', '-C', 'none'],
      ...['-a', '0x40400000', '-e', '0x40400000', '-d', image.kernel, '-i', image.initrd, '-b', tree, fit],
    ],
    { stdio: 'ignore' },
  );
  const folder = join(dir, 'on-stick');
  mkdirSync(folder);
  linkSync(fit, join(folder, 'image.itb'));
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', folder, path, '128M']);
  return path;
}
