import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { classifyText } from '../../lab/verdict/classify/log.ts';
import { type ScanHit, Scanner } from '../../lab/verdict/classify/scanner.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';

/** `<subsystem>.golden`: id, tab, a line it must take. `healthy-*.golden`: whole logs in which nothing is wrong. */
const FOLDER = join(import.meta.dirname, 'signatures');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.golden'));
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

/** Ids of what takes each line, line by line. */
function signaturesOf(lines: readonly string[]): (string | null)[] {
  const found: (string | null)[] = lines.map(() => null);
  const scanner = new Scanner(SIGNATURES);
  const take = ({ line, signature }: ScanHit): void => {
    found[line - 1] = signature.id;
  };
  scanner.push(Buffer.from(lines.map((line) => `${line}\n`).join('')), take);
  scanner.end(take);
  return found;
}

for (const file of files.filter((name) => !name.startsWith('healthy-'))) {
  test(`each line of ${file} is told by its signature`, () => {
    const rows = read(file)
      .split('\n')
      .filter(Boolean)
      .map((row) => row.split('\t', 2));
    const lines = rows.map(([, line]) => line ?? '');
    const told = signaturesOf(lines);
    assert.deepEqual(
      lines.map((line, index) => `${told[index]}\t${line}`),
      rows.map(([id, line]) => `${id}\t${line}`),
    );
  });
}

for (const file of files.filter((name) => name.startsWith('healthy-'))) {
  test(`nothing in ${file} alarms`, () => {
    const { primary, findings } = classifyText(read(file));
    assert.deepEqual(
      findings.map(({ signature, text }) => `${signature}: ${text}`),
      [],
    );
    assert.equal(primary, 'benign');
  });
}

test('no two signatures have the same id', () => {
  const ids = SIGNATURES.map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
});

test('literals are plain text of seven bytes or more', () => {
  const bad = SIGNATURES.flatMap(({ literals }) => literals).filter(
    (text) => !/^[\x20-\x7e]{7,}$/.test(text),
  );
  assert.deepEqual(bad, []);
});

test('signatures refer only to signatures that are there', () => {
  const ids = new Set(SIGNATURES.map(({ id }) => id));
  const referred = SIGNATURES.flatMap(({ endedBy, confirmedBy = [] }) => [
    ...(endedBy?.signatures ?? []),
    ...confirmedBy,
  ]);
  assert.deepEqual(
    referred.filter((id) => !ids.has(id)),
    [],
  );
});

test('each signature has a golden line', () => {
  const told = new Set(
    files.flatMap((file) =>
      read(file)
        .split('\n')
        .map((row) => row.split('\t')[0]),
    ),
  );
  assert.deepEqual(
    SIGNATURES.filter(({ id }) => !told.has(id)).map(({ id }) => id),
    [],
  );
});
