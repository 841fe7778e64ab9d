import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BootProgress } from '../../lab/board/boot/progress.ts';

const U_BOOT = [
  'U-Boot 2023.01+dfsg-2 (Jan 01 2023 - 00:00:00 +0000)',
  'DRAM:  256 MiB',
  'Net:   eth0: virtio-net#32',
];
const KERNEL = [
  'Starting kernel ...',
  '[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd034]',
  '[    0.000000] Linux version 6.1.0 (x@y)',
];
const INIT = ['[    1.200000] Run /init as init process', '[    2.000000] Run /sbin/init as init process'];

function stopped(...lines: string[]): { stage: string; what: string; fault: string } {
  const progress = new BootProgress();
  for (const line of lines) progress.push(line);
  const { stage, what, fault } = progress.stopped();
  return { stage, what, fault };
}

for (const [title, lines, stage, what, fault] of [
  ['a silent console', [], 'silent', /console has been silent since power on/, 'lab'],
  ['something that nobody knows', ['gibberish'], 'firmware', /stuck in its firmware/, 'lab'],
  [
    'a loader that stands still',
    U_BOOT,
    'bootloader',
    /stuck in its boot loader: it started no kernel/,
    'lab',
  ],
  [
    'no DHCP',
    [...U_BOOT, 'BOOTP broadcast 1', 'BOOTP broadcast 2', 'BOOTP broadcast 6'],
    'bootloader',
    /^stuck in its boot loader: no DHCP answer$/,
    'lab',
  ],
  [
    'a file that is not there',
    [...U_BOOT, "TFTP error: 'File not found' (1)"],
    'bootloader',
    /the TFTP server has no such file/,
    'config',
  ],
  [
    'a kernel for another machine',
    [...U_BOOT, 'Bad Linux ARM64 Image magic!'],
    'bootloader',
    /no arm64 kernel/,
    'config',
  ],
  [
    'a kernel that stands still',
    [...U_BOOT, ...KERNEL],
    'kernel',
    /the kernel started, but no init: it stands still/,
    'product',
  ],
  [
    'no root',
    [...KERNEL, '[    3.0] VFS: Unable to mount root fs on unknown-block(0,0)'],
    'kernel',
    /the root file system was not found/,
    'config',
  ],
  [
    'a shell of the initramfs',
    [...KERNEL, ...INIT.slice(0, 1), '(initramfs) '],
    'initramfs',
    /stopped in the shell of the initramfs/,
    'lab',
  ],
  [
    'emergency mode',
    [...KERNEL, ...INIT, 'You are in emergency mode. After logging in, type'],
    'userland',
    /is in emergency mode/,
    'lab',
  ],
  [
    'an init without login',
    [...KERNEL, ...INIT, 'the last words'],
    'userland',
    /its init runs, but no login came.*the last words/,
    'lab',
  ],
] as const) {
  test(`where a boot stopped is told: ${title}`, () => {
    const found = stopped(...lines);
    assert.deepEqual([found.stage, found.fault], [stage, fault]);
    assert.match(found.what, what);
  });
}

test('what a boot complained of and got over is not why it stopped later', () => {
  assert.match(
    stopped(...U_BOOT, 'ARP Retry count exceeded; starting again', ...KERNEL, ...INIT).what,
    /its init runs/,
  );
});

test('a reset on the way begins anew', () => {
  const progress = new BootProgress();
  for (const line of [...U_BOOT, ...KERNEL, ...INIT]) progress.push(line);
  assert.equal(progress.push(U_BOOT[0] ?? ''), 'bootloader');
  assert.equal(progress.stage, 'bootloader');
});

test('a login prompt without SSH is told as such', () => {
  const progress = new BootProgress();
  for (const line of [...U_BOOT, ...KERNEL, ...INIT]) progress.push(line);
  progress.login();
  assert.match(progress.stopped().what, /it shows a login prompt: but does not answer by SSH/);
});

test('whatever a console says, there is an answer', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
      assert.ok(stopped(...lines).what.length > 0);
    }),
  );
});
