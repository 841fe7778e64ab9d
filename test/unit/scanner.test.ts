import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LITERAL_MIN, LiteralSearch } from '../../lab/verdict/classify/literals.ts';
import { Scanner } from '../../lab/verdict/classify/scanner.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

function signature(id: string, literals: string[], is: Partial<Signature> = {}): Signature {
  return {
    ...{ id, literals, pattern: null, class: 'fw-timeout', blame: 'product', role: 'root' },
    ...{ meaning: 'It broke', next: 'mend it', source: 'this test' },
    ...is,
  };
}

const TIMEOUT = signature('a/timeout', ['firmware command timed out'], {
  pattern: /(?<device>wlan\d): firmware command timed out \((?<errno>\d+)\)/,
});
const SHORT = signature('a/short', ['timed out']);
const BENIGN = signature('a/benign', ['as it should'], { role: 'benign' });
const CATALOGUE = [SHORT, TIMEOUT, BENIGN, signature('b/short', ['timed out'])];

interface Seen {
  line: number;
  id: string;
  text: string;
}

function scan(pieces: readonly (string | Uint8Array)[], catalogue = CATALOGUE, benign = true): Seen[] {
  const seen: Seen[] = [];
  const scanner = new Scanner(catalogue, { benign });
  const take: Parameters<Scanner['push']>[1] = ({ line, signature: { id }, text }) => {
    seen.push({ line, id, text });
  };
  for (const piece of pieces) scanner.push(typeof piece === 'string' ? Buffer.from(piece) : piece, take);
  scanner.end(take);
  return seen;
}

const ids = (...text: string[]): string[] => scan(text).map(({ id }) => id);

test('a line is of the signature with the longest text on it whose pattern holds; of equal ones, of the first', () => {
  assert.deepEqual(ids('wlan0: firmware command timed out (110)'), ['a/timeout']);
  assert.deepEqual(ids('eth0: firmware command timed out'), ['a/short']);
  assert.deepEqual(ids('all is well'), []);
});

test('a line that is benign is of no other signature, and need not be told', () => {
  const line = 'wlan0: firmware command timed out (110) as it should';
  assert.deepEqual(ids(line), ['a/benign']);
  assert.deepEqual(scan([line], CATALOGUE, false), []);
});

test('named groups of the pattern come with the line', () => {
  const scanner = new Scanner(CATALOGUE);
  let groups = {};
  scanner.push(Buffer.from('wlan1: firmware command timed out (110)\n'), (hit) => {
    groups = hit.groups;
  });
  assert.deepEqual(groups, { device: 'wlan1', errno: '110' });
});

test('line ends are LF, CR LF, or CR where there is nothing else; the last line may lack its own', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const text = ['calm', 'it timed out', '', 'x timed out'].join(end);
    const seen = scan([text]);
    assert.deepEqual(
      seen.map(({ line, text: found }) => [line, found]),
      [
        [2, 'it timed out'],
        [4, 'x timed out'],
      ],
    );
  }
});

test('escape sequences, NULs and broken UTF-8 neither hide a literal nor reach the text', () => {
  const [colour] = scan(['\x1b[31mit timed \x1b[1mout\x1b[0m\n']);
  assert.deepEqual(colour, { line: 1, id: 'a/short', text: 'it timed out' });
  const hostile = Buffer.concat([
    Buffer.from([0, 0xff, 0xfe]),
    Buffer.from(' it timed out '),
    Buffer.from([0xc3, 0x0a]),
  ]);
  assert.equal(scan([hostile])[0]?.text, '\ufffd\ufffd it timed out \ufffd');
});

test('wherever a log is cut into pieces, the same lines are found', () => {
  const log = Buffer.from(
    Array.from({ length: 40 }, (_, line) =>
      line % 3 === 0 ? `${'ä'.repeat(line)} timed out` : `x${'y'.repeat(line)}`,
    ).join('\n'),
  );
  const whole = scan([log]);
  assert.equal(whole.length, 14);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: log.length }), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), log.length];
      assert.deepEqual(scan(at.slice(1).map((end, index) => log.subarray(at[index], end))), whole);
    }),
  );
});

