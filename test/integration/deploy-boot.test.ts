/** Deploys that boot the board: kernels, and what is done when it does not come up any more. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { kindOf } from '../../lab/virtual/kinds.ts';
import { bundleMaker, sh } from './bundles.ts';
import { endAll, hil } from './hil.ts';
import { BOOT_MS, testLab } from './lab.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-k-'));
const labFile = join(dir, 'lab.yaml');
// What does not come up is given up sooner than a board that nobody has seen boot.
writeFileSync(
  labFile,
  `boards:
  va1: {profile: virtual-arm64, virtual: true, bootTimeout: 30s}
  vb1: {profile: virtual, virtual: true}
`,
);
const lab = testLab({ HIL_LAB: labFile });
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Booted once: each test leaves it as it was. */
let board: Promise<LeasedBoard> | null = null;
const va1 = (): Promise<LeasedBoard> => {
  board ??= lab.board({ boards: ['va1'] });
  return board;
};
const bundle = bundleMaker(dir);

test('a kernel is deployed: booted by the boot loader each time, proven by uname, and taken back', async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  const args = [...kindOf('virtual-arm64').machine.kernelArguments, 'hil.deployed=1'].join(' ');
  const root = await bundle({
    '.hil/boot/kernel': { from: image.kernel },
    '.hil/boot/initrd': { from: image.initrd },
    '.hil/boot/args': args,
    'etc/demo.conf': 'of the bundle\n',
  });
  const board = await va1();
  const before = await board.ready({ timeoutMs: BOOT_MS });
  assert.match(before.provenance.buildId, /^[0-9a-f]{40}$/);
  const steps: string[] = [];
  const result = await board.call(
    'deploy.run',
    { dir: root },
    { onEvent: ({ detail }) => steps.push(detail) },
  );
  assert.equal(result.kernel, before.provenance.kernel, 'it is the same kernel, deployed');
  assert.ok(
    steps.some((step) => step === `booting Linux ${image.kernelRelease}`),
    steps.join('; '),
  );
  assert.match(await sh(board, 'cat /proc/cmdline /etc/demo.conf'), /hil\.deployed=1[\s\S]*of the bundle/);
  // A reset would boot its own kernel.
  await board.power('reset');
  const facts = await board.ready({ timeoutMs: BOOT_MS });
  assert.match(await sh(board, 'cat /proc/cmdline'), /hil\.deployed=1/, 'also after a reset');
  assert.equal(facts.provenance.bundle, `${result.bundle} ${result.sha256}`);
  const back = await board.call('deploy.rollback', {});
  assert.deepEqual([back.restored, back.way], [1, 'by SSH']);
  assert.doesNotMatch(await sh(board, 'cat /proc/cmdline'), /hil\.deployed/);
  assert.equal(await sh(board, 'cat /etc/demo.conf'), '');
});

test('a board that comes up without SSH is brought back on its console', async () => {
  const board = await va1();
  const former = await sh(board, 'cat /etc/ssh/sshd_config');
  const root = await bundle({ 'etc/ssh/sshd_config': 'Nonsense yes\n' });
  await assert.rejects(
    board.call('deploy.run', { dir: root, reboot: true }),
    (error) => error instanceof HilError && /va1 is as before; taken back on its console/.test(error.message),
  );
  await board.ready({ timeoutMs: BOOT_MS });
  assert.equal(await sh(board, 'cat /etc/ssh/sshd_config'), former);
});

test('a board that does not come up at all is brought back by its boot loader', async () => {
  const board = await va1();
  const former = await sh(board, 'readlink -f /usr/sbin/init; sha256sum /usr/sbin/init');
  const root = await bundle({ 'usr/sbin/init': { text: 'no program\n', mode: 0o755 } });
  await assert.rejects(
    board.call('deploy.run', { dir: root, reboot: true }),
    (error) =>
      error instanceof HilError && /va1 is as before; taken back by its boot loader/.test(error.message),
  );
  await board.ready({ timeoutMs: BOOT_MS });
  assert.equal(await sh(board, 'readlink -f /usr/sbin/init; sha256sum /usr/sbin/init'), former);
});

test('a kernel that does not come up is not booted a second time', async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  const board = await va1();
  // Without its initrd it finds no root.
  const root = await bundle({
    '.hil/boot/kernel': { from: image.kernel },
    '.hil/boot/args': 'console=ttyAMA0',
  });
  await assert.rejects(
    board.call('deploy.run', { dir: root }),
    (error) => error instanceof HilError && /taken back by SSH/.test(error.message),
  );
  assert.notEqual((await board.ready({ timeoutMs: BOOT_MS })).provenance.kernel, '');
});

test('a kernel for a board whose boot loader fetches none is refused, and one of another architecture', async () => {
  const image = await ensureImage({ kind: 'virtual-arm64' });
  const root = await bundle({ '.hil/boot/kernel': { from: image.kernel } });
  const refused = await hil('deploy', 'vb1', root);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /vb1 has no boot loader that fetches one over the network/);
  const other = await ensureImage({});
  const wrong = await bundle({ '.hil/boot/kernel': { from: other.kernel } });
  const board = await va1();
  await assert.rejects(
    board.call('deploy.run', { dir: wrong }),
    (error) => error instanceof HilError && error.code === 'wrong-arch',
  );
});
