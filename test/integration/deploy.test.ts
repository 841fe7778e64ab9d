import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { ensureFaultModule } from '../../lab/virtual/fault-module.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { makePackage } from '../packages.ts';
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

const bundle = bundleMaker(dir);

/** Booted once: what is deployed is taken back, or replaced by the next. */
const boards = new Map<string, Promise<LeasedBoard>>();
function held(name: string): Promise<LeasedBoard> {
  const board = boards.get(name) ?? lab.board({ boards: [name] });
  boards.set(name, board);
  return board;
}

const refusal = (board: LeasedBoard, root: string): Promise<unknown> =>
  board.call('deploy.run', { dir: root }).then(
    () => assert.fail('it was deployed'),
    (thrown: unknown) => thrown,
  );

/** On the full board and on the small one, which has neither SFTP nor bash. */
for (const name of ['vb1', 'vs1']) {
  test(`a bundle is put on ${name}, proven there, named by its results, and taken back`, async () => {
    const board = await held(name);
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
  const board = await held('vb1');
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
  const board = await held('vb1');
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
  const board = await held('vb1');
  await sh(
    board,
    'rm -rf /etc/demo /lib/demo; mkdir -p /etc/demo; echo before > /etc/demo/a; mkdir -p /lib/demo/b/in-the-way',
  );
  const root = await bundle({ 'etc/demo/a': 'after\n', 'lib/demo/b': 'a folder is in its place\n' });
  const error = await refusal(board, root);
  assert.ok(error instanceof HilError, String(error));
  assert.equal(await sh(board, 'cat /etc/demo/a'), 'before\n');
});

test('packages are installed by the package manager of the board, proven, and removed again', async () => {
  const board = await held('vb1');
  await giveApt(board);
  const arch = { name: 'hil-demo', arch: 'amd64', text: 'one\n' };
  const first = await bundle({
    '.hil/packages/demo.deb': { from: makePackage(dir, 'deb', { ...arch, version: '1.0' }) },
    'etc/demo/beside': 'x\n',
  });
  const result = await board.call('deploy.run', { dir: first });
  assert.deepEqual(result.proven.packages, { 'hil-demo': '1.0' });
  assert.equal(await sh(board, 'cat /usr/share/hil-demo'), 'one\n');
  const back = await board.call('deploy.rollback', {});
  assert.deepEqual([back.restored, back.left], [1, []]);
  assert.equal(
    await sh(board, 'ls /usr/share/hil-demo /etc/demo/beside 2>/dev/null; dpkg-query -W 2>&1'),
    '',
  );

  // What was there before in another version can't be had back from its name alone, and is told.
  await board.call('deploy.run', { dir: first });
  await sh(board, 'rm -rf /var/lib/hil/deploy');
  const second = await bundle({
    '.hil/packages/demo.deb': { from: makePackage(dir, 'deb', { ...arch, version: '2.0' }) },
  });
  assert.deepEqual((await board.call('deploy.run', { dir: second })).proven.packages, { 'hil-demo': '2.0' });
  assert.deepEqual((await board.call('deploy.rollback', {})).left, ['hil-demo is 2.0, was 1.0']);

  const broken = await bundle({
    '.hil/packages/needs.deb': {
      from: makePackage(dir, 'deb', { ...arch, name: 'hil-needs', version: '1.0', depends: 'not-to-be-had' }),
    },
    'etc/demo/with-it': 'x\n',
  });
  const error = await refusal(board, broken);
  assert.ok(error instanceof HilError);
  assert.deepEqual([error.fault, error.code], ['product', 'not-installed']);
  assert.match(error.hint ?? '', /not-to-be-had/);
  assert.match(error.message, /vb1 is as before; taken back by SSH/);
  assert.equal(await sh(board, 'ls /etc/demo/with-it 2>/dev/null'), '');
});

test('packages of another manager, or of another architecture, are refused before anything is changed', async () => {
  const board = await held('vs1');
  for (const [format, arch, code] of [
    ['ipk', 'all', 'wrong-packages'],
    ['apk', 'aarch64', 'wrong-arch'],
  ] as const) {
    const root = await bundle({
      [`.hil/packages/demo.${format}`]: {
        from: makePackage(dir, format, { name: 'demo', version: '1', arch, text: 'x' }),
      },
    });
    const error = await refusal(board, root);
    assert.ok(error instanceof HilError);
    assert.deepEqual([error.fault, error.code], ['config', code]);
  }
});

/** Scripts that do what the documentation of opkg and of apk says, for there is no real one here. */
for (const [format, manager] of [
  ['ipk', 'opkg'],
  ['apk', 'apk'],
] as const) {
  test(`packages go by ${manager} where the board has that`, async () => {
    const board = await held('vs1');
    await board.call('ssh.upload', {
      source: { path: join(import.meta.dirname, 'fake-packages.sh') },
      remotePath: `/usr/bin/${manager}`,
      mode: 0o755,
    });
    const made = makePackage(dir, format, { name: 'demo', version: '1.0-r1', arch: 'x86_64', text: 'x' });
    const root = await bundle({ [`.hil/packages/demo.${format}`]: { from: made } });
    const result = await board.call('deploy.run', { dir: root });
    assert.deepEqual(result.proven.packages, { demo: '1.0-r1' });
    assert.equal(await sh(board, 'cat /usr/share/demo'), 'x');
    assert.deepEqual((await board.call('deploy.rollback', {})).left, []);
    assert.equal(await sh(board, `ls /usr/share/demo 2>/dev/null; rm /usr/bin/${manager}`), '');
  });
}

test('an image is flashed by sysupgrade, which may refuse it, and the board comes back by itself', async () => {
  const board = await held('vs1');
  await board.call('ssh.upload', {
    source: { path: join(import.meta.dirname, 'fake-sysupgrade.sh') },
    remotePath: '/usr/sbin/sysupgrade',
    mode: 0o755,
  });
  const refused = await refusal(board, await bundle({ '.hil/sysupgrade/image.bin': 'of another board' }));
  assert.ok(refused instanceof HilError);
  assert.deepEqual([refused.fault, refused.code], ['config', 'bad-image']);
  assert.match(refused.hint ?? '', /Image check failed/);
  const before = await board.ready({ timeoutMs: BOOT_MS });
  const root = await bundle({ '.hil/sysupgrade/image.bin': 'for vs1: new' });
  await board.call('deploy.run', { dir: root });
  assert.equal(await sh(board, 'cat /etc/flashed'), 'for vs1: new');
  const after_ = await board.ready({ timeoutMs: BOOT_MS });
  assert.notEqual(after_.provenance.bootId, before.provenance.bootId, 'it has rebooted');
});

test('hil bundle and hil deploy do the same for a person', async () => {
  await lab.releaseAll();
  const root = await bundle({ 'etc/demo/by-hand': 'x\n' });
  const made = await hil('bundle', 'create', root, '--name', 'mine', '--release', '1.2');
  assert.match(made.stdout, /^mine 1\.2: 1 files, 2 B, for any architecture\n/);
  const done = await hil('deploy', 'vb1', root);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /vb1: mine 1\.2: 1 files, 2 B, proven by hash/);
  const back = await hil('deploy', 'vb1', '--rollback');
  assert.match(back.stderr, /1 files are as before, taken back by SSH/);
  assert.equal((await hil('deploy', 'vb1')).code, 2);
  assert.equal((await hil('bundle', 'show', dir)).code, 2);
  await hil('power', 'vb1', 'off');
});

