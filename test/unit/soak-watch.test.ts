import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Outages } from '../../lab/traffic/outages.ts';
import { SoakOptions } from '../../lab/traffic/soak-options.ts';
import { judgeSoak, type SoakCriteria, type SoakInterval, SoakWatch } from '../../lab/verdict/soak.ts';

const CRITERIA: SoakCriteria = {
  ...{ durationS: 10, intervalS: 1, floorBps: 15e6, graceS: 2 },
  ...{ toleratedDips: 0, maxLossRatio: 0.01 },
};

function intervals(rates: readonly number[]): SoakInterval[] {
  return rates.map((rate, index) => ({ startS: index, endS: index + 1, bitsPerSecond: rate * 1e6 }));
}

function breachesOf(rates: readonly number[], criteria = CRITERIA): string[] {
  const watch = new SoakWatch(criteria);
  return intervals(rates).flatMap((interval) => {
    const breach = watch.see(interval);
    return breach === null ? [] : [`${breach.criterion}@${breach.atS}`];
  });
}

test('intervals of one criterion in a row are one breach, told when it begins', () => {
  assert.deepEqual(breachesOf([20, 20, 20, 14, 13, 20, 0, 0, 0, 14]), ['floor@3', 'stall@6', 'floor@9']);
  assert.deepEqual(breachesOf([0, 3, 20, 20]), [], 'the start, while rates settle, is not judged');
});

test('dips are forgiven up to their number, a stall never', () => {
  const tolerant = { ...CRITERIA, toleratedDips: 2 };
  assert.deepEqual(breachesOf([20, 20, 14, 20, 14, 20, 14, 20], tolerant), ['floor@6']);
  assert.deepEqual(breachesOf([20, 20, 0, 20], tolerant), ['stall@2']);
  const judged = judgeSoak(intervals([20, 20, 20, 20, 0, 20, 20, 20, 20, 20]), [], tolerant, null);
  assert.deepEqual([judged.verdict, judged.longestStallS], ['fail', 1]);
});

test('who watches sees the breaches that the judgement names', () => {
  const rates = fc.array(fc.constantFrom(0, 5, 14.9, 15, 20), { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(rates, fc.nat(4), (values, toleratedDips) => {
      const criteria = { ...CRITERIA, toleratedDips, durationS: values.length };
      const judged = judgeSoak(intervals(values), [], criteria, null);
      assert.deepEqual(
        judged.breaches.map(({ criterion, atS }) => `${criterion}@${atS}`),
        breachesOf(values, criteria),
      );
      assert.equal(judged.verdict, judged.breaches.length === 0 ? 'pass' : 'fail');
    }),
  );
});

const LOST = {
  interface: 'wlan1',
  event: 'CTRL-EVENT-DISCONNECTED',
  detail: 'bssid=02:00:00:00:00:00 reason=5',
};
const LEFT = { interface: 'wlan0', event: 'AP-STA-DISCONNECTED', detail: '02:00:00:00:01:00' };

test('a disconnect that both ends tell of is one', () => {
  const outages = new Outages();
  assert.equal(outages.see('hostapd.event', LEFT)?.begins, true);
  const again = outages.see('wpa_supplicant.event', LOST);
  assert.equal(again?.begins, false);
  assert.match(again?.message ?? '', /the station was disconnected \(.*reason=5\)/);
  assert.equal(
    outages.see('wpa_supplicant.event', LOST),
    null,
    'what fails while it is away is no other outage',
  );
  outages.see('hostapd.event', { interface: 'wlan0', event: 'AP-STA-CONNECTED' });
  outages.see('wpa_supplicant.event', { interface: 'wlan1', event: 'CTRL-EVENT-CONNECTED' });
  assert.equal(outages.see('wpa_supplicant.event', LOST)?.begins, true);
});

test('what is told of anything else is no disconnect', () => {
  const outages = new Outages();
  assert.equal(outages.see('hostapd.event', { interface: 'wlan0', event: 'AP-ENABLED' }), null);
  assert.equal(outages.see('console.line', { text: 'CTRL-EVENT-DISCONNECTED' }), null);
});

test('a soak at another rate has a floor of its own', () => {
  assert.equal(SoakOptions.parse({ server: { address: '192.168.77.1' }, rateBps: 5e6 }).floorBps, undefined);
});
