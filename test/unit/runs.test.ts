import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Runs } from '../../lab/controller/runs.ts';
import type { Connection } from '../../lab/controller/server.ts';
import { ConfigError } from '../../lab/errors.ts';

const connection = (name: string, gone = new AbortController().signal): Connection => ({
  id: 1,
  name,
  gone,
});

test('who connects anew while it opens its run has that run, once; nobody else has it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hil-runs-'));
  const runs = new Runs({
    ...{ version: '0', graceMs: 1000 },
    onEnd: () => Promise.resolve(),
    onChange: () => undefined,
  });
  const record = { run: 'r', dir, command: 'test' };
  const mine = connection('mine');
  const [first, second] = await Promise.all([runs.open(record, mine), runs.open(record, mine)]);
  assert.equal(first, second);
  await assert.rejects(
    runs.open(record, connection('other')),
    (error) => error instanceof ConfigError && /is open already, by mine/.test(error.message),
  );
  await runs.close('r', 'done');
  const started = readFileSync(first, 'utf8').match(/"kind":"run\.start"/g);
  assert.equal(started?.length, 1);
});
