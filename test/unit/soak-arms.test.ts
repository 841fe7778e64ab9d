import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armsOf, parseArm, told } from '../../lab/cli/soak-arms.ts';
import { ConfigError } from '../../lab/errors.ts';
import { comparePairs } from '../../lab/verdict/soak/compare.ts';

test('an arm is a name, with a line before its segments, and with one after them', () => {
  assert.deepEqual(parseArm('plain'), { name: 'plain' });
  assert.deepEqual(parseArm('ps: iw dev wlan0 set power_save on'), {
    ...{ name: 'ps', begin: 'iw dev wlan0 set power_save on' },
  });
  assert.deepEqual(parseArm(' htb : tc add: x // tc del '), {
    name: 'htb',
    begin: 'tc add: x',
    end: 'tc del',
  });
  assert.deepEqual(parseArm('web: curl http://a/b'), { name: 'web', begin: 'curl http://a/b' });
  for (const wrong of ['', 'two words', ': x', 'a: b // c // d'])
    assert.throws(() => parseArm(wrong), ConfigError);
});

test('two arms of two names are compared, and nothing else', () => {
  assert.equal(armsOf([]), null);
  assert.equal(armsOf(['a', 'b: x'])?.[1].begin, 'x');
  for (const wrong of [['a'], ['a', 'b', 'c'], ['a', 'a: x']])
    assert.throws(() => armsOf(wrong), ConfigError);
});

test('the interval of a difference is that of Student for pairs, whatever both drift by', () => {
  const drift = [0, 5, 10, 15, 20];
  const differences = [1, 2, 3, 4, 5];
  const compared = comparePairs(drift.map((a, index) => ({ a, b: a + (differences[index] ?? 0) })));
  assert.ok(compared);
  assert.equal(compared.difference, 3);
  // 3 +- t(4) * s / sqrt(5), with s = sqrt(2.5) and t = 2.776.
  assert.ok(Math.abs(compared.low - 1.037) < 0.001 && Math.abs(compared.high - 4.963) < 0.001);
  assert.equal(comparePairs([{ a: 1, b: 2 }]), null);
  assert.equal(comparePairs(Array.from({ length: 100 }, (_, a) => ({ a, b: a })))?.high, 0);
});

test('of an interval with zero in it no difference is told', () => {
  const base = { arms: ['plain', 'htb'] as [string, string], segments: [], latency: null, leftOut: 0 };
  const compared = { meanA: 20e6, meanB: 18e6, difference: -2e6, low: -3e6, high: -1e6, pairs: 6 };
  assert.deepEqual(told({ ...base, throughput: compared }), [
    'throughput: plain 20.00 Mbit/s, htb 18.00 Mbit/s; difference -2.00 Mbit/s (-3.00 Mbit/s to -1.00 Mbit/s, 95 %, 6 rounds): htb is slower',
  ]);
  assert.match(told({ ...base, throughput: { ...compared, high: 1 } })[0] ?? '', /no difference is shown$/);
  assert.match(
    told({ ...base, throughput: null, leftOut: 2 }).join(' '),
    /too few rounds.* 2 rounds said nothing/,
  );
});
