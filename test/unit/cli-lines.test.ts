import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { commandLine } from '../../lab/cli/exec.ts';
import { journalLine } from '../../lab/cli/journal-line.ts';
import { pathFilter, suiteNames, suitePaths } from '../../lab/cli/suites.ts';
import { table } from '../../lab/cli/table.ts';
import { ConfigError } from '../../lab/errors.ts';
import type { AnyEvent } from '../../lab/journal/event.ts';

const AT = { seq: 1, mono: 1, wall: '2026-11-21T07:15:00.123Z', board: 'vb1' } as const;

test('an event is one line, and nothing a board said in it reaches the terminal as a command', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, colour) => {
      const events: AnyEvent[] = [
        { ...AT, source: 'console', kind: 'console.line', data: { text, partial: false, truncatedBytes: 0 } },
        { ...AT, source: 'kernel', kind: 'kernel.record', data: { seq: 1, level: 3, us: 5, text } },
        { ...AT, source: 'ssh', kind: 'ssh.event', data: { event: 'lost', detail: `\x1b]0;x\x07${text}\n` } },
      ];
      for (const event of events) {
        const line = journalLine(event, colour).replaceAll(/\x1b\[\d+m/g, '');
        assert.doesNotMatch(line, /[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
      }
    }),
  );
});

test('the line of an event says when, where, who and what', () => {
  const line = journalLine(
    {
      ...AT,
      source: 'power',
      kind: 'power.action',
      data: { action: 'cycle', ok: false, durationMs: 3, error: 'no such outlet' },
    },
    false,
  );
  assert.match(line, /^\d\d:15:00\.123 vb1 +power +cycle failed: no such outlet$/);
});

test('one word is a line for the shell, several are a program whose arguments stay whole', () => {
  assert.equal(commandLine(['ls | wc -l']), 'ls | wc -l');
  assert.equal(commandLine(['printf', '%s', "it's", 'a b', '']), "printf %s 'it'\\''s' 'a b' ''");
});

test('suites are found by folder, by part, by path; what is none is refused with what exists', () => {
  const root = mkdtempSync(join(tmpdir(), 'hil-suites-'));
  try {
    for (const path of [
      'smoke/boot.spec.ts',
      'wifi/connect.spec.ts',
      'wifi/deep/more.spec.ts',
      'helpers/x.ts',
      'empty/.keep',
    ]) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), '');
    }
    assert.deepEqual(suiteNames(root), ['smoke', 'wifi']);
    assert.deepEqual(
      suitePaths(['smoke', 'wifi/connect', 'wifi/deep', join(root, 'wifi/connect.spec.ts')], root),
      ['smoke', 'wifi/connect.spec.ts', 'wifi/deep', 'wifi/connect.spec.ts'].map((path) => join(root, path)),
    );
    for (const word of ['wfii', 'helpers', 'empty', '..', '.', '', '/etc', 'wifi/../../etc', 'helpers/x.ts'])
      assert.throws(() => suitePaths([word], root), ConfigError, word);
    assert.throws(
      () => suitePaths(['conect'], root),
      (error) => error instanceof ConfigError && /wifi\/connect/.test(error.hint ?? ''),
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('the filter of a path matches it, what is below it, and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '+', '(', '[', '$', '/', '\\') }), (name) => {
      const folder = `/suites/${name}`;
      const regex = new RegExp(pathFilter(folder));
      assert.ok(regex.test(`${folder}/x.spec.ts`));
      assert.ok(!regex.test(`${folder}x/x.spec.ts`) && !regex.test(`/other${folder}/x.spec.ts`));
    }),
  );
  assert.ok(!new RegExp(pathFilter('/s/a.spec.ts')).test('/s/aXspec.ts'));
});

test('columns of a table are as wide as their widest cell', () => {
  assert.equal(
    table(
      ['A', 'LONG'],
      [
        ['wide one', '1'],
        ['x', ''],
      ],
    ),
    'A         LONG\nwide one  1\nx\n',
  );
});