/** Puts this machine's own apt and dpkg on a board, which is made without them. */
async function giveApt(board: LeasedBoard): Promise<void> {
  const programs = [
    'ldconfig',
    'start-stop-daemon',
    'apt-get',
    'dpkg',
    'dpkg-deb',
    'dpkg-query',
    'dpkg-split',
    'tar',
  ].map((name) =>
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; command -v ${name}`])
      .toString()
      .trim(),
  );
  const folders = ['/usr/lib/apt/methods', '/usr/share/dpkg'];
  const libraries = execFileSync('ldd', [...programs, '/usr/lib/apt/methods/file']).toString();
  const files = new Set([...programs, ...(libraries.match(/\/\S+\.so[.\d]*/g) ?? [])]);
  const archive = join(dir, 'apt.tar');
  execFileSync('tar', ['-chf', archive, ...folders, ...files], { stdio: 'ignore' });
  await board.call('ssh.upload', { source: { path: archive }, remotePath: '/tmp/apt.tar' });
  const { exitCode, stderr } = await board.call('ssh.run', {
    command:
      'tar -xf /tmp/apt.tar -C / && rm /tmp/apt.tar && ' +
      'mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/triggers /var/lib/apt/lists/partial ' +
      '/var/cache/apt/archives/partial /etc/apt/apt.conf.d /var/log/apt; touch /var/lib/dpkg/status',
    timeoutMs: BOOT_MS,
  });
  assert.equal(exitCode, 0, stderr);
}
