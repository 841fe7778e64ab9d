/** Which run it is, what the environment asks for, and which tests a lab can run. */
import assert from 'node:assert/strict';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConfigError, LabError } from '../../lab/errors.ts';
import { explained } from '../../lab/fixtures/call-site.ts';
import { needsOf, unmetNeeds } from '../../lab/fixtures/capabilities.ts';
import { newRunId, prepareRunDir, runIdentity } from '../../lab/runner/run.ts';
import { settings, soakSettings } from '../../lab/runner/settings.ts';

describe('a run', () => {
  it('is named by its start, so that names sort by time', () => {
    assert.equal(newRunId(new Date('2026-11-21T07:15:00.123Z'), 'abc4'), '2026-11-21T071500-abc4');
  });

  it('is made up once, and found by child processes in the environment', () => {
    const env: NodeJS.ProcessEnv = {};
    const run = runIdentity(env);
    assert.match(run.id, /^\d{4}-\d\d-\d\dT\d{6}-[0-9a-f]{4}$/);
    assert.deepEqual(runIdentity({ ...env }), run);
  });

  it('is the one that the environment names', () => {
    assert.deepEqual(runIdentity({ HIL_RUN: 'r', HIL_RUN_DIR: '/x/r' }), { id: 'r', dir: '/x/r' });
    assert.deepEqual(runIdentity({ HIL_RUN_DIR: '/x/r7' }), { id: 'r7', dir: '/x/r7' });
  });

  it('is where "latest" points, also when another was there before', () => {
    const runs = mkdtempSync(join(tmpdir(), 'hil-runs-'));
    for (const id of ['one', 'two']) prepareRunDir({ id, dir: join(runs, id) });
    assert.equal(readlinkSync(join(runs, 'latest')), 'two');
    rmSync(runs, { recursive: true });
  });
});

describe('settings', () => {
  it('have defaults, also where a variable is empty', () => {
    assert.deepEqual(soakSettings({ HIL_DURATION: '' }), { durationS: 60, rateBps: 20e6, floorBps: 15e6 });
    assert.deepEqual(settings({ HIL_BOARD: 'vb1, vb2,' }).HIL_BOARD, ['vb1', 'vb2']);
  });
  it('name the variable that is wrong', () => {
    assert.throws(
      () => settings({ HIL_DURATION: '30m' }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /HIL_DURATION=30m/);
        return true;
      },
    );
    assert.throws(() => settings({ HIL_WORKERS: '0' }), /HIL_WORKERS=0/);
  });
});

describe('capabilities', () => {
  const boards = [
    { name: 'vb1', capabilities: ['ssh', 'wifi-ap'], onlyByName: false },
    { name: 'usb1', capabilities: ['ssh', 'wwan'], onlyByName: false },
    { name: 'odd1', capabilities: ['ssh', 'u-boot'], onlyByName: true },
  ];
  it('come from tags', () => {
    assert.deepEqual(needsOf(['@needs:ssh', '@slow', '@needs:wpa3']), ['ssh', 'wpa3']);
  });
  it('are met when one board has all of them', () => {
    assert.equal(unmetNeeds(['ssh', 'wwan'], boards, []), null);
    assert.equal(unmetNeeds([], boards, []), null);
  });
  it('are told when nobody has them, or nobody all of them', () => {
    assert.equal(unmetNeeds(['teleport'], boards, []), 'no board of this lab has teleport');
    assert.equal(unmetNeeds(['wwan', 'wifi-ap'], boards, []), 'no single board has all of wwan, wifi-ap');
    assert.equal(unmetNeeds(['wwan'], boards, ['vb1']), 'vb1: no wwan');
  });
  it('of a board that is only used by name count when it was named', () => {
    assert.equal(unmetNeeds(['u-boot'], boards, []), 'no board of this lab has u-boot');
    assert.equal(unmetNeeds(['u-boot'], boards, ['odd1']), null);
  });
});

describe('an error on its way into a report', () => {
  it('says what to try next and where the test was', () => {
    const error = explained(new LabError('no power', { hint: 'plug it in' }), [
      '    at /suites/a.spec.ts:3:1',
    ]);
    assert.equal(error.message, 'no power\nplug it in');
    assert.equal(error.stack, 'LabError: no power\nplug it in\n    at /suites/a.spec.ts:3:1');
    assert.equal(explained(error, []).message, 'no power\nplug it in');
  });
});
