import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { HilError } from '../../lab/errors.ts';
import { BOOT_MS, testLab, until } from './lab.ts';

const lab = testLab();
after(() => lab[Symbol.asyncDispose]());
afterEach(() => lab.releaseAll());

test('a board that never reaches its login is tried twice, quarantined with where it stopped, and can be mended', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.call('ssh.run', {
    command:
      "sed -i '/ttyS0/d' /etc/inittab; echo 'dmesg -n 1; echo the last words > /dev/ttyS0' >> /etc/init.d/rcS; sync",
  });
  await board.power('cycle');
  const tries: string[] = [];
  const error = await board.ready({ timeoutMs: 15_000, onEvent: ({ detail }) => tries.push(detail) }).then(
    () => assert.fail('it became ready'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError);
  assert.deepEqual([error.fault, error.code], ['lab', 'boot-timeout']);
  assert.match(error.hint ?? '', /the last words/);
  assert.ok(
    tries.some((detail) => /power-cycling/.test(detail)),
    tries.join('; '),
  );
  await board.release();
  const client = await lab.connect();
  const { boards } = await client.call('lab.status', {});
  assert.equal(boards.find(({ name }) => name === 'vb1')?.state, 'quarantined');
  const elsewhere = await lab.board();
  assert.notEqual(elsewhere.name, 'vb1', 'nobody gets it unless by name');
  await elsewhere.release();
  const mended = await lab.board({ boards: ['vb1'], fresh: true });
  assert.equal((await mended.call('ssh.run', { command: 'true' })).exitCode, 0);
});

test('hostile console output harms neither controller nor journal, and the console works on', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.call('console.login', { timeoutMs: 60_000 });
  const before = (await (await lab.connect()).call('lab.status', {})).rssBytes;
  const command =
    "printf '\\033]0;evil\\007\\033[2J\\000\\377\\376'; head -c 1000000 /dev/zero | tr '\\0' 'x'; echo";
  await board.call('ssh.run', { command: `(${command}) > /dev/ttyS0`, timeoutMs: 120_000 });
  const { output, exitCode } = await board.call('console.run', {
    command: 'echo still here',
    timeoutMs: 60_000,
  });
  assert.deepEqual([output, exitCode], ['still here\n', 0]);
  const after = (await (await lab.connect()).call('lab.status', {})).rssBytes;
  assert.ok(after - before < 100 * 1024 * 1024, `grew by ${after - before} bytes`);
});

test('a break on the console is one for the kernel too: the next key is a SysRq command', async () => {
  const board = await lab.board();
  const { position } = await board.call('console.position', {});
  await board.call('console.break', {});
  await board.call('console.send', { data: Buffer.from('h').toString('base64') });
  const found = await board.call('console.expect', {
    patterns: [{ literal: 'sysrq: HELP' }],
    from: position,
    timeoutMs: 30_000,
  });
  assert.equal(found.index, 0);
  // The same as one call.
  await board.call('console.sysrq', { letter: 'h' });
  await board.call('console.expect', {
    patterns: [{ literal: 'sysrq: HELP' }],
    from: found.position,
    timeoutMs: 30_000,
  });
  await board.release();
});

test('a snapshot is a warm reset: what was done since is undone, in the same boot', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  const bootId = (await board.call('ssh.run', { command: 'cat /proc/sys/kernel/random/boot_id' })).stdout;
  await board.call('snapshot.save', { name: 'clean' });
  await board.call('ssh.run', { command: 'touch /etc/dirt; modprobe mac80211_hwsim' });
  await board.call('snapshot.load', { name: 'clean' });
  const { stdout } = await board.call('ssh.run', {
    command: 'cat /proc/sys/kernel/random/boot_id; ls /etc/dirt; lsmod | grep hwsim; true',
  });
  assert.equal(stdout, bootId);
});

test('a snapshot that there is none of is refused, and the board goes on', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.call('ssh.run', { command: 'touch /tmp/here' });
  await assert.rejects(board.call('snapshot.load', { name: 'never-saved' }), /never-saved/);
  assert.equal((await board.call('ssh.run', { command: 'ls /tmp/here' })).exitCode, 0);
});

test('a reset that nobody asked for fails what is under way as the product rebooting by itself', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  const underWay = board.call('ssh.run', { command: 'sleep 60', timeoutMs: 90_000 }).then(
    () => assert.fail('it ended'),
    (thrown: unknown) => thrown,
  );
  await board.call('ssh.exec', { command: '(sleep 1; echo b > /proc/sysrq-trigger) &' });
  const error = await underWay;
  assert.ok(error instanceof HilError);
  assert.deepEqual([error.fault, error.code], ['product', 'unexpected-reboot']);
  await board.ready({ timeoutMs: BOOT_MS });
});

test('a cut management link is a lost connection, and the board is used again once it is back', async () => {
  const board = await lab.board({ boards: ['vb1'] });
  await board.call('network.link', { up: false });
  const error = await board.call('ssh.run', { command: 'true', timeoutMs: 60_000 }).then(
    () => assert.fail('it ran'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError);
  assert.equal(error.fault, 'lab');
  await board.call('network.link', { up: true });
  await until(
    async () =>
      (await board.call('ssh.run', { command: 'true', timeoutMs: 20_000 }).catch(() => null))?.exitCode === 0,
    'SSH is back',
  );
});

test('a lease that ends leaves none of its programs on a board that stays on', async () => {
  const first = await lab.board({ boards: ['vb1'], endState: 'on' });
  const program = first.call('ssh.exec', { command: 'exec sleep 4242' }).catch((error: unknown) => error);
  await until(
    async () => (await first.call('ssh.run', { command: 'pgrep -f "sleep 4242"' })).exitCode === 0,
    'it runs',
  );
  await first.release();
  await program;
  const second = await lab.board({ boards: ['vb1'] });
  assert.equal(
    (await second.call('ssh.run', { command: "ps -o args | grep -c '[s]leep 4242'" })).stdout,
    '0\n',
  );
});
