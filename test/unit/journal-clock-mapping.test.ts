import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConsoleDelay, OffsetEstimate, through, toController } from '../../lab/journal/clock-mapping.ts';

const MS = 1e6;
const trip = fc.record({
  /** After the trip before. */
  pauseNs: fc.integer({ min: 0, max: 1e9 }),
  thereNs: fc.integer({ min: 0, max: 50 * MS }),
  backNs: fc.integer({ min: 0, max: 50 * MS }),
});
const trips = fc.array(trip, { minLength: 1, maxLength: 20 });
/** Crystals are off by tens of millionths. */
const driftPpm = fc.integer({ min: -150, max: 150 });

test('the true offset is never further off than the bound, however long the trips and whichever way they are slow', () => {
  const resolution = fc.constantFrom(1, 1000, 4 * MS);
  fc.assert(
    fc.property(
      trips,
      fc.integer({ min: -1e12, max: 1e12 }),
      driftPpm,
      resolution,
      (list, offsetNs, ppm, step) => {
        const estimate = new OffsetEstimate(step);
        let nowNs = 1e12;
        const offsetAt = (ns: number): number => offsetNs + ((ns - 1e12) * ppm) / 1e6;
        for (const { pauseNs, thereNs, backNs } of list) {
          const sentNs = nowNs + pauseNs;
          const readNs = sentNs + thereNs;
          nowNs = readNs + backNs;
          const boardNs = Math.floor((readNs - offsetAt(readNs)) / step) * step;
          assert.ok(estimate.add({ sentNs, receivedNs: nowNs, boardNs }));
        }
        const { mapping } = estimate;
        assert.ok(mapping);
        const laterNs = nowNs + 60e9;
        const { ns, boundNs } = toController(mapping, laterNs - offsetAt(laterNs));
        // A nanosecond for what doubles of this size round to.
        assert.ok(Math.abs(ns - laterNs) <= boundNs + 1, `${ns - laterNs} ns off, bound ${boundNs}`);
      },
    ),
  );
});

test('more readings never widen what one of them said, and a quick one narrows it', () => {
  const estimate = new OffsetEstimate();
  estimate.add({ sentNs: 0, receivedNs: 40 * MS, boardNs: 20 * MS });
  assert.equal(Math.round((estimate.mapping?.boundNs ?? 0) / MS), 20);
  estimate.add({ sentNs: 50 * MS, receivedNs: 54 * MS, boardNs: 52 * MS });
  assert.equal(Math.round((estimate.mapping?.boundNs ?? 0) / MS), 2);
  assert.equal(estimate.mapping?.samples, 2);
});

test('a clock that was set is recognised, and mapped anew', () => {
  const estimate = new OffsetEstimate();
  estimate.add({ sentNs: 0, receivedNs: MS, boardNs: 0 });
  assert.equal(estimate.add({ sentNs: 2 * MS, receivedNs: 3 * MS, boardNs: 3600e9 }), false);
  assert.equal(Math.round((estimate.mapping?.offsetNs ?? 0) / 1e9), -3600);
  assert.equal(estimate.mapping?.samples, 1);
});

test('a clock read by another one is as far off as both together', () => {
  const inner = { offsetNs: 10, boundNs: 2, atNs: 5, samples: 3 };
  const outer = { offsetNs: 100, boundNs: 7, atNs: 50, samples: 9 };
  assert.deepEqual(through(inner, outer), { offsetNs: 110, boundNs: 9, atNs: 50, samples: 3 });
});

test('from when a console line came it is known when it was logged, as well as its delays are alike', () => {
  const kernel = { offsetNs: 1e9, boundNs: MS, atNs: 1e9, samples: 5 };
  const delay = new ConsoleDelay();
  assert.equal(delay.mapping(kernel), null);
  for (const [us, lateNs] of [
    [1000, 2 * MS],
    [2000, 4 * MS],
    [3000, 3 * MS],
  ] as const)
    delay.heard(us, us * 1000 + 1e9 + lateNs);
  const mapping = delay.mapping(kernel);
  assert.equal(mapping?.offsetNs, -3 * MS);
  assert.ok((mapping?.boundNs ?? 0) >= 2 * MS && (mapping?.boundNs ?? 0) < 2.1 * MS);
  assert.equal(mapping?.samples, 3);
  delay.reset();
  assert.equal(delay.mapping(kernel), null);
});

test('only the last lines of a console count', () => {
  const kernel = { offsetNs: 0, boundNs: 0, atNs: 0, samples: 1 };
  const delay = new ConsoleDelay(2);
  for (const lateNs of [100 * MS, MS, 2 * MS]) delay.heard(0, lateNs);
  assert.equal(delay.mapping(kernel)?.offsetNs, -1.5 * MS);
});
