import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cleaner } from '../../lab/board/console/clean.ts';
import { LineSplitter, sanitize } from '../../lab/text.ts';

const ESC = '\x1b';

test('escape sequences and control characters are taken out, text and tabs stay', () => {
  assert.equal(sanitize(`${ESC}[1;31mred${ESC}[0m\tplain`), 'red\tplain');
  assert.equal(sanitize(`${ESC}]0;title\x07after`), 'after');
  assert.equal(sanitize(`${ESC}]52;c;cGF5bG9hZA==${ESC}\\after`), 'after');
  assert.equal(sanitize(`${ESC}P+q544e${ESC}\\after`), 'after');
  assert.equal(sanitize(`a\0b\x07c\x7fd\x9b31me`), 'abcde');
  assert.equal(sanitize('Grüße, 世界, \u202egnp.exe'), 'Grüße, 世界, gnp.exe');
});

test('nothing that a terminal would obey survives, whatever comes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(sanitize(text), /[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
    }),
  );
});

test('an unterminated sequence of 10 MB is cut in linear time', () => {
  const text = `${ESC}]0;${'x'.repeat(10_000_000)}`;
  assert.doesNotMatch(sanitize(text), /\x1b/);
});

test('lines are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, ''))),
      fc.integer({ min: 1, max: 5 }),
      (lines, step) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\r\n`).join(''));
        const splitter = new LineSplitter();
        const seen: string[] = [];
        for (let at = 0; at < bytes.length; at += step)
          seen.push(...splitter.push(bytes.subarray(at, at + step)).map(({ text }) => text));
        assert.deepEqual(seen, lines);
        assert.equal(splitter.end(), null);
      },
    ),
  );
});

test('a line of 10 MB is cut to its limit, what was left out is counted', () => {
  const splitter = new LineSplitter({ maxLength: 1000 });
  const piece = Buffer.alloc(100_000, 'y');
  for (let i = 0; i < 100; i++) assert.deepEqual(splitter.push(piece), []);
  const [line] = splitter.push(Buffer.from('\nnext\n'));
  assert.equal(line?.text.length, 1000);
  assert.equal(line?.truncatedBytes, 10_000_000 - 1000);
});

test('invalid UTF-8 is replaced, a character torn in two is not', () => {
  const splitter = new LineSplitter();
  splitter.push(Buffer.from([0xff, 0x41, 0xc3]));
  const [line] = splitter.push(Buffer.from([0xa9, 0x0a]));
  assert.equal(line?.text, '\ufffdAé');
});

test('cleaned console text is the same however the bytes are cut, escape sequences included', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme-ascii' }).map((text) => text.replace(/[^ -~]/g, '')),
    fc.constantFrom(`${ESC}[2J`, `${ESC}[1;32m`, `${ESC}]0;t\x07`, '\r\n', '\x00', 'é'),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.integer({ min: 1, max: 5 }), (pieces, step) => {
      const bytes = Buffer.from(`${pieces.join('')}\n`);
      const cleaner = new Cleaner();
      let cut = '';
      for (let at = 0; at < bytes.length; at += step) cut += cleaner.push(bytes.subarray(at, at + step));
      assert.equal(cut, new Cleaner().push(bytes));
    }),
  );
});
