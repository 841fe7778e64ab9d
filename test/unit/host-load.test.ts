import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { threadSeconds } from '../../lab/process.ts';
import { busiest, HostProbe, loadBetween, parseStat } from '../../lab/traffic/probes/host.ts';
import { NO_SERIES, type SoakCriteria } from '../../lab/verdict/soak/criteria.ts';
import { judgeSoak } from '../../lab/verdict/soak/judge.ts';
import { SoakRecord } from '../../lab/verdict/soak/record.ts';
import { mostlySaturated, saturation } from '../../lab/verdict/soak/saturation.ts';

test('/proc/stat says how much of the processors was used, and by whom', () => {
  const before = parseStat('cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n');
  const after = parseStat('cpu  160 0 70 810 50 0 0 10 60 0\n');
  assert.ok(before && after);
  assert.deepEqual(loadBetween(before, after), { busy: 0.9, steal: 0.1 });
  assert.deepEqual(loadBetween(after, after), { busy: 0, steal: 0 });
  for (const text of ['', 'cpu  1 2 3\n', 'cpu0 1 2 3 4 5 6 7 8\n', 'cpu  a b c d e f g h\n'])
    assert.equal(parseStat(text), null);
  assert.ok(parseStat(readFileSync('/proc/stat', 'utf8')), 'that of this machine');
});

test('a machine without time is told from one that is merely busy', () => {
  const load = { busy: 0.5, steal: 0, lagMs: 5, emulator: 0.9 };
  assert.equal(saturation(load), null);
  assert.equal(saturation({ ...load, busy: 0.9 }), null);
  assert.match(saturation({ ...load, busy: 0.99 })?.why ?? '', /processors were 99 % busy/);
  assert.match(saturation({ ...load, steal: 0.3 })?.why ?? '', /others took 30 %/);
  assert.match(saturation({ ...load, lagMs: 900 })?.why ?? '', /900 ms late/);
  const emulated = saturation({ ...load, emulator: 0.98 });
  assert.deepEqual(emulated, { why: 'the emulated processor of the board was 98 % busy', slow: true });
  assert.equal(saturation({ ...load, emulator: 1, busy: 1 })?.slow, false);
  const full = { ...load, busy: 1 };
  assert.equal(mostlySaturated([full, load, load, load]), null);
  assert.match(mostlySaturated([full, load, load]) ?? '', /busy/);
  assert.equal(mostlySaturated([]), null);
});

test('the probe tells how busy this machine is', async () => {
  const { promise, resolve } = Promise.withResolvers<{ busy: number; lagMs: number }>();
  // The probe keeps no process alive.
  const alive = setInterval(() => undefined, 1000);
  {
    using _probe = new HostProbe(resolve);
    const { busy, lagMs } = await promise;
    assert.ok(busy >= 0 && busy <= 1 && lagMs > 0);
  }
  clearInterval(alive);
});

const CRITERIA: SoakCriteria = {
  ...{ durationS: 10, intervalS: 1, floorBps: 15e6, graceS: 2, toleratedDips: 0, maxLossRatio: 0.01 },
};
const seconds = (rates: Record<number, number>) =>
  Array.from({ length: 10 }, (_, startS) => {
    const bitsPerSecond = rates[startS] ?? 20e6;
    return { startS, endS: startS + 1, bytes: bitsPerSecond / 8, bitsPerSecond };
  });

