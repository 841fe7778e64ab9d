import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { Matcher } from '../../lab/board/console/expect.ts';
import { LineRecorder } from '../../lab/board/console/lines.ts';
import { RawHistory } from '../../lab/board/console/raw-history.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';
import { troubleOf } from '../../lab/kernel/trouble.ts';
import { failure } from '../failure.ts';
import { bench, texts } from './console-bench.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-console-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a pattern is found wherever the stream is cut, with what came before it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.boolean(), async (step, asRegex) => {
      await using board = await bench();
      const text = 'noise\r\nmore noise lo lo login: tail';
      const seen = board.console.expect(asRegex ? /log\w+: / : 'login: ', { timeoutMs: 5000 });
      for (let at = 0; at < text.length; at += step) board.say(text.slice(at, at + step));
      const { before, position } = await seen;
      assert.equal(before, 'noise\nmore noise lo lo ');
      assert.equal(board.console.position - position, 'tail'.length);
    }),
  );
});

test('of several patterns the earliest in the stream is found', () => {
  const matcher = new Matcher(['world', /hel+o/, 'hello']);
  const found = matcher.feed('oh hello world\n', 100);
  assert.deepEqual([found?.index, found?.start, found?.end], [1, 103, 108]);
});

test('looking from an earlier position finds what has been said already', async () => {
  await using board = await bench();
  const from = board.console.position;
  board.say('Kernel panic - not syncing\r\n');
  assert.equal((await board.console.expect('panic', { from, timeoutMs: 1000 })).before, 'Kernel ');
  assert.equal((await failure(board.console.expect('panic', { timeoutMs: 20 }))).code, 'timeout');
});

test('a deadline quotes the last lines; an abort ends the wait', async () => {
  await using board = await bench();
  board.say('U-Boot 2023.01\r\nstuck here');
  const late = await failure(board.console.expect('login: ', { timeoutMs: 20 }));
  assert.match(late.hint ?? '', /U-Boot 2023\.01\s+stuck here/);
  const abort = new AbortController();
  const waiting = failure(board.console.expect('login: ', { signal: abort.signal }));
  abort.abort();
  assert.equal((await waiting).code, 'aborted');
});

test('lines are recorded clean; a prompt too, once it is quiet', async () => {
  await using board = await bench();
  board.say(Buffer.from('\x1b[1mbold\x1b[0m\r\n\0\xff\r\nvb1 login: ', 'latin1'));
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(board.lines(), ['bold', '\ufffd', 'vb1 login: ']);
});

test('a line of 10 MB neither fills the memory nor hides what comes after it', async () => {
  await using board = await bench();
  const chunk = Buffer.alloc(1024 * 1024, 'z');
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 10; i++) board.say(chunk);
  board.say('\r\nlogin: ');
  assert.equal((await board.console.expect(/^login: /, { from: 0, timeoutMs: 1000 })).index, 0);
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  assert.equal(board.lines()[0]?.length, 16 * 1024);
});

test('a device that goes away is opened again, and said so', async () => {
  await using board = await bench();
  board.hangUp();
  await new Promise(setImmediate);
  board.say('back\r\n');
  assert.deepEqual(board.happened(), ['opened', 'gone', 'opened']);
  assert.deepEqual(board.lines(), ['back']);
});

test('raw bytes are kept as they came', async () => {
  const rawPath = join(folder, 'raw');
  const board = await bench({ rawPath });
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (let i = 0; i < 10; i++) board.say(bytes);
  await board.console.close();
  assert.deepEqual(readFileSync(rawPath), Buffer.concat(Array.from({ length: 10 }, () => bytes)));
});

test('raw bytes that cannot be kept are told of once, and stop nothing', async () => {
  await using board = await bench({ rawPath: join(folder, 'nowhere', 'raw') });
  for (let i = 0; i < 20; i++) {
    board.say('text\r\n');
    await new Promise(setImmediate);
  }
  await board.console.close();
  assert.equal(board.lines().length, 20);
  assert.equal(texts(board.events, 'journal.note', 'message').length, 1);
});

test('a progress bar is one line that tells its last state; expect sees each state as a line', async () => {
  await using board = await bench();
  for (let percent = 0; percent <= 100; percent++) board.say(`\r${percent} %`);
  board.say('\r\ndone\r\n');
  assert.deepEqual(board.lines(), ['100 %', 'done']);
  assert.equal((await board.console.expect(/^42 %$/, { from: 0, timeoutMs: 1000 })).index, 0);
});

test('a literal may span lines, however it ends them', async () => {
  await using board = await bench();
  board.say('one\r\ntwo\r\n');
  for (const literal of ['one\r\ntwo', 'one\ntwo\n'])
    assert.equal((await board.console.expect(literal, { from: 0, timeoutMs: 1000 })).before, '');
});

