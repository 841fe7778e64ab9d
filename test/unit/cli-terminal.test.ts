import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OutputFilter, parseControlKey, Sender } from '../../lab/cli/terminal.ts';
import { ConfigError } from '../../lab/errors.ts';

function filtered(text: string | Buffer, lines = false): string {
  return new OutputFilter(lines).push(Buffer.from(text));
}

test('colours, cursor moves, erasures and text of any language reach the terminal', () => {
  for (const text of [
    'plain\r\n',
    '\x1b[1;31mred\x1b[0m',
    '\x1b[2J\x1b[H',
    '\x1b[3;5H\x1b[K',
    'a\bb\tc',
    'grüße 你好 🙂',
  ])
    assert.equal(filtered(text), text);
});

test('what asks the terminal, renames it, changes its modes or rings it does not', () => {
  for (const [sent, shown] of [
    ['\x1b]0;title\x07x', 'x'],
    ['\x1b]52;c;ZXZpbA==\x1b\\x', 'x'],
    ['\x1b[c\x1b[6n\x1b[>c\x1b[?1049h\x1b[?2004hx', 'x'],
    ['\x1bP+q544e\x1b\\x', 'x'],
    ['\x1bc\x1b(0x', 'x'],
    ['\x07\x00\x05\x0e\x7fx', 'x'],
    ['\u009b31mx\u009d0;evil\u009cy', 'x0;evily'],
    ['a\u202eb', 'ab'],
  ] as const)
    assert.equal(filtered(sent), shown, JSON.stringify(sent));
});

test('a sequence that comes in pieces is treated as if it came at once', () => {
  const hostile = 'a\x1b[31mb\x1b]0;evil\x07c\x1b[6nd\x1bP1;2|x\x1b\\e\x1b(Bf ü\n';
  const whole = filtered(hostile);
  fc.assert(
    fc.property(fc.array(fc.nat(hostile.length), { maxLength: 8 }), (cuts) => {
      const bytes = Buffer.from(hostile);
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const filter = new OutputFilter(false);
      const pieces = places.slice(1).map((end, index) => filter.push(bytes.subarray(places[index], end)));
      assert.equal(pieces.join(''), whole);
    }),
  );
});

test('no bytes whatever get an escape sequence through but the harmless ones', () => {
  const nasty = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('\x1b', '\x1b[', '\x1b]0;', '\x07', '\x9b', '\x1bP', '\x1b\\', '\n', '[6n', 'c')
        .map((text) => Buffer.from(text)),
    ),
  );
  fc.assert(
    fc.property(nasty, (chunks) => {
      const filter = new OutputFilter(false);
      const shown = chunks.map((chunk) => filter.push(chunk)).join('');
      const rest = shown.replace(/\x1b\[[0-9;]{0,32}[A-HJKLMPSTXZ@adfmr]/g, '');
      assert.doesNotMatch(rest, /[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 500 },
  );
});

test('for a file or a pipe text and line ends alone are left', () => {
  assert.equal(filtered('\x1b[31mred\x1b[0m\r\n\x1b]0;t\x07two\n', true), 'red\ntwo\n');
});

test('an endless sequence neither grows memory nor hides what follows for ever', () => {
  const filter = new OutputFilter(false);
  const began = performance.now();
  let shown = '';
  for (let piece = 0; piece < 1000; piece++)
    shown += filter.push(Buffer.from(`\x1b]0;${'x'.repeat(10_000)}`));
  shown += filter.push(Buffer.from('\x07end'));
  assert.ok(shown.endsWith('end'));
  assert.ok(performance.now() - began < 5000);
});

test('keys are sent one piece after the other, in order, and a failure is told', async () => {
  const sent: string[] = [];
  const errors: unknown[] = [];
  const gates: (() => void)[] = [];
  const sender = new Sender(
    (data) => {
      sent.push(data.toString());
      return new Promise<void>((resolve, reject) =>
        gates.push(data.toString() === 'bad' ? () => reject(new Error('gone')) : resolve),
      );
    },
    (error) => errors.push(error),
  );
  const step = async () => {
    gates.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (const key of ['a', 'b', 'c']) sender.push(Buffer.from(key));
  assert.deepEqual(sent, ['a']);
  await step();
  assert.deepEqual(sent, ['a', 'bc']);
  await step();
  sender.push(Buffer.from('bad'));
  await step();
  assert.equal(errors.length, 1);
});

test('an escape key is written with a caret, in either case', () => {
  assert.deepEqual(['^]', '^X', '^x', '^@', '^_'].map(parseControlKey), [0x1d, 0x18, 0x18, 0, 0x1f]);
  for (const wrong of ['', 'X', '^', '^XX', '^1', '^~'])
    assert.throws(() => parseControlKey(wrong), ConfigError, wrong);
});