test('a dip while the lab machine had no time is inconclusive; any other breach is a failure all the same', () => {
  const trouble = { fromS: 5, toS: 6, why: 'the machine was busy', slow: false, ours: false };
  const judged = (rates: Record<number, number>, disconnects: { atS: number; message: string }[] = []) =>
    judgeSoak({ ...NO_SERIES, intervals: seconds(rates), disconnects, troubles: [trouble] }, CRITERIA);
  const excused = judged({ 5: 3e6, 6: 0 });
  assert.equal(excused.verdict, 'inconclusive');
  assert.match(
    excused.message,
    /3\.0 Mbit\/s at second 5, .* but then the machine was busy: that says nothing/,
  );
  assert.equal(judged({}).verdict, 'pass', 'trouble alone breaks nothing');
  assert.equal(judged({ 5: 3e6 }, [{ atS: 5, message: 'gone' }]).verdict, 'fail', 'a disconnect is no delay');
  const other = judged({ 5: 3e6, 8: 1e6 });
  assert.equal(other.verdict, 'fail');
  assert.match(other.message, /1\.0 Mbit\/s at second 8/, 'what the lab does not explain is what counts');
});

test('an emulated processor without time excuses a dip, but nothing that stands still', () => {
  const trouble = {
    fromS: 5,
    toS: 6,
    why: 'the emulated processor of the board was 99 % busy',
    slow: true,
    ours: false,
  };
  const judged = (rates: Record<number, number>) =>
    judgeSoak({ ...NO_SERIES, intervals: seconds(rates), troubles: [trouble] }, CRITERIA);
  assert.equal(judged({ 5: 12e6 }).verdict, 'inconclusive');
  const stalled = judged({ 5: 0 });
  assert.equal(stalled.verdict, 'fail');
  assert.match(stalled.message, /nothing arrived/);
});

test('of all threads of all emulated boards the busiest counts', () => {
  const sample = (atMs: number, ...threads: (Record<number, number> | null)[]) => ({
    ...{ times: null, atMs },
    threads: threads.map((each) =>
      each === null ? null : new Map(Object.entries(each).map(([id, used]) => [Number(id), used])),
    ),
  });
  const before = sample(0, { 1: 10, 2: 5 }, { 7: 1 });
  assert.equal(busiest(before, sample(2000, { 1: 10.2, 2: 6 }, { 7: 2.6 })), 0.8);
  // A thread that came meanwhile, and a board that was switched off or on, say nothing.
  assert.equal(busiest(before, sample(1000, { 1: 10, 3: 50 }, null)), 0);
  assert.equal(busiest(sample(0, null), sample(1000, { 1: 3 })), 0);
});

test('the threads of a process are told with the time they used; of one that has ended nothing', () => {
  const started = performance.now();
  while (performance.now() - started < 60);
  const used = threadSeconds(process.pid);
  assert.ok((used?.get(process.pid) ?? 0) > 0.05, JSON.stringify([...(used ?? [])]));
  assert.equal(threadSeconds(2 ** 22 + 1), null);
});

test('what the harness does at a breach explains what comes after it, and not that breach', () => {
  const record = new SoakRecord();
  const events: [number, number][] = [3, 4, 5, 6, 7, 8].map((startS) => [
    startS,
    startS === 4 || startS === 6 ? 9e6 : 20e6,
  ]);
  for (const [startS, bitsPerSecond] of events) {
    const interval = { test: 't', startS, endS: startS + 1, bytes: 1, bitsPerSecond };
    record.see('iperf3.interval', interval, 100 + startS + 1);
    if (startS === 4) record.see('soak.collecting', { soak: 's', ended: false }, 100 + startS + 1.0001);
    if (startS === 7) record.see('soak.collecting', { soak: 's', ended: true }, 100 + startS + 1);
  }
  const series = record.series(null);
  const judged = judgeSoak({ ...series, intervals: seconds({ 4: 9e6, 6: 9e6 }) }, CRITERIA);
  assert.equal(judged.verdict, 'fail');
  assert.match(judged.message, /at second 4,/);
  const later = judgeSoak({ ...series, intervals: seconds({ 6: 9e6 }) }, CRITERIA);
  assert.equal(later.verdict, 'inconclusive');
  assert.match(later.message, /the harness was collecting/);
  assert.equal(
    judgeSoak({ ...series, intervals: seconds({ 9: 9e6 }) }, CRITERIA).verdict,
    'fail',
    'it had ended',
  );
});
