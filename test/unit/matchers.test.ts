import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../lab/errors.ts';
import { expect } from '../../lab/fixtures/matchers.ts';
import type { Iperf3Result } from '../../lab/traffic/iperf3-options.ts';
import { verdictOfError } from '../../reporters/record.ts';

const result = (more: Partial<Iperf3Result>): Iperf3Result => ({
  ...{ protocol: 'tcp', direction: 'up', intervals: [], bitsPerSecond: 10e6, bytes: 0, saturated: null },
  ...{ versions: { client: '3.12', server: '3.12' }, clientOutput: '', serverOutput: '' },
  ...more,
});
const thrown = (body: () => unknown): Error => {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  return assert.fail('nothing was thrown');
};

test('a rate under the floor is a failure of the board, unless the lab machine had no time', () => {
  expect(result({})).toReach(10e6);
  const slow = thrown(() => expect(result({})).toReach(20e6));
  assert.match(slow.message, /10\.0 Mbit\/s arrived, and 20\.0 Mbit\/s is the floor/);
  assert.ok(!(slow instanceof LabError));
  assert.equal(verdictOfError({ message: `Error: ${slow.message}` }), 'fail');
  const busy = thrown(() => expect(result({ saturated: 'its processors were busy' })).toReach(20e6));
  assert.ok(busy instanceof LabError);
  assert.equal(verdictOfError({ message: `LabError: ${busy.message}` }), 'inconclusive');
  // Fast enough is fast enough, whoever was busy.
  expect(result({ saturated: 'its processors were busy' })).toReach(10e6);
});

test('a test of iperf3 that ended early is the fault of whoever ended it', () => {
  const ended = (fault: 'lab' | 'product') =>
    thrown(() => expect(result({ error: { fault, code: 'x', message: 'gone' } })).toReach(1));
  assert.ok(ended('lab') instanceof LabError);
  assert.match(ended('product').message, /iperf3 ended early \(x\): gone/);
});
