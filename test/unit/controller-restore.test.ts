/** What a controller does with what a killed one left, with hardware that fails as asked. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import type { BoardHardware } from '../../lab/board/hardware.ts';
import { Controller } from '../../lab/controller/controller.ts';
import { Peers } from '../../lab/controller/peers.ts';
import { type ControllerState, readState } from '../../lab/controller/state-file.ts';

const NOTHING: ControllerState = { leases: [], tokens: {}, runs: [], keptOn: [], quarantined: {} };

let state: string;
let log: string[];
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'restore-'));
  log = [];
});
afterEach(() => rmSync(state, { recursive: true }));

function hardware(adopt: () => Promise<boolean>): BoardHardware {
  const nothing = () => Promise.resolve();
  return {
    ...{ prepare: nothing, powerOn: nothing, powerOff: nothing, reset: nothing, detach: nothing, adopt },
    state: () => Promise.resolve('off'),
    onEvent: () => undefined,
    console: () => ({ type: 'pty', path: '/nowhere' }),
    ssh: () => ({ host: '127.0.0.1', port: 1 }),
    memoryBytes: () => Promise.resolve(null),
  };
}

function controller(adopt: (board: string) => Promise<boolean>): Promise<Controller> {
  return Controller.create({
    ...{ state, version: '0', leaseMs: 1000, lingerMs: 1000, graceMs: 1000 },
    boards: ['a', 'b'].map((name) => ({
      ...{ name, profile: virtual, wiring: null, endState: 'off', onlyByName: false, modems: [] },
    })),
    hardware: ({ name }) => hardware(() => adopt(name)),
    peers: new Peers({ peers: {}, links: [], state, privateKeyPath: '' }),
    onActivity: () => undefined,
    log: (message) => log.push(message),
  });
}

const saved = () => readState(join(state, 'state.json'), (message) => assert.fail(message));

test('a board and a run that cannot be taken over do not keep the others from it', async () => {
  const asked: string[] = [];
  const lab = await controller((board) => {
    asked.push(board);
    return board === 'a' ? Promise.reject(new Error('no answer')) : Promise.resolve(false);
  });
  const runs = ['/dev/null/nowhere', join(state, 'run')].map((dir, index) => ({
    ...{ run: `run-${index}`, dir, command: 'test' },
  }));
  await lab.restore({ ...NOTHING, runs });
  assert.deepEqual(asked, ['a', 'b']);
  assert.equal(lab.board('a').state, 'quarantined');
  assert.match(lab.board('a').reason ?? '', /could not be taken over: no answer/);
  assert.deepEqual(lab.runs.ids(), ['run-1']);
  assert.match(log.join('\n'), /no answer[\s\S]*run-0 does not go on/);
  await lab.shutdown('the test ended');
});

test('a quarantine outlives its controller, and a quarantined board that is off is not in use', async () => {
  const lab = await controller(() => Promise.resolve(false));
  await lab.restore({ ...NOTHING, quarantined: { b: 'never came up' } });
  assert.deepEqual([lab.board('b').state, lab.board('b').reason], ['quarantined', 'never came up']);
  assert.equal(lab.boardsInUse, false);
  assert.deepEqual(saved().quarantined, { b: 'never came up' });
  await lab.shutdown('the test ended');
  assert.deepEqual(saved().quarantined, { b: 'never came up' });
});

test('the record of a test goes on in the same files', async () => {
  const lease = {
    ...{ id: 'x', token: 1, board: 'a', owner: 'o', run: null, since: '', waitedMs: 0, expiresAt: 0 },
    ...{ endState: 'off' as const, fresh: false, scope: { test: 'a test', dir: join(state, 'test') } },
  };
  const lab = await controller(() => Promise.resolve(false));
  await lab.restore({ ...NOTHING, leases: [lease], tokens: { a: 1 } });
  assert.deepEqual(saved().leases[0]?.scope, lease.scope);
  const session = lab.session(lease, { id: 1, gone: new AbortController().signal, name: 'test' });
  const { artifacts } = await session.endScope();
  assert.ok(artifacts.some(({ path }) => path === join(state, 'test', 'dmesg.log')));
  await lab.shutdown('the test ended');
});

test('a state that cannot be written is told once, and written at the next change', async () => {
  const lab = await controller(() => Promise.resolve(false));
  await lab.restore(NOTHING);
  const inTheWay = join(state, 'state.json.new');
  mkdirSync(inTheWay);
  lab.board('a').quarantine('first');
  lab.board('a').quarantine('second');
  assert.deepEqual([log.length, saved().quarantined], [1, {}]);
  rmdirSync(inTheWay);
  lab.board('b').quarantine('third');
  assert.deepEqual(saved().quarantined, { a: 'second', b: 'third' });
  await lab.shutdown('the test ended');
});
