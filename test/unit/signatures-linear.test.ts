import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Scanner } from '../../lab/verdict/classify/scanner.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

const LINE_BYTES = 64 * 1024;
const LIMIT_MS = 10;
/** Another process may take the processor: the best of so many counts. */
const TRIES = 5;

const FOLDER = join(import.meta.dirname, 'signatures');
const golden = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.golden') && !name.startsWith('healthy-'))
    .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').split('\n'))
    .map((row): [string, string] => [row.split('\t')[0] ?? '', row.split('\t')[1] ?? '']),
);

/** Lines of 64 KiB made to keep a pattern looking: what it wants, over and over, and never quite. */
function hostileLines({ id, literals }: Signature): string[] {
  const [literal = ''] = literals;
  const line = golden.get(id) ?? literal;
  const at = Math.max(0, line.indexOf(literal));
  const [before, after] = [line.slice(0, at), line.slice(at + literal.length)];
  const units = [
    line.slice(0, -1),
    `${before}${literal}`,
    literal,
    `${literal}${after.slice(0, -1)}`,
    ...[' ', '0', 'a', ':', '0000:00:00.0 ', '1-1.1.1.1.1.1', '[(', 'ff '],
  ];
  return units.flatMap((unit) => {
    const run = unit.repeat(Math.ceil(LINE_BYTES / unit.length));
    // The literal at the front, in the middle and at the end: patterns look before it and behind it.
    return [
      `${literal}${run}`,
      `${run.slice(0, LINE_BYTES / 2)}${literal}${run}`,
      `${run.slice(0, LINE_BYTES - literal.length)}${literal}`,
    ].map((text) => text.slice(0, LINE_BYTES));
  });
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('no pattern of the catalogue can be kept busy by a line of 64 KiB', () => {
  const slow: string[] = [];
  for (const signature of SIGNATURES) {
    if (signature.pattern === null) continue;
    const scanner = new Scanner([signature]);
    for (const line of hostileLines(signature)) {
      const bytes = Buffer.from(`${line}\n`);
      let best = Number.POSITIVE_INFINITY;
      for (let tries = 0; tries < TRIES && best > LIMIT_MS; tries++)
        best = Math.min(
          best,
          cpuMs(() => scanner.push(bytes, () => undefined)),
        );
      if (best > LIMIT_MS) slow.push(`${signature.id}: ${best.toFixed(1)} ms for ${line.slice(0, 80)}`);
    }
  }
  assert.deepEqual(slow, []);
});

test('a pattern that looks back over and over is caught by this test', () => {
  const bad = {
    ...SIGNATURES[0],
    id: 'bad/one',
    literals: ['timed out'],
    pattern: /(?:(?:x+x+)+y)timed out/,
  };
  const scanner = new Scanner([bad as Signature]);
  const bytes = Buffer.from(`${'x'.repeat(24)}timed out\n`);
  assert.ok(cpuMs(() => scanner.push(bytes, () => undefined)) > LIMIT_MS);
});
