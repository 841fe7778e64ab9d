import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type ControllerState, readState, writeState } from '../../lab/controller/state-file.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'state-'));
  path = join(dir, 'state.json');
});
afterEach(() => rmSync(dir, { recursive: true }));

const state: ControllerState = {
  leases: [],
  tokens: { vb1: 3 },
  runs: [],
  keptOn: ['vb1'],
  quarantined: { vb2: 'never came up' },
};

test('a state comes back as it was written, with what is quarantined and why', () => {
  writeState(path, state);
  assert.deepEqual(
    readState(path, (message) => assert.fail(message)),
    state,
  );
});

test('a state that cannot be read counts as empty, is told of, and is kept aside', () => {
  writeFileSync(path, '{"leases": [');
  const told: string[] = [];
  assert.deepEqual(
    readState(path, (message) => told.push(message)),
    { leases: [], tokens: {}, runs: [], keptOn: [], quarantined: {} },
  );
  assert.match(told.join(), /could not be read/);
  assert.ok(existsSync(`${path}.unreadable`));
});

test('a state of before quarantines were kept is read', () => {
  const { quarantined, ...older } = state;
  writeFileSync(path, JSON.stringify(older));
  assert.deepEqual(
    readState(path, (message) => assert.fail(message)),
    { ...state, quarantined: {} },
  );
});
