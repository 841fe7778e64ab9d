import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyEvent, EventKind, Payload } from '../../lab/journal/event.ts';
import { sourceOf } from '../../lab/journal/event.ts';
import { type JournalFilter, journalFilter } from '../../lab/journal/filter.ts';

function event<K extends EventKind>(kind: K, data: Payload<K>, board: string | null = null): AnyEvent {
  const envelope = { seq: 1, mono: 0, wall: '', board, source: sourceOf(kind), kind, data };
  return envelope as AnyEvent; // the compiler does not carry K over to the union
}

const said = (board: string, text: string) =>
  event('console.line', { text, partial: false, truncatedBytes: 0 }, board);
const begins = (id: string, title: string, board: string | null = null) =>
  event('test.start', { id, title, file: '', suite: '' }, board);
const ends = (id: string) =>
  event('test.end', { id, title: '', status: '', verdict: 'pass', durationMs: 1 }, null);

function kept(filter: JournalFilter, events: readonly AnyEvent[]): number[] {
  const wanted = journalFilter(filter, ({ data }) => JSON.stringify(data));
  return events.flatMap((each, index) => (wanted(each) ? [index] : []));
}

test('without conditions every event is wanted; with several all must hold', () => {
  const events = [said('vb1', 'a'), said('vb2', 'a'), event('run.end', { reason: 'a' }), said('vb1', 'b')];
  assert.deepEqual(kept({}, events), [0, 1, 2, 3]);
  assert.deepEqual(kept({ boards: ['vb1'] }, events), [0, 3]);
  assert.deepEqual(kept({ sources: ['run'] }, events), [2]);
  assert.deepEqual(kept({ kinds: ['console.line'], grep: /"a"/g }, events), [0, 1]);
  assert.deepEqual(kept({ boards: ['vb1'], grep: /b"/ }, events), [3]);
});

test('what belongs to a test is what happened on its board from its start to its end', () => {
  const events = [
    said('vb1', 'before'),
    begins('1', 'wifi › reconnect', 'vb1'),
    begins('2', 'driver › reload', 'vb2'),
    said('vb1', 'during'),
    said('vb2', 'elsewhere'),
    ends('2'),
    ends('1'),
    said('vb1', 'after'),
  ];
  assert.deepEqual(kept({ test: 'reconnect' }, events), [1, 3, 6]);
  assert.deepEqual(kept({ test: '2' }, events), [2, 4, 5]);
});

test('a test of which no board is known takes in all boards', () => {
  const events = [begins('1', 'boots'), said('vb1', 'x'), said('vb2', 'y'), ends('1'), said('vb1', 'z')];
  assert.deepEqual(kept({ test: 'boots' }, events), [0, 1, 2, 3]);
});
