import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Scanner } from '../../lab/verdict/classify/scanner.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';
import { FILL, filled, hostileLines, nearMisses, wordsOf } from './hostile-lines.ts';

const FOLDER = join(import.meta.dirname, 'signatures');
const golden = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.golden') && !name.startsWith('healthy-'))
    .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').split('\n'))
    .map((row): [string, string] => [row.split('\t')[0] ?? '', row.split('\t')[1] ?? '']),
);

/** A line that the signature takes. */
function lineOf({ id, literals }: Signature): string {
  return golden.get(id) ?? literals.join(' ');
}

const LINE_BYTES = 64 * 1024;
const MAX_MS = 10;
/** Of all patterns that are tried on one line, and the search for them. */
const MAX_SCAN_MS = 50;
/** Only work that takes too long is done so often. */
const RUNS = 20;

/** CPU time of some work: of a few runs the least, for a busy machine takes longer, and never shorter, than the work. */
function leastMs(work: () => void, enoughMs = MAX_MS): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS && least > enoughMs; run++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

const patterned = SIGNATURES.flatMap((signature) =>
  signature.pattern === null ? [] : [{ signature, pattern: signature.pattern }],
);

test('no pattern is busy for more than 10 ms with a line of 64 KiB made for it', () => {
  const slow = patterned.flatMap(({ signature, pattern }) =>
    [...hostileLines(signature, lineOf(signature), LINE_BYTES)]
      .map((line) => ({ line, ms: leastMs(() => pattern.exec(line)) }))
      .filter(({ ms }) => ms > MAX_MS)
      .map(
        ({ line, ms }) => `${signature.id}: ${ms.toFixed(0)} ms, ${line.slice(0, 60)}...${line.slice(-60)}`,
      ),
  );
  assert.deepEqual(slow, []);
});

test('no pattern is busy for more than 10 ms with a line of 64 KiB of whatever it is about', () => {
  const attack = fc.constantFrom(...patterned).chain(({ signature, pattern }) => {
    const part = fc.constantFrom(...FILL, ...wordsOf(signature));
    return fc.record({
      id: fc.constant(signature.id),
      pattern: fc.constant(pattern),
      head: fc.array(part, { maxLength: 4 }),
      unit: fc.array(part, { minLength: 1, maxLength: 4 }),
      tail: fc.array(part, { maxLength: 4 }),
    });
  });
  fc.assert(
    fc.property(attack, ({ id, pattern, head, unit, tail }) => {
      const line = head.join('') + filled(unit.join(''), LINE_BYTES) + tail.join('');
      const ms = leastMs(() => pattern.exec(line));
      assert.ok(ms <= MAX_MS, `${id}: ${ms.toFixed(0)} ms`);
    }),
    // Always the same ones: what fails here fails for everybody.
    { numRuns: 3000, seed: 1 },
  );
});

test('the scanner is not busy for long with a line of 64 KiB', () => {
  const scanner = new Scanner(SIGNATURES);
  const ignore = (): void => undefined;
  const slow = SIGNATURES.flatMap((signature) =>
    [...nearMisses(signature, lineOf(signature), LINE_BYTES)]
      .map((line) => ({ line, bytes: Buffer.from(`${line}\n`) }))
      .map(({ line, bytes }) => ({ line, ms: leastMs(() => scanner.push(bytes, ignore), MAX_SCAN_MS) }))
      .filter(({ ms }) => ms > MAX_SCAN_MS)
      .map(({ line, ms }) => `${signature.id}: ${ms.toFixed(0)} ms, ${line.slice(0, 120)}`),
  );
  assert.deepEqual(slow, []);
});

test('a line of all literals there are keeps the scanner no longer', () => {
  const scanner = new Scanner(SIGNATURES);
  const all = SIGNATURES.flatMap(({ literals }) => literals);
  for (const gap of [' ', ': ', '']) {
    const bytes = Buffer.from(`${filled(all.join(gap), LINE_BYTES)}\n`);
    assert.ok(leastMs(() => scanner.push(bytes, () => undefined), MAX_SCAN_MS) <= MAX_SCAN_MS);
  }
});

test('a pattern that looks back over and over is caught by these tests', () => {
  const line = `${'x'.repeat(22)} timed out`;
  assert.ok(leastMs(() => /(?:(?:x+x+)+y) timed out/.exec(line)) > MAX_MS);
});
