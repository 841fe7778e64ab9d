import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';

/** Names the signatures for which something does not hold. */
function offenders(holds: (signature: (typeof SIGNATURES)[number]) => boolean): string[] {
  return SIGNATURES.filter((signature) => !holds(signature)).map(({ id }) => id);
}

test('each pattern may be anywhere in a line, and has no memory of the line before', () => {
  assert.deepEqual(
    offenders(({ pattern }) => pattern === null || !/[gy]/.test(pattern.flags)),
    [],
  );
  assert.deepEqual(
    offenders(({ pattern }) => pattern === null || !/^\^|^[^|[]*\(\^/.test(pattern.source)),
    [],
  );
});

test('rules look at groups that their pattern has', () => {
  assert.deepEqual(
    offenders(({ pattern, when = [] }) =>
      when.every(({ group }) => pattern?.source.includes(`(?<${group}>`)),
    ),
    [],
  );
});

test('an id is the name of a subsystem and of what happens', () => {
  assert.deepEqual(
    offenders(({ id }) => /^[a-z\d_-]+\/[a-z\d_-]+$/.test(id)),
    [],
  );
});

test('signatures say what happened and what to do next in sentences without a full stop', () => {
  const isSentence = (text: string): boolean => /^\S.{6,}[^.\s]$/.test(text);
  assert.deepEqual(
    offenders(({ meaning, when = [] }) =>
      [meaning, ...when.map(({ means }) => means.meaning ?? meaning)].every(isSentence),
    ),
    [],
  );
  assert.deepEqual(
    offenders(({ next, source }) => next.trim() !== '' && source.trim() !== ''),
    [],
  );
});

test('rates and deadlines are more than nothing', () => {
  assert.deepEqual(
    offenders(
      ({ rate, endedBy }) =>
        (rate === undefined || (rate.count > 1 && rate.withinS > 0)) &&
        (endedBy === undefined || (endedBy.withinS > 0 && endedBy.signatures.length > 0)),
    ),
    [],
  );
});
