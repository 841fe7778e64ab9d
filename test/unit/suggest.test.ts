import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { suggest, whatExists } from '../../lab/suggest.ts';
import { distance } from '../../lab/text.ts';

const SUITES = ['driver', 'smoke', 'soak', 'throughput', 'wifi'];

test('a mistyped, swapped, shortened or capitalised name is recognised', () => {
  for (const [typed, meant] of [
    ['smok', 'smoke'],
    ['wfii', 'wifi'],
    ['WIFI', 'wifi'],
    ['troughput', 'throughput'],
    ['drivers', 'driver'],
  ] as const)
    assert.equal(suggest(typed, SUITES)[0], meant);
  assert.deepEqual(suggest('throu', SUITES), ['throughput']);
});

test('nothing is suggested for what resembles nothing', () => {
  assert.deepEqual(suggest('bluetooth', SUITES), []);
  assert.deepEqual(suggest('', SUITES), []);
});

test('the hint says what exists, also where nothing does', () => {
  assert.equal(whatExists('vb11', ['vb1', 'vb2']), 'did you mean vb1? There are: vb1, vb2');
  assert.equal(whatExists('router', ['vb1']), 'There are: vb1');
  assert.equal(whatExists('x', []), 'There are none');
});

test('the distance is a metric: zero for the same word, equal in both directions, at most the longer length', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      assert.equal(distance(a, a), 0);
      assert.equal(distance(a, b), distance(b, a));
      assert.ok(distance(a, b) <= Math.max(a.length, b.length));
      assert.ok(distance(a, b) >= Math.abs(a.length - b.length));
    }),
  );
});

test('one deletion, insertion, replacement or swap of neighbours is a distance of at most one', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 2 }),
      fc.nat(),
      fc.constantFrom('a', 'Z', '-'),
      (word, place, letter) => {
        const at = place % (word.length - 1);
        const [before, after] = [word.slice(0, at), word.slice(at + 1)];
        assert.equal(distance(word, before + after), 1);
        assert.equal(distance(word, `${before}${letter}${word.slice(at)}`), 1);
        assert.ok(distance(word, `${before}${letter}${after}`) <= 1);
        assert.ok(distance(word, `${before}${word[at + 1]}${word[at]}${word.slice(at + 2)}`) <= 1);
      },
    ),
  );
});

test('a very long word costs no noticeable time', () => {
  const began = performance.now();
  suggest('x'.repeat(1_000_000), SUITES);
  assert.ok(performance.now() - began < 100);
});
