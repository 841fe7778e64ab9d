import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EventKind, PayloadInput } from '../../lab/journal/event.ts';
import { Recent } from '../../lab/verdict/soak/before.ts';
import { NO_SERIES, type SoakCriteria, type SoakInterval } from '../../lab/verdict/soak/criteria.ts';
import { judgeSoak } from '../../lab/verdict/soak/judge.ts';
import { SoakRecord } from '../../lab/verdict/soak/record.ts';
import { trendOf } from '../../lab/verdict/soak/trend.ts';

const CRITERIA: SoakCriteria = {
  ...{ durationS: 60, intervalS: 1, floorBps: 10e6, graceS: 2, toleratedDips: 0, maxLossRatio: 0.01 },
};
const seconds = (rateOf: (second: number) => number): SoakInterval[] =>
  Array.from({ length: 60 }, (_, startS) => ({
    startS,
    endS: startS + 1,
    bitsPerSecond: rateOf(startS) * 1e6,
  }));
const steady = seconds(() => 20);

/** The one criterion that broke, when, and what was said of it. */
function broke(series: Partial<typeof NO_SERIES>, limits: Partial<SoakCriteria>): [string, number, string] {
  const { breaches, verdict } = judgeSoak({ ...NO_SERIES, ...series }, { ...CRITERIA, ...limits });
  assert.deepEqual([verdict, breaches.length], ['fail', 1], JSON.stringify(breaches));
  const [{ criterion, atS, message } = { criterion: '', atS: -1, message: '' }] = breaches;
  return [criterion, atS, message];
}
const passes = (series: Partial<typeof NO_SERIES>, limits: Partial<SoakCriteria>) =>
  assert.equal(judgeSoak({ ...NO_SERIES, ...series }, { ...CRITERIA, ...limits }).verdict, 'pass');

test('a mean over ten seconds shows what no single second does', () => {
  const intervals = seconds((second) => (second >= 30 ? 16 : 20));
  passes({ intervals }, { windowFloorBps: 15.9e6 });
  const [criterion, atS, message] = broke({ intervals }, { windowFloorBps: 17e6 });
  assert.deepEqual([criterion, atS], ['window', 37]);
  assert.match(message, /16\.8 Mbit\/s over the 10 s to second 38, under 17\.0/);
});

test('a stall may last as long as it may, and no longer', () => {
  const intervals = seconds((second) => (second >= 20 && second < 23 ? 0 : 20));
  passes({ intervals }, { maxStallS: 3 });
  assert.deepEqual(broke({ intervals }, { maxStallS: 2 }).slice(0, 2), ['stall', 20]);
});

test('disconnects may be forgiven; how long the recovery takes is judged by itself', () => {
  const intervals = seconds((second) => (second >= 20 && second < 26 ? 0 : 20));
  const disconnects = [{ atS: 19.5, message: 'gone' }];
  const forgiving = { maxDisconnects: 1, maxStallS: 10 };
  passes({ intervals, disconnects }, { ...forgiving, maxRecoveryS: 7 });
  const [criterion, atS, message] = broke({ intervals, disconnects }, { ...forgiving, maxRecoveryS: 5 });
  assert.deepEqual([criterion, atS], ['recovery', 24.5]);
  assert.match(message, /took 7 s, over 5 s/);
  const never = seconds((second) => (second < 50 ? 20 : 0));
  const last = broke(
    { intervals: never, disconnects: [{ atS: 50, message: 'gone' }] },
    { ...forgiving, maxRecoveryS: 5 },
  );
  assert.match(last[2], /had not come 10 s later/);
});

test('loss, segments sent again and latency are told from the first second in which they are too many', () => {
  const lossy = steady.map((each) => ({ ...each, packets: 1000, lostPackets: each.startS >= 40 ? 100 : 0 }));
  assert.deepEqual(broke({ intervals: lossy }, {}).slice(0, 2), ['loss', 40]);
  const again = steady.map((each) => ({ ...each, retransmits: each.startS >= 30 ? 20 : 0 }));
  passes({ intervals: again }, { maxRetransmitsPerS: 10 });
  assert.deepEqual(broke({ intervals: again }, { maxRetransmitsPerS: 9 }).slice(0, 2), ['retransmits', 30]);
  const latency = steady.map(({ startS: atS }) => ({ atS, timesMs: atS >= 45 ? [2, 300] : [2, 2] }));
  passes({ intervals: steady, latency }, { maxLatencyMs: 400 });
  assert.deepEqual(broke({ intervals: steady, latency }, { maxLatencyMs: 100 }).slice(0, 2), ['latency', 45]);
  assert.deepEqual(judgeSoak({ ...NO_SERIES, intervals: steady, latency }, CRITERIA).latencyMs, {
    ...{ min: 2, median: 2, p99: 300 },
  });
});

test('a rate that falls all the way is a drift; one that only varies is none', () => {
  const falling = seconds((second) => 20 - second * 0.1 + Math.sin(second * 2.7));
  assert.equal(broke({ intervals: falling }, { maxDriftRatio: 0.1 })[0], 'drift');
  passes({ intervals: falling }, { maxDriftRatio: 0.5 });
  passes({ intervals: seconds((second) => 20 + 3 * Math.sin(second * 2.7)) }, { maxDriftRatio: 0.05 });
});

