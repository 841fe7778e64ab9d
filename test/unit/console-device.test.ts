import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { lutimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { ConsoleTransportConfig, makeTransport } from '../../lab/board/console/index.ts';
import { failure } from '../failure.ts';
import { end, type Recorded, socat, texts } from './console-bench.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-dev-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const LIMIT = { timeout: 60_000 };
let count = 0;

/** Two devices joined to each other: the console's, and the board's. */
async function cable(): Promise<{ ours: string; theirs: string; unplug: () => Promise<void> }> {
  const ours = join(folder, `ours-${++count}`);
  const theirs = join(folder, `theirs-${count}`);
  const child = await socat(ours, `PTY,link=${theirs},rawer`);
  while (execFileSync('sh', ['-c', `test -e ${theirs} && echo yes || echo no`]).toString() !== 'yes\n');
  return { ours, theirs, unplug: () => end(child) };
}

for (const type of ['pty', 'serial'] as const) {
  const config = (path: string): ConsoleTransportConfig =>
    ConsoleTransportConfig.parse(type === 'pty' ? { type, path } : { type, path, baudRate: 115_200 });

  test(
    `${type}: bytes go both ways; who hangs up is noticed, also in the middle of writing`,
    LIMIT,
    async () => {
      const { ours, theirs, unplug } = await cable();
      const port = await makeTransport(config(ours)).open();
      const other = await makeTransport({ type: 'pty', path: theirs }).open();
      const received = Promise.withResolvers<string>();
      port.onData((bytes) => received.resolve(bytes.toString()));
      const typed = Promise.withResolvers<string>();
      other.onData((bytes) => typed.resolve(bytes.toString()));
      const closed = Promise.withResolvers<string>();
      port.onClose(closed.resolve);
      await Promise.all([other.write(Buffer.from('said')), port.write(Buffer.from('typed'))]);
      assert.deepEqual([await received.promise, await typed.promise], ['said', 'typed']);
      await other.close();
      const writing = failure(port.write(Buffer.alloc(4_000_000)));
      await unplug();
      assert.equal((await writing).code, 'absent');
      await closed.promise;
      assert.equal((await failure(port.write(Buffer.from('late')))).code, 'absent');
      await port.close();
    },
  );

  test(`${type}: a device that is not there, or no terminal, is absent`, LIMIT, async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [join(folder, 'nothing'), file])
      assert.equal((await failure(makeTransport(config(path)).open())).code, 'absent');
  });

  test(`${type}: a console comes back with its device, under the same path`, LIMIT, async () => {
    const first = await cable();
    const events: Recorded[] = [];
    const console = new Console({
      board: 'b',
      transport: () => makeTransport(config(first.ours)),
      journal: { append: (kind, data) => void events.push({ kind, data }) },
      prompt: virtual.console,
    });
    await console.open();
    await first.unplug();
    const back = await socat(first.ours, `PTY,link=${first.theirs},rawer`);
    try {
      await console.reopen();
      const board = await makeTransport({ type: 'pty', path: first.theirs }).open();
      const seen = console.expect('hello', { timeoutMs: 5000 });
      await board.write(Buffer.from('hello again\r\n'));
      await seen;
      await board.close();
      const opened = texts(events, 'console.event', 'event').filter((event) => event === 'opened');
      assert.ok(opened.length >= 2);
    } finally {
      await console.close();
      await end(back);
    }
  });
}

test('serial: a port that another program has locked says so', LIMIT, async () => {
  const { ours, unplug } = await cable();
  const config = ConsoleTransportConfig.parse({ type: 'serial', path: ours, baudRate: 115_200 });
  const port = await makeTransport(config).open();
  const error = await failure(makeTransport(config).open());
  assert.match(error.hint ?? '', /another program/);
  await port.close();
  await unplug();
});

test('a link left behind does not lead to the terminal of somebody else', LIMIT, async () => {
  const { ours, unplug } = await cable();
  const stale = join(folder, 'stale');
  symlinkSync(readlinkSync(ours), stale);
  await lutimes(stale, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
  const error = await failure(makeTransport({ type: 'pty', path: stale }).open());
  assert.equal(error.code, 'absent');
  assert.match(error.message, /belongs to another program/);
  const port = await makeTransport({ type: 'pty', path: ours }).open();
  await port.close();
  await unplug();
});

test('what a cable is made from is checked', () => {
  assert.equal(ConsoleTransportConfig.safeParse({ type: 'serial', path: '/dev/ttyUSB0' }).success, false);
  assert.equal(ConsoleTransportConfig.safeParse({ type: 'telegraph', path: 'x' }).success, false);
});