test('what is too old to be looked for is said, where nothing is found', async () => {
  await using board = await bench();
  for (let i = 0; i < 40; i++) board.say(`${'x'.repeat(64 * 1024)}\r\n`);
  const error = await failure(board.console.expect('never', { from: 0, timeoutMs: 20 }));
  assert.match(error.message, /the first \d{7} characters are not known any more/);
});

test('a console that is closed while its device is awaited ends that wait', { timeout: 10_000 }, async () => {
  const console = new Console({
    board: 'b',
    transport: () => ({
      name: 'cable',
      open: () => Promise.reject(new LabError('no such device', { code: 'absent' })),
      appeared: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    }),
    journal: { append: () => undefined },
    prompt: virtual.console,
  });
  const opening = failure(console.open());
  const aborted = failure(console.open({ signal: AbortSignal.timeout(20) }));
  assert.equal((await aborted).code, 'timeout');
  await console.close();
  assert.equal((await opening).code, 'aborted');
});

test('a line that its end of the cable tears is recorded with all that had come of it', async () => {
  await using board = await bench();
  // A character and an escape sequence that had only begun.
  board.say(Buffer.from('half a line \xc3', 'latin1'));
  board.hangUp();
  await new Promise(setImmediate);
  board.say('text \x1b[3');
  board.hangUp();
  await new Promise(setImmediate);
  board.say('next\r\n');
  assert.deepEqual(board.lines(), ['half a line \ufffd', 'text ', 'next']);
});

test('a SysRq command is a break and its letter, and is recorded', async () => {
  await using board = await bench();
  assert.equal((await failure(board.console.sysrq('c'))).code, 'unsupported');
  const done: string[] = [];
  await board.console.sysrq('c', async () => void done.push(`break before ${board.typed.length} keys`));
  assert.deepEqual([done, board.typed], [['break before 0 keys'], ['c']]);
  assert.deepEqual(board.happened(), ['opened', 'sysrq sent']);
  for (const wrong of ['', 'cc', '\r', '#'])
    assert.ok((await failure(board.console.sysrq(wrong))) instanceof ConfigError);
});

test('the last lines are known as they came, escape sequences and all', async () => {
  await using board = await bench();
  assert.equal(board.console.rawTail(3).toString(), '');
  for (let line = 0; line < 9; line++) board.say(`\x1b[1m${line}\r\n`);
  assert.equal(board.console.rawTail(2).toString(), '\x1b[1m7\r\n\x1b[1m8\r\n');
  board.say('login: ');
  assert.equal(board.console.rawTail(2).toString(), '\x1b[1m8\r\nlogin: ');
  assert.equal(board.console.rawTail(99).toString().length, 9 * 7 + 7);
  assert.equal(board.console.rawTail(0).length, 0);
});

test('of many bytes the last 256 KiB are known, wherever they were cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      const history = new RawHistory();
      const all = sizes.map((size, index) => Buffer.alloc(size, 65 + index));
      for (const bytes of all) history.append(bytes);
      assert.ok(history.tail(1).equals(Buffer.concat(all).subarray(-256 * 1024)));
    }),
    { numRuns: 30 },
  );
});

test('trouble is told from ordinary lines', () => {
  assert.equal(troubleOf('[   12.345678] Kernel panic - not syncing: Fatal exception')?.kind, 'panic');
  assert.equal(troubleOf('[   12.345678] Oops: 0002 [#1] PREEMPT SMP NOPTI')?.kind, 'oops');
  assert.equal(troubleOf('[   12.345678] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!')?.kind, 'lockup');
  assert.equal(troubleOf('[    0.000000] Linux version 6.1.0-56-amd64 (x)')?.kind, 'boot');
  assert.equal(troubleOf('[ 9.0] general protection fault, maybe: 0000 [#1] SMP')?.kind, 'oops');
  assert.equal(troubleOf('[ 9.0] Internal error: Oops - BUG: 00000000f2000800 [#1] SMP')?.kind, 'oops');
  assert.equal(troubleOf('[ 9.0] rcu: INFO: rcu_preempt self-detected stall on CPU')?.kind, 'lockup');
  assert.equal(troubleOf('[ 9.0] BUG: workqueue lockup - pool cpus=0')?.kind, 'lockup');
  assert.equal(troubleOf('[ 9.0] BUG: kernel NULL pointer dereference, address: 00')?.kind, 'bug');
  assert.equal(troubleOf('[ 9.0] INFO: task iw:99 blocked for more than 120 seconds.')?.kind, 'hung-task');
  assert.equal(troubleOf('see issue [#12] for why'), null);
  assert.equal(troubleOf('[    1.000000] Kernel command line: panic=5 oops=panic'), null);
});

test('of very long lines, only so many are kept as fit into memory', async () => {
  const lines = new LineRecorder({ append: () => undefined });
  for (let i = 0; i < 900; i++) lines.push(`${i} ${'x'.repeat(10_000)}\n`);
  const tail = lines.tail(1000);
  assert.ok(tail.length < 220, `${tail.length} lines`);
  assert.match(tail.at(-1) ?? '', /^899 /);
});
