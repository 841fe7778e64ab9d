import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { Matcher } from '../../lab/board/console/expect.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import type { ConsolePort } from '../../lab/board/console/transport.ts';
import { HilError } from '../../lab/errors.ts';
import type { JournalSink } from '../../lab/journal/event.ts';
import { troubleOf } from '../../lab/kernel/trouble.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-console-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Bench extends AsyncDisposable {
  console: Console;
  /** Comes from the board. */
  say: (bytes: string | Buffer) => void;
  typed: string[];
  lines: string[];
  events: string[];
  hangUp: () => void;
}

/** A console on a cable that is a pair of functions. */
async function bench(
  answer: (typed: string, say: (text: string) => void) => void = () => undefined,
): Promise<Bench> {
  const typed: string[] = [];
  const lines: string[] = [];
  const events: string[] = [];
  let listener: (bytes: Buffer) => void = () => undefined;
  let closed: (reason: string) => void = () => undefined;
  const say = (bytes: string | Buffer) => listener(Buffer.from(bytes));
  const journal: JournalSink = {
    append: (kind, data) => {
      if (kind === 'console.line' && 'text' in data) lines.push(String(data.text));
      if (kind === 'console.event' && 'event' in data) events.push(String(data.event));
    },
  };
  const port = (): ConsolePort => ({
    onData: (each) => {
      listener = each;
    },
    onClose: (each) => {
      closed = each;
    },
    write: (bytes) => {
      typed.push(bytes.toString());
      answer(bytes.toString(), say);
      return Promise.resolve();
    },
    close: () => Promise.resolve(closed('closed')),
  });
  const console = new Console({
    board: 'b',
    transport: () => ({
      name: 'cable',
      open: () => Promise.resolve(port()),
      appeared: () => Promise.resolve(),
    }),
    journal,
    prompt: virtual.console,
  });
  await console.open();
  const hangUp = () => closed('hang-up');
  return { console, say, typed, lines, events, hangUp, [Symbol.asyncDispose]: () => console.close() };
}

async function failure(promise: Promise<unknown>): Promise<HilError> {
  const error: unknown = await promise.then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HilError, String(error));
  return error;
}

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
  assert.deepEqual(board.lines, ['bold', '\ufffd', 'vb1 login: ']);
});

test('a line of 10 MB neither fills the memory nor hides what comes after it', async () => {
  await using board = await bench();
  const chunk = Buffer.alloc(1024 * 1024, 'z');
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 10; i++) board.say(chunk);
  board.say('\r\nlogin: ');
  assert.equal((await board.console.expect(/^login: /, { from: 0, timeoutMs: 1000 })).index, 0);
  assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
  assert.equal(board.lines[0]?.length, 16 * 1024);
});

test('a device that goes away is opened again, and said so', async () => {
  await using board = await bench();
  board.hangUp();
  await new Promise(setImmediate);
  board.say('back\r\n');
  assert.deepEqual(board.events, ['opened', 'gone', 'opened']);
  assert.deepEqual(board.lines, ['back']);
});

