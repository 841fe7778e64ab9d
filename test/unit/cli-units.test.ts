import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../lab/errors.ts';
import { formatBytes, formatDuration, parseCount, parseDuration, parseRate } from '../../lab/units.ts';

test('durations are read in each unit and in sums of falling units', () => {
  assert.deepEqual(
    ['30m', '90s', '1h', '1h30m', '500ms', '1.5s', '2d', '0s'].map(parseDuration),
    [1_800_000, 90_000, 3_600_000, 5_400_000, 500, 1500, 172_800_000, 0],
  );
});

test('what is no duration is refused with what to write instead', () => {
  for (const text of ['', '30', '-5s', '5 s', '5S', '1m1m', '30m1h', 'm', '1h30', '1e3s', '٣s', '5s\n'])
    assert.throws(() => parseDuration(text), ConfigError, JSON.stringify(text));
  assert.throws(() => parseDuration('30'), /say 30s or 30m/);
});

test('any text is a duration or a ConfigError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        assert.ok(parseDuration(text) >= 0);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
      }
    }),
  );
});

test('a duration written in hours, minutes and seconds is read back', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(59), fc.nat(59), (hours, minutes, seconds) => {
      assert.equal(
        parseDuration(`${hours}h${minutes}m${seconds}s`),
        (hours * 3600 + minutes * 60 + seconds) * 1000,
      );
    }),
  );
});

test('rates are read in k, M and G bits a second and need their unit', () => {
  assert.deepEqual(['20M', '500k', '1.5G'].map(parseRate), [20e6, 500e3, 1.5e9]);
  for (const text of ['', '20', '0M', '-1M', '20m', '20Mbit', 'M', '1e9k', `${'9'.repeat(400)}G`])
    assert.throws(() => parseRate(text), ConfigError, text);
  assert.throws(() => parseRate('20'), /say 20M or 20k/);
});

test('counts outside their bounds are refused by the name of their option', () => {
  assert.equal(parseCount('--workers', 1, 64)('4'), 4);
  for (const text of ['0', '65', '1.5', '-1', 'x', '', '0x10'])
    assert.throws(() => parseCount('--workers', 1, 64)(text), /--workers takes a whole number from 1 to 64/);
});

test('times and sizes are shown with the digits that matter', () => {
  assert.deepEqual([12.4, 820, 3600, 59_949, 59_960, 125_000, 3_599_999, 3_720_000].map(formatDuration), [
    '12 ms',
    '820 ms',
    '3.6 s',
    '59.9 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 00 min',
    '1 h 02 min',
  ]);
  assert.deepEqual([0, 999, 1400, 28_000, 280e6, 999_600, 3.2e9, 5e12].map(formatBytes), [
    '0 B',
    '999 B',
    '1.4 kB',
    '28 kB',
    '280 MB',
    '1.0 MB',
    '3.2 GB',
    '5000 GB',
  ]);
});
