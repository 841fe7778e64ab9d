import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { ensureFaultModule } from '../../lab/virtual/fault-module.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { bundleMaker, sh } from './bundles.ts';
import { endAll, hil } from './hil.ts';
import { BOOT_MS, testLab } from './lab.ts';

const lab = testLab();
const dir = mkdtempSync(join(tmpdir(), 'hil-d-'));
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(() => lab.releaseAll());

const bundle = bundleMaker(dir);

const refusal = (board: LeasedBoard, root: string): Promise<unknown> =>
  board.call('deploy.run', { dir: root }).then(
    () => assert.fail('it was deployed'),
    (thrown: unknown) => thrown,
  );

/** On the full board and on the small one, which has neither SFTP nor bash. */
for (const name of ['vb1', 'vs1']) {
  test(`a bundle is put on ${name}, proven there, named by its results, and taken back`, async () => {
    const board = await lab.board({ boards: [name] });
    await sh(board, 'mkdir -p /etc/demo; echo before > /etc/demo/there.conf; chmod 600 /etc/demo/there.conf');
    const before = await board.ready({ timeoutMs: BOOT_MS });
    assert.equal(before.provenance.bundle, '');
    const root = await bundle({
      'etc/demo/there.conf': 'after\n',
      'etc/demo/new file': 'new\n',
      'lib/firmware/demo.bin': 'firmware',
    });
    const steps: string[] = [];
    const result = await board.call(
      'deploy.run',
      { dir: root },
      { onEvent: ({ detail }) => steps.push(detail) },
    );
    assert.equal(Object.keys(result.proven.files).length, 3);
    assert.ok(steps.includes('proving it'), steps.join('; '));
    assert.equal(
      await sh(board, 'cat /etc/demo/there.conf "/etc/demo/new file" /lib/firmware/demo.bin'),
      'after\nnew\nfirmware',
    );
    const facts = await board.ready({ timeoutMs: BOOT_MS });
    assert.equal(facts.provenance.bundle, `${result.bundle} ${result.sha256}`);
    assert.equal((await board.call('deploy.rollback', {})).restored, 3);
    assert.equal(
      await sh(
        board,
        'cat /etc/demo/there.conf; stat -c %a /etc/demo/there.conf; ls /etc/demo; ls /lib/firmware/demo.bin 2>&1 | grep -c "No such"',
      ),
      'before\n600\nthere.conf\n1\n',
    );
    assert.equal((await board.ready({ timeoutMs: BOOT_MS })).provenance.bundle, '');
    assert.equal((await board.call('deploy.rollback', {})).restored, 0, 'there is nothing left to take back');
  });
}

test('a driver is deployed and loaded anew, and what runs is what was built', async () => {
  const image = await ensureImage({});
  const built = await ensureFaultModule(image);
  const board = await lab.board({ boards: ['vb1'] });
  const path = `lib/modules/${image.kernelRelease}/extra/hil_fault.ko`;
  const root = await bundle({ [path]: { from: built } });
  const first = await board.call('deploy.run', { dir: root });
  assert.deepEqual(first.reloaded, [], 'it was not loaded');
  await board.call('module.load', { module: 'hil_fault', parameters: {} });
  const second = await board.call('deploy.run', { dir: root });
  assert.deepEqual(second.reloaded, ['hil_fault']);
  assert.ok('hil_fault' in second.proven.modules);
});

test('what is for another machine or another kernel is refused before anything is changed', async () => {
  const image = await ensureImage({});
  const built = await ensureFaultModule(image);
  const board = await lab.board({ boards: ['vb1'] });
  const root = await bundle({ 'lib/demo.ko': { from: built }, 'etc/untouched': 'x' });
  const manifest = join(root, 'bundle.json');
  const content = readFileSync(manifest, 'utf8');
  for (const [code, changed] of [
    ['wrong-arch', content.replace('"arch": "x86_64"', '"arch": "aarch64"')],
    ['wrong-kernel', content.replaceAll(`"${image.kernelRelease}"`, '"5.4.0-other"')],
  ] as const) {
    writeFileSync(manifest, changed);
    const error = await refusal(board, root);
    assert.ok(error instanceof HilError);
    assert.deepEqual([error.fault, error.code], ['config', code]);
  }
  assert.equal(await sh(board, 'ls /etc/untouched /lib/demo.ko 2>/dev/null'), '');
});

test('what fails on the way is taken back', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await sh(
    board,
    'rm -rf /etc/demo /lib/demo; mkdir -p /etc/demo; echo before > /etc/demo/a; mkdir -p /lib/demo/b/in-the-way',
  );
  const root = await bundle({ 'etc/demo/a': 'after\n', 'lib/demo/b': 'a folder is in its place\n' });
  const error = await refusal(board, root);
  assert.ok(error instanceof HilError, String(error));
  assert.equal(await sh(board, 'cat /etc/demo/a'), 'before\n');
});

test('hil bundle and hil deploy do the same for a person', async () => {
  const root = await bundle({ 'etc/demo/by-hand': 'x\n' });
  const made = await hil('bundle', 'create', root, '--name', 'mine', '--release', '1.2');
  assert.match(made.stdout, /^mine 1\.2: 1 files, 2 B, for any architecture\n/);
  const done = await hil('deploy', 'vb1', root);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /vb1: mine 1\.2: 1 files, 2 B, proven by hash/);
  const back = await hil('deploy', 'vb1', '--rollback');
  assert.match(back.stderr, /1 files are as before/);
  assert.equal((await hil('deploy', 'vb1')).code, 2);
  assert.equal((await hil('bundle', 'show', dir)).code, 2);
  await hil('power', 'vb1', 'off');
});
