import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HealthBook, type HealthRecord } from '../../lab/controller/health.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-health-'));
let count = 0;

function book(path = join(dir, `${count++}.json`)): {
  health: HealthBook;
  path: string;
  told: HealthRecord[];
  log: string[];
} {
  const told: HealthRecord[] = [];
  const log: string[] = [];
  const health = new HealthBook({
    path,
    onChange: (_board, record) => told.push(record),
    log: (message) => log.push(message),
  });
  return { health, path, told, log };
}

test('one failure makes a board suspect, a second one quarantines it with the reason, and no test gets it', () => {
  const { health, told } = book();
  assert.equal(health.isDoubtful('b'), false);
  health.happened('b', 'failed', 'its console is silent');
  assert.equal(health.unfit('b'), null, 'once may be bad luck');
  assert.equal(health.isDoubtful('b'), true);
  health.happened('b', 'failed', 'it did not come up');
  assert.equal(health.unfit('b'), 'quarantined: it did not come up');
  assert.deepEqual(
    told.map((record) => record.health),
    ['suspect', 'quarantined'],
  );
  assert.equal(health.of('other').health, 'healthy');
});

test('a suspect board that is proven is healthy again', () => {
  const { health } = book();
  health.happened('b', 'failed', 'x');
  health.happened('b', 'proven', '');
  assert.deepEqual([health.of('b').health, health.of('b').why], ['healthy', '']);
});

test('who takes a quarantined board repairs it: proven it is healthy, failing it is quarantined again', () => {
  const { health } = book();
  health.happened('b', 'gave up', 'no boot');
  health.happened('b', 'taken', 'somebody asked for it');
  assert.equal(health.unfit('b'), 'in repair: no boot', 'tests still do not get it, and it says why');
  health.happened('b', 'failed', 'still no boot');
  assert.equal(health.unfit('b'), 'quarantined: still no boot');
  health.happened('b', 'taken', '');
  health.happened('b', 'proven', '');
  assert.equal(health.unfit('b'), null);
});

test('health outlives the controller; a damaged file is told and begun anew', () => {
  const first = book();
  first.health.happened('b', 'gave up', 'no power');
  assert.equal(book(first.path).health.unfit('b'), 'quarantined: no power');
  writeFileSync(first.path, '{"b": {"health": "fine"}');
  const again = book(first.path);
  assert.equal(again.health.unfit('b'), null);
  assert.match(again.log.join(), /is damaged and begun anew/);
});
