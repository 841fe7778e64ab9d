/** SSH against a real server: commands, programs, files, and nothing left running, whatever goes wrong. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureHostKey, ensureLabKeys } from '../../lab/board/ssh/keys.ts';
import { ConfigError, LabError, ProductError } from '../../lab/errors.ts';
import { failure } from '../failure.ts';
import { BOOT_MS, RemoteBoard } from './remote-board.ts';

describe('a board over SSH', { timeout: 600_000 }, () => {
  let board: RemoteBoard;
  before(async () => {
    board = await RemoteBoard.make();
    await board.boot();
  });
  after(() => board.dispose());

  test('a command gives its exit code and both outputs, and leaves no trace in the next one', async () => {
    const { exitCode, stdout, stderr } = await board.remote.run(
      'cd /tmp; x=1; cat; echo out; echo err >&2; exit 3',
    );
    assert.deepEqual([exitCode, stdout, stderr], [3, 'out\n', 'err\n']);
    assert.equal(await board.remote.check('pwd; echo "[$x]"'), '/root\n[]\n');
  });

  test('a held shell answers in milliseconds', async () => {
    await board.remote.run('true');
    const times: number[] = [];
    for (let i = 0; i < 200; i++) times.push((await board.remote.run('true', { quiet: true })).durationMs);
    times.sort((a, b) => a - b);
    assert.ok((times[100] ?? Number.NaN) < 40, `median ${times[100]} ms`);
  });

  test('many callers at once each get their own answer', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => `${index}\n`);
    assert.deepEqual(
      await Promise.all(numbers.map((number) => board.remote.check(`echo ${number.trim()}`))),
      numbers,
    );
  });

  test('a failed check is the product failing, with what it said', async () => {
    const error = await failure(board.remote.check('echo this went wrong >&2; exit 9'));
    assert.ok(error instanceof ProductError);
    assert.match(error.message, /exit code 9: this went wrong/);
  });

  test('a command that hangs is ended with all its children, and the next one works', async () => {
    const error = await failure(
      board.remote.run('echo got here; trap "" TERM; sleep 4441 & sleep 4442', { timeoutMs: 1000 }),
    );
    assert.deepEqual([error.fault, error.code], ['product', 'timeout']);
    assert.match(error.message, /got here/);
    assert.deepEqual(await board.processes('sleep 444'), []);
  });

  test('an aborted command is ended, and the abort is what is thrown', async () => {
    const reason = new LabError('the lease ended', { code: 'lease-lost' });
    const controller = new AbortController();
    const running = failure(board.remote.run('sleep 4443', { signal: controller.signal }));
    while ((await board.processes('sleep 4443')).length === 0);
    controller.abort(reason);
    assert.equal(await running, reason);
    assert.deepEqual(await board.processes('sleep 4443'), []);
  });

  test('a command that kills its shell is told so, and the next one works', async () => {
    assert.equal((await failure(board.remote.run('kill -9 $$'))).code, 'shell-ended');
    assert.equal(await board.remote.check('echo fine'), 'fine\n');
  });

  test('a program gives its lines, its standard input is fed, and its exit is told', async () => {
    const lines: string[] = [];
    const program = await board.remote.stream('cat; echo done >&2; exit 4', {
      stdin: Buffer.from('one\ntwo'),
      onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    });
    assert.deepEqual(await program.exited, { exitCode: 4, signal: null });
    assert.deepEqual(lines.toSorted(), ['stderr: done', 'stdout: one', 'stdout: two']);
  });

  test('stopping a program leaves none of its group, even what ignores TERM', async () => {
    const program = await board.remote.stream('sleep 5551 & (trap "" TERM; sleep 5552; sleep 5553) & wait');
    const sleeping = async () => (await board.processes('^sleep 555[12]')).length;
    while ((await sleeping()) < 2);
    await program.stop(300);
    assert.deepEqual(await board.processes('sleep 555'), []);
    // Whom init has not reaped yet still counts as a member.
    while ((await board.remote.run(`kill -0 -${program.pgid}`)).exitCode === 0);
  });

  test('an aborted program is stopped', async () => {
    const controller = new AbortController();
    const program = await board.remote.stream('sleep 5554', { signal: controller.signal });
    controller.abort();
    await program.exited;
    assert.deepEqual(await board.processes('sleep 5554'), []);
  });

  test('more programs than one connection has channels for can run', async () => {
    const programs = await Promise.all(
      Array.from({ length: 14 }, () => board.remote.stream('echo up; sleep 6661')),
    );
    assert.equal(new Set(programs.map(({ pgid }) => pgid)).size, 14);
    await Promise.all(programs.map((program) => program.stop()));
    assert.deepEqual(await board.processes('sleep 6661'), []);
  });

  test('the end of a lease finds what went into the background or made itself a daemon', async () => {
    await board.remote.stream('sleep 7771');
    await board.remote.run('sleep 7772 >/dev/null 2>&1 &');
    await board.remote.run('setsid sleep 7773 >/dev/null 2>&1 &');
    await using kept = await board.remote.stream('sleep 7774', { keep: true });
    await board.remote.reap();
    assert.deepEqual(
      (await board.processes('sleep 777')).filter((line) => line.startsWith('sleep')),
      ['sleep 7774 '],
    );
    assert.ok(kept.pgid > 1);
  });

  test('a file arrives whole with its mode, and comes back whole', async () => {
    const content = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251));
    const pushed = await board.remote.upload(content, '/root/new folder/file', { mode: 0o755 });
    assert.equal(pushed.bytes, content.length);
    assert.match(await board.remote.check("ls -lA '/root/new folder'"), /^-rwxr-xr-x.* file$/m);
    const local = join(board.dir, 'back');
    const pulled = await board.remote.download('/root/new folder/file', local);
    assert.equal(pulled.sha256, pushed.sha256);
    assert.deepEqual(await readFile(local), content);
    await board.remote.download('/proc/version', local);
    assert.match(await readFile(local, 'utf8'), /^Linux version/);
    assert.equal(board.eventsOf('file.transfer').length, 3);
  });

  test('a file that cannot be moved is told why, and nothing half-written stays', async () => {
    await board.remote.check(
      'mkdir -p /tmp/full /tmp/ro; mount -t tmpfs -o size=64k none /tmp/full; mount -t tmpfs -o ro none /tmp/ro',
    );
    const upload = (path: string) => failure(board.remote.upload(Buffer.alloc(500_000), path));
    assert.equal((await upload('/tmp/full/x')).code, 'no-space');
    assert.equal((await upload('/tmp/ro/x')).code, 'read-only');
    assert.ok((await upload('/tmp')) instanceof ConfigError);
    assert.equal((await failure(board.remote.download('/nowhere', join(board.dir, 'x')))).code, 'not-found');
    assert.ok((await failure(board.remote.upload({ path: '/nowhere' }, '/tmp/x'))) instanceof ConfigError);
    const unwritable = await failure(board.remote.download('/proc/version', '/proc/here/x'));
    assert.ok(unwritable instanceof ConfigError);
    assert.match(unwritable.message, /cannot write the local file \/proc\/here\/x: ENOENT/);
    // Can be opened but not read, even by root.
    assert.match(
      (await failure(board.remote.upload({ path: '/proc/self/clear_refs' }, '/tmp/x'))).message,
      /could not be transferred: EINVAL/,
    );
    assert.equal(
      await board.remote.check('ls -A /tmp/full /tmp/ro; umount /tmp/full /tmp/ro'),
      '/tmp/full:\n\n/tmp/ro:\n',
    );
  });

  test('a terminal has the size that was asked for, and ends what runs in it', async () => {
    await using terminal = await board.remote.openShell({ cols: 91, rows: 17, term: 'xterm' });
    let seen = '';
    terminal.stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString('utf8');
    });
    terminal.stream.write('stty size; exit 5\r');
    assert.deepEqual(await terminal.closed, { exitCode: 5 });
    assert.match(seen, /17 91/);
  });

  test('another host key, and a key that the board does not know, are refused', async () => {
    const others = join(board.dir, 'others');
    const [lab, host] = [await ensureLabKeys(others), await ensureHostKey(others)];
    const trusted = await ensureLabKeys(board.keyDir);
    const impostor = board.connection({ privateKeyPath: trusted.privateKeyPath, hostKey: host.publicKey });
    const changed = await failure(impostor.connect({ timeoutMs: BOOT_MS }));
    assert.deepEqual([changed.fault, changed.code], ['lab', 'host-key-changed']);
    assert.equal(changed.message.match(/SHA256:/g)?.length, 2);
    const { publicKey } = await ensureHostKey(board.keyDir);
    const stranger = board.connection({ privateKeyPath: lab.privateKeyPath, hostKey: publicKey });
    const refused = await failure(stranger.connect({ timeoutMs: BOOT_MS }));
    assert.deepEqual([refused.fault, refused.code], ['config', 'auth-refused']);
  });

  test('a reset fails what is under way as lost, and the next command finds the board again', async () => {
    const before = board.remote.bootId;
    const program = await board.remote.stream('sleep 8881');
    const running = failure(board.remote.run('sleep 8882', { timeoutMs: BOOT_MS }));
    await board.machine.reset();
    assert.equal((await running).code, 'connection-lost');
    assert.equal((await failure(program.exited)).code, 'connection-lost');
    await board.remote.connect({ timeoutMs: BOOT_MS });
    assert.notEqual(board.remote.bootId, before);
    assert.equal(await board.remote.check('echo back'), 'back\n');
    await board.remote.reap();
  });

  test('a board that is off is told as not answering, within the time given', async () => {
    await board.machine.quit();
    board.remote.disconnect('it was switched off');
    const startedAt = performance.now();
    const error = await failure(board.remote.connect({ timeoutMs: 1500 }));
    assert.deepEqual([error.fault, error.code], ['lab', 'connect-refused']);
    assert.ok(performance.now() - startedAt < 5000);
  });
});
