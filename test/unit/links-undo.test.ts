import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../lab/errors.ts';
import { UndoStack } from '../../lab/links/undo.ts';

test('steps are undone last first, and once', async () => {
  const undo = new UndoStack();
  const done: string[] = [];
  for (const name of ['a', 'b', 'c']) undo.push(name, async () => done.push(name));
  await Promise.all([undo.undo(), undo.undo()]);
  await undo.undo();
  assert.deepEqual(done, ['c', 'b', 'a']);
});

test('a step that fails keeps no other from being undone, is named, and is tried again', async () => {
  const undo = new UndoStack();
  const done: string[] = [];
  let broken = true;
  undo.push('first', async () => done.push('first'));
  undo.push('radio', async () => {
    if (broken) throw new LabError('it is stuck');
    done.push('radio');
  });
  undo.push('last', async () => done.push('last'));
  await assert.rejects(undo.undo(), /not everything could be undone: radio: it is stuck/);
  assert.deepEqual(done, ['last', 'first']);
  broken = false;
  await undo.undo();
  assert.deepEqual(done, ['last', 'first', 'radio']);
});