test('a literal is found wherever it lies in the text', () => {
  const literal = fc.string({ minLength: LITERAL_MIN, maxLength: 30, unit: 'grapheme-ascii' });
  const filler = fc.string({ maxLength: 20, unit: fc.constantFrom('a', ' ', ':', 'é', '0') });
  fc.assert(
    fc.property(
      fc.uniqueArray(literal, { minLength: 1, maxLength: 8 }),
      filler,
      filler,
      (literals, before, after) => {
        for (const [index, wanted] of literals.entries()) {
          const text = Buffer.from(`${before}${wanted}${after}\n`);
          const bytes = Buffer.alloc((text.length + 3) & ~3);
          text.copy(bytes);
          const found: [number, number][] = [];
          new LiteralSearch(literals).search(bytes, {
            found: (which, at) => found.push([which, at]),
            lineEnd: () => undefined,
          });
          assert.ok(found.some(([which, at]) => which === index && at === Buffer.byteLength(before)));
        }
      },
    ),
  );
});

test('a log that comes byte by byte ends its lines as one that comes at once', () => {
  for (const log of ['calm\r\nit timed out\r\n', 'calm\rit timed out\r', '10 %\r20 %\r\nit timed out'])
    assert.deepEqual(scan([...log]), [{ line: 2, id: 'a/short', text: 'it timed out' }]);
});

test('a literal that comes again and again hides no other', () => {
  const line = `${'timed out '.repeat(2000)} wlan0: firmware command timed out (110)`;
  assert.deepEqual(ids(line), ['a/timeout']);
});

test('what is found is what searching each line for each literal finds', () => {
  const literals = SIGNATURES.flatMap((one) => one.literals);
  const bare = literals.map((literal, index) => signature(`test/${index}`, [literal]));
  const part = fc.oneof(
    fc.constantFrom(...literals),
    fc.constantFrom(...literals).map((literal) => literal.slice(1)),
    fc.constantFrom(...literals).map((literal) => literal.slice(0, -1)),
    fc.string({ maxLength: 9 }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 4 }), { maxLength: 8 }), (rows) => {
      const lines = rows.map((parts) => parts.join('').replaceAll(/[^\x20-\x7e]/g, ''));
      const longest = lines.map((line) =>
        Math.max(0, ...literals.filter((literal) => line.includes(literal)).map((literal) => literal.length)),
      );
      const found = lines.map(() => 0);
      for (const { line, id } of scan([lines.join('\n')], bare))
        found[line - 1] = literals[Number(id.slice(5))]?.length ?? 0;
      assert.deepEqual(found, longest);
    }),
  );
});

test('only lines that have escape sequences in them are cleaned before they are searched', () => {
  assert.deepEqual(ids('it ti\0med out\n'), []);
  assert.deepEqual(ids('it ti\0med out\n\x1b[1mbold\x1b[0m\n'), []);
});

test('a title without end hides its own line at most', () => {
  assert.deepEqual(
    scan(['\x1b]0;no end of title\nit timed out\n']).map(({ line }) => line),
    [2],
  );
});

test('memory does not grow with the log', () => {
  const scanner = new Scanner(CATALOGUE);
  const chunk = Buffer.from('nothing of interest, but it timed out now and then\n'.repeat(20_000));
  const ignore = (): void => undefined;
  scanner.push(chunk, ignore);
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 60; count++) scanner.push(chunk, ignore);
  assert.equal(scanner.lines, 61 * 20_000);
  const growth = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(growth < 100, `${growth.toFixed(0)} MiB for ${((60 * chunk.length) / 2 ** 20).toFixed(0)} MiB`);
});

test('a literal too short to be found everywhere is refused', () => {
  assert.throws(() => new Scanner([signature('a/b', ['oops'])]), RangeError);
});

test('of a line without end the beginning is looked at, and the lines after it are numbered right', () => {
  const endless = Buffer.alloc(10 * 1024 * 1024, 'x');
  const seen = scan(['it timed out ', endless, '\nsecond\nthird timed out\n']);
  assert.deepEqual(
    seen.map(({ line }) => line),
    [1, 3],
  );
  assert.ok((seen[0]?.text.length ?? 0) < 4096);
});

test('what follows a line is at hand while it is told', () => {
  const scanner = new Scanner(CATALOGUE);
  let rest = '';
  scanner.push(Buffer.from('calm\nit timed out\nsecond\nthird\n'), ({ following }) => {
    rest = following(20);
  });
  assert.equal(rest, 'it timed out\nsecond\n');
});
