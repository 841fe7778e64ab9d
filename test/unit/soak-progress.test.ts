import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoakProgress } from '../../lab/cli/soak-progress.ts';

test('the line of a soak under way tells rate, worst, breaches and time left', () => {
  const progress = new SoakProgress(60);
  progress.see({ startS: 0, endS: 1, bytes: 0, bitsPerSecond: 1e6 });
  progress.see({ startS: 1, endS: 2, bytes: 0, bitsPerSecond: 18e6 });
  progress.breach();
  const { detail, fraction } = progress.see({ startS: 2, endS: 3, bytes: 0, bitsPerSecond: 20e6 });
  assert.match(detail ?? '', /^20\.0 Mbit\/s, worst 18\.0 Mbit\/s at second 1, 1 breach, 57\.0 s left$/);
  assert.equal(fraction, 0.05);
  assert.equal(progress.closing, '3 s of traffic, worst 18.0 Mbit/s at second 1, 1 breach');
});