/** A real shell on a real pseudo-terminal, with a path of its own. */
async function shellOnPty(
  shell: string,
): Promise<{ console: Console; inject: (text: string) => void; close: () => Promise<void> }> {
  const path = join(folder, `pty-${shell}-${Math.random().toString(36).slice(2)}`);
  // The second pair of ends lets the test put kernel lines on the same wire: both writers share socat's pty.
  const child = spawn('socat', [`PTY,link=${path},rawer`, `EXEC:${shell} -i,pty,stderr,setsid,ctty`], {
    stdio: 'ignore',
  });
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
  const transport = makeTransport({ type: 'pty', path });
  let receive: (bytes: Buffer) => void = () => undefined;
  const console = new Console({
    board: shell,
    transport: () => ({
      ...transport,
      open: async () => {
        const port = await transport.open();
        return {
          ...port,
          onData: (listener) => {
            receive = listener;
            port.onData(listener);
          },
        };
      },
    }),
    journal: { append: () => undefined },
    prompt: virtual.console,
  });
  await console.open();
  const close = async () => {
    await console.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { console, inject: (text) => receive(Buffer.from(text)), close };
}

for (const shell of ['dash', 'bash']) {
  test(`commands in ${shell} give their exit code and output exactly, however odd`, {
    timeout: 60_000,
  }, async () => {
    const { console, close } = await shellOnPty(shell);
    try {
      await console.run('true', { timeoutMs: 10_000 });
      const cases: [string, string, number][] = [
        ['echo hello', 'hello\n', 0],
        ["printf '%s' \"it's \\$HOME !! ~ `echo x`\"; exit 7", "it's $HOME !! ~ x", 7],
        ['echo out; echo err >&2; false', 'out\nerr\n', 1],
        ['for i in 1 2 3; do\n  echo "line $i"\ndone', 'line 1\nline 2\nline 3\n', 0],
        [`echo '${'long '.repeat(2000)}' | wc -c`, '10001\n', 0],
        ["printf '\\033[31mred\\033[0m\\ttab\\n'", '\x1b[31mred\x1b[0m\ttab\n', 0],
        ['printf "\\n\\ntwo\\n\\n"', '\n\ntwo\n\n', 0],
        ['seq 20000 | tail -c 100000 | md5sum', `${await md5OfSeq()}\n`, 0],
      ];
      for (const [command, output, exitCode] of cases) {
        const result = await console.run(command, { timeoutMs: 20_000 });
        assert.deepEqual(
          { output: result.output, exitCode: result.exitCode, disturbed: result.disturbed },
          { output, exitCode, disturbed: false },
          command,
        );
      }
    } finally {
      await close();
    }
  });
}

async function md5OfSeq(): Promise<string> {
  const { createHash } = await import('node:crypto');
  const text = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`)
    .join('')
    .slice(-100_000);
  return `${createHash('md5').update(text).digest('hex')}  -`;
}

test('kernel lines between the output never give a wrong string: proven right, or said to be disturbed', {
  timeout: 120_000,
}, async () => {
  const { console, inject, close } = await shellOnPty('dash');
  let disturbed = 0;
  let injected = 0;
  const timer = setInterval(() => {
    injected++;
    inject(`[  ${injected}.123456] mt7530 switch: link ${injected} is up\r\n`);
  }, 3);
  try {
    for (let run = 0; run < 100; run++) {
      const result = await console.run(`echo start ${run}; seq 50; echo end ${run}`, { timeoutMs: 20_000 });
      const right = `start ${run}\n${Array.from({ length: 50 }, (_, i) => `${i + 1}\n`).join('')}end ${run}\n`;
      if (result.disturbed) disturbed++;
      else assert.deepEqual([result.output, result.exitCode], [right, 0]);
    }
  } finally {
    clearInterval(timer);
    await close();
  }
  assert.ok(injected > 50, `${injected} lines were injected`);
  assert.ok(disturbed < 20, `${disturbed} of 100 could not be proven`);
});

test('a command that does not end is interrupted, and the next one runs at once', {
  timeout: 60_000,
}, async () => {
  const { console, close } = await shellOnPty('bash');
  try {
    const error = await failure(console.run('sleep 1000', { timeoutMs: 1000 }));
    assert.equal(error.code, 'timeout');
    const started = performance.now();
    assert.equal((await console.run('echo alive', { timeoutMs: 10_000 })).output, 'alive\n');
    assert.ok(performance.now() - started < 5000);
  } finally {
    await close();
  }
});

test('raw bytes are kept as they came', { timeout: 30_000 }, async () => {
  const rawPath = join(folder, 'raw');
  let listener: (bytes: Buffer) => void = () => undefined;
  const port: ConsolePort = {
    onData: (each) => {
      listener = each;
    },
    onClose: (each) => {
      port.close = () => Promise.resolve(each('closed'));
    },
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const console = new Console({
    board: 'b',
    transport: () => ({
      name: 'cable',
      open: () => Promise.resolve(port),
      appeared: () => Promise.resolve(),
    }),
    journal: { append: () => undefined },
    prompt: virtual.console,
    rawPath,
  });
  await console.open();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (let i = 0; i < 10; i++) listener(bytes);
  await console.close();
  assert.deepEqual(readFileSync(rawPath), Buffer.concat(Array.from({ length: 10 }, () => bytes)));
});

test('trouble is told from ordinary lines', () => {
  assert.equal(troubleOf('[   12.345678] Kernel panic - not syncing: Fatal exception')?.kind, 'panic');
  assert.equal(troubleOf('[   12.345678] Oops: 0002 [#1] PREEMPT SMP NOPTI')?.kind, 'oops');
  assert.equal(troubleOf('[   12.345678] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!')?.kind, 'lockup');
  assert.equal(troubleOf('[    0.000000] Linux version 6.1.0-56-amd64 (x)')?.kind, 'boot');
  assert.equal(troubleOf('[    1.000000] Kernel command line: panic=5 oops=panic'), null);
});
