/** A station that sleeps between beacons misses nothing. */
import { expect, test } from '#hil/fixtures';

const PINGS = 20;

test.describe('power save', { tag: ['@needs:wifi-ap', '@needs:wifi-station'] }, () => {
  test('a station that saves power answers, and goes back to being awake', async ({ ap, station, board }) => {
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const awake = await sta.ping(net.info.address, { count: PINGS });
    const supported = await sta.powerSave(true);
    test.skip(!supported, `${board.profile.driver.module} has no power save`);
    const asleep = await sta.ping(net.info.address, { count: PINGS });
    expect(asleep.received).toBeGreaterThanOrEqual(Math.ceil(PINGS * 0.9));
    await sta.powerSave(false);
    const again = await sta.ping(net.info.address, { count: PINGS });
    expect(again.received).toBeGreaterThanOrEqual(awake.received - 2);
  });
});
