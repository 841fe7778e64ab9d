import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SoakOptions } from '../../lab/traffic/soak-options.ts';
import { NO_SERIES, type SoakCriteria, type SoakInterval } from '../../lab/verdict/soak/criteria.ts';
import { judgeSoak } from '../../lab/verdict/soak/judge.ts';
import { Outages } from '../../lab/verdict/soak/outages.ts';
import { SoakWatch } from '../../lab/verdict/soak/watch.ts';

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
    return watch.see(interval).map(({ criterion, atS }) => `${criterion}@${atS}`);
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
  const judged = judgeSoak(
    { ...NO_SERIES, intervals: intervals([20, 20, 20, 20, 0, 20, 20, 20, 20, 20]) },
    tolerant,
  );
  assert.deepEqual([judged.verdict, judged.longestStallS], ['fail', 1]);
});

test('who watches sees the breaches that the judgement names', () => {
  const rates = fc.array(fc.constantFrom(0, 5, 14.9, 15, 20), { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(rates, fc.nat(4), (values, toleratedDips) => {
      const criteria = { ...CRITERIA, toleratedDips, durationS: values.length };
      const judged = judgeSoak({ ...NO_SERIES, intervals: intervals(values) }, criteria);
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
  reason: 5,
  detail: 'bssid=02:00:00:00:00:00 reason=5',
};
const LEFT = { interface: 'wlan0', event: 'AP-STA-DISCONNECTED', detail: '02:00:00:00:01:00' };

test('a disconnect that both ends tell of is one', () => {
  const outages = new Outages();
  const first = outages.see('hostapd.event', LEFT, 20);
  assert.deepEqual([first?.atS, first?.by], [20, 'unknown'], 'the access point only knows that it is gone');
  assert.equal(outages.see('wpa_supplicant.event', LOST, 21), null);
  assert.deepEqual([first?.by, first?.reason], ['access-point', 5], 'the station knows who and why');
  assert.match(
    first?.message ?? '',
    /lost its station.*by the access point, reason 5 \(the access point has too many/,
  );
  assert.equal(
    outages.see('wpa_supplicant.event', LOST, 22),
    null,
    'failing while it is away is no other outage',
  );
  outages.see('wpa_supplicant.event', { interface: 'wlan1', event: 'CTRL-EVENT-CONNECTED' }, 25);
  outages.see('hostapd.event', { interface: 'wlan0', event: 'AP-STA-CONNECTED' }, 25.1);
  assert.equal(first?.backAfterS, 5);
  assert.equal(outages.see('wpa_supplicant.event', LOST, 30)?.atS, 30);
  assert.equal(outages.all.length, 2);
});

test('who ended a connection is told by who made the frame, and why; another access point is a roam', () => {
  const by = (more: object) =>
    new Outages().see(
      'wpa_supplicant.event',
      { interface: 'w', event: 'CTRL-EVENT-DISCONNECTED', ...more },
      1,
    )?.by;
  assert.equal(by({ reason: 3, locallyGenerated: true }), 'station');
  assert.equal(by({ reason: 4, locallyGenerated: true }), 'air', 'it no longer heard the other');
  assert.equal(by({ reason: 4 }), 'access-point');
  const outages = new Outages();
  const connected = { interface: 'w', event: 'CTRL-EVENT-CONNECTED' };
  assert.equal(outages.see('wpa_supplicant.event', { ...connected, bssid: '02:00:00:00:00:00' }, 1), null);
  assert.equal(outages.see('wpa_supplicant.event', { ...connected, bssid: '02:00:00:00:00:00' }, 2), null);
  const roam = outages.see('wpa_supplicant.event', { ...connected, bssid: '02:00:00:00:00:01' }, 3);
  assert.deepEqual([roam?.by, roam?.backAfterS], ['station', 0]);
  assert.match(roam?.message ?? '', /roamed from 02:00:00:00:00:00 to 02:00:00:00:00:01/);
});

test('what is told of anything else is no disconnect', () => {
  const outages = new Outages();
  assert.equal(outages.see('hostapd.event', { interface: 'wlan0', event: 'AP-ENABLED' }, 1), null);
  assert.equal(outages.see('console.line', { text: 'CTRL-EVENT-DISCONNECTED' }, 1), null);
});

test('a soak at another rate has a floor of its own', () => {
  assert.equal(SoakOptions.parse({ server: { address: '192.168.77.1' }, rateBps: 5e6 }).floorBps, undefined);
});
