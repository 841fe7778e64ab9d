import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import type { ConsolePort } from '../../lab/board/console/transport.ts';
import { BoardSink } from '../../lab/controller/recorder.ts';
import { redacted } from '../../lab/controller/redacted.ts';
import { HIDDEN, redact, redactDeep, StreamRedactor } from '../../lab/redact.ts';
import { Secret } from '../../lab/secret.ts';

process.env.HIL_TEST_SECRET = 'Tr0ub4dor&3"x';
const secret = new Secret('env:HIL_TEST_SECRET');
const value = secret.reveal();

test('a secret is read from the environment or a file, and never shows itself', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'hil-secret-')), 'pw');
  writeFileSync(path, 'from a file\n');
  assert.equal(new Secret(`file:${path}`).reveal(), 'from a file');
  assert.equal(`${secret} ${JSON.stringify({ secret })}`.includes(value), false);
  assert.throws(() => new Secret('hunter2'), /by reference/);
  assert.throws(() => new Secret('env:HIL_NOT_SET').reveal(), /is not set/);
  assert.throws(() => new Secret('file:/nowhere/pw').reveal(), /can't be read/);
});

test('what was revealed is hidden in text, in objects, in URLs, in JSON and in base64', () => {
  for (const text of [
    value,
    encodeURIComponent(value),
    JSON.stringify(value),
    Buffer.from(value).toString('base64'),
  ])
    assert.ok(redact(`a ${text} b`).includes(HIDDEN), text);
  assert.deepEqual(redactDeep({ a: [`x${value}`], n: 1, b: null }), { a: [`x${HIDDEN}`], n: 1, b: null });
  assert.equal(redact('nothing of it'), 'nothing of it');
});

test('a stream is redacted wherever it is cut, and nothing else of it changes', () => {
  const text = Buffer.concat([
    Buffer.from(`\xff\x00 before ${value} between ${value.slice(0, 5)} `, 'latin1'),
    Buffer.from(value),
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: text.length }), { maxLength: 12 }), (cuts) => {
      const places = [...new Set([0, ...cuts, text.length])].sort((a, b) => a - b);
      const redactor = new StreamRedactor();
      const out = places.slice(1).map((end, index) => redactor.push(text.subarray(places[index], end)));
      const seen = Buffer.concat([...out, redactor.flush()]).toString('latin1');
      assert.equal(seen, `\xff\x00 before ${HIDDEN} between ${value.slice(0, 5)} ${HIDDEN}`);
    }),
  );
});

test('what is held back of a stream comes after a moment, for a person who waits for it', async () => {
  const got = Promise.withResolvers<string>();
  let seen = '';
  const stream = redacted((bytes) => {
    seen += bytes.toString();
    if (seen.endsWith(value.slice(0, 3))) got.resolve(seen);
  });
  stream.push(Buffer.from(`prompt ${value.slice(0, 3)}`));
  assert.equal(await got.promise, `prompt ${value.slice(0, 3)}`);
});

test('neither the journal nor the files of a test get a secret', () => {
  const sink = new BoardSink('b');
  const lines: string[] = [];
  sink.journal = { append: (_kind, data) => void lines.push(JSON.stringify(data)) };
  sink.append('console.line', { text: `password is ${value}`, partial: false, truncatedBytes: 0 });
  assert.deepEqual(lines, [`{"text":"password is ${HIDDEN}","partial":false,"truncatedBytes":0}`]);
});

test('the raw log of a console gets no secret, wherever the line cuts it', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'hil-raw-')), 'console.raw');
  let say: (bytes: Buffer) => void = () => undefined;
  const port: ConsolePort = {
    onData: (listener) => {
      say = listener;
    },
    onClose: () => undefined,
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const board = new Console({
    board: 'b',
    transport: () => ({
      name: 'test',
      open: () => Promise.resolve(port),
      appeared: () => new Promise(() => undefined),
    }),
    journal: { append: () => undefined },
    rawPath: path,
    prompt: virtual.console,
  });
  await board.open();
  say(Buffer.from(`a${value.slice(0, 4)}`));
  say(Buffer.from(`${value.slice(4)}z`));
  void board.close();
  const deadline = Date.now() + 10_000;
  while (!existsSync(path) || !readFileSync(path, 'utf8').endsWith('z')) {
    assert.ok(Date.now() < deadline, 'written in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(readFileSync(path, 'utf8'), `a${HIDDEN}z`);
});