test('memory that fills is a leak, unless the measure is too rough to say', () => {
  const memory = (kbPerS: number, noise: number) =>
    steady.map(({ startS: atS }) => ({ atS, usedKb: 5000 + kbPerS * atS + noise * Math.sin(atS * 1.9) }));
  assert.equal(broke({ intervals: steady, memory: memory(10, 20) }, { maxLeakKbPerMin: 100 })[0], 'leak');
  passes({ intervals: steady, memory: memory(1, 20) }, { maxLeakKbPerMin: 100 });
  passes({ intervals: steady, memory: memory(2, 5000) }, { maxLeakKbPerMin: 100 });
});

test('the interval of a trend has the true slope in about 95 of 100 cases, also where neighbours resemble each other', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647 - 0.5;
  };
  for (const memory of [0, 0.6]) {
    let hits = 0;
    for (let run = 0; run < 400; run++) {
      let noise = 0;
      const points = Array.from({ length: 120 }, (_, atS) => {
        noise = memory * noise + random();
        return { atS, value: 3 + 0.02 * atS + noise };
      });
      const trend = trendOf(points);
      if (trend && trend.low <= 0.02 && trend.high >= 0.02) hits++;
    }
    assert.ok(hits >= 340, `${hits} of 400 with ${memory}`);
  }
  assert.equal(trendOf([{ atS: 1, value: 1 }]), null);
});

test('what is judged is the same in whatever order its sources tell it, and times count from the first byte', () => {
  const record = new SoakRecord();
  const see = <K extends EventKind>(kind: K, data: PayloadInput<K>, at: number) => record.see(kind, data, at);
  const interval = (startS: number) =>
    ({ test: 't', startS, endS: startS + 1, bytes: 1, bitsPerSecond: 20e6 }) as const;
  see('probe.latency', { target: 'a', idle: true, expected: 5, timesMs: [1] }, 99);
  see('iperf3.interval', interval(0), 101.3);
  see('iperf3.interval', interval(1), 102.1);
  see('probe.latency', { target: 'a', idle: false, expected: 5, timesMs: [7] }, 102.6);
  see('probe.host', { busy: 1, steal: 0, lagMs: 0 }, 103.1);
  const gone = see(
    'wpa_supplicant.event',
    { interface: 'w', event: 'CTRL-EVENT-DISCONNECTED', reason: 2 },
    103.6,
  );
  assert.equal(gone?.by, 'access-point');
  const series = record.series(null);
  assert.deepEqual(
    series.latency.map(({ atS, timesMs }) => [Number(atS.toFixed(3)), timesMs]),
    [[2.5, [7]]],
    'what came before the traffic is no part of it, and the interval that was on its way least tells when it began',
  );
  assert.deepEqual(
    series.disconnects.map(({ atS }) => Number(atS.toFixed(3))),
    [3.5],
  );
  assert.equal(series.troubles.length, 1);
});

test('what every source told in the ten seconds before is kept, the last of it where it is much', () => {
  const recent = new Recent();
  recent.see('kernel.record', { seq: 1, level: 6, us: 0, text: 'long ago' }, 80);
  for (let line = 0; line < 50; line++) recent.see('console.line', { text: `line ${line}` }, 95 + line / 100);
  recent.see('kernel.record', { seq: 2, level: 3, us: 0, text: 'queue stopped' }, 98);
  recent.see('command.start', { id: '1', via: 'ssh', command: 'true' }, 98);
  recent.see('hostapd.event', { interface: 'wlan0', event: 'AP-STA-DISCONNECTED' }, 100.2);
  recent.see('kernel.record', { seq: 3, level: 6, us: 0, text: 'long after' }, 102);
  recent.mark(100);
  recent.mark(101);
  const lines = recent.before((at) => at - 50);
  assert.deepEqual(
    lines.filter(({ lane }) => lane !== 'console').map(({ atS, lane, bad }) => [atS, lane, bad]),
    [
      [48, 'kernel', true],
      [50.2, 'hostapd', false],
    ],
  );
  assert.deepEqual(
    lines.filter(({ lane }) => lane === 'console').map(({ text }) => text),
    Array.from({ length: 12 }, (_, index) => `line ${index + 38}`),
  );
});

test('neither order of limits nor of breaches changes a verdict', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 5, 12, 20), { minLength: 60, maxLength: 60 }), (rates) => {
      const intervals = seconds((second) => rates[second] ?? 0);
      const strict = judgeSoak({ ...NO_SERIES, intervals }, { ...CRITERIA, windowFloorBps: 9e6 });
      const lax = judgeSoak({ ...NO_SERIES, intervals }, CRITERIA);
      // Another limit never takes a breach away.
      assert.ok(strict.breaches.length >= lax.breaches.length);
      assert.deepEqual(
        strict.breaches.filter(({ criterion }) => criterion !== 'window'),
        lax.breaches,
      );
    }),
  );
});
