/** A station goes from one access point to another of the same network: two boards in one air. */
import { expect, test } from '#hil/fixtures';

const SECOND = '192.168.77.2';
const ROAM_MS = 30_000;

test.describe('roaming', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:shared-air'] }, () => {
  test('a station roams to another access point, and back', async ({ air, ap, station, board }) => {
    const first = await ap.start({ security: 'wpa2', channel: 1 });
    const second = await ap.start({
      ...{ security: 'wpa2', channel: 6, on: air.partner, address: `${SECOND}/24`, dhcp: false },
    });
    // It looks at all channels, so that it knows both.
    const sta = await station.start({ security: 'wpa2', on: board.name, bssid: first.info.bssid });
    await sta.command('set_network 0 bssid any');
    for (const { bssid, address } of [second.info, first.info]) {
      const mark = await sta.mark();
      await sta.command(`roam ${bssid}`);
      await sta.waitForEvent('CTRL-EVENT-CONNECTED', { since: mark, timeoutMs: ROAM_MS });
      const { fields } = await sta.status();
      expect(fields.bssid).toBe(bssid);
      const ping = await sta.ping(address, { count: 5 });
      expect(ping.received).toBeGreaterThan(0);
    }
  });

  test('a station that loses sight of its access point is back when it can see it', async ({
    air,
    ap,
    station,
    board,
  }) => {
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    await board.provoking({}, async () => {
      const mark = await sta.mark();
      await air.set({ hears: false, from: net, to: sta });
      await sta.waitForEvent('CTRL-EVENT-DISCONNECTED', { since: mark, timeoutMs: ROAM_MS });
      await air.set({ hears: true, from: net, to: sta });
      await sta.waitForEvent('CTRL-EVENT-CONNECTED', { since: mark, timeoutMs: 2 * ROAM_MS });
      const ping = await sta.ping(net.info.address, { count: 5 });
      expect(ping.received).toBeGreaterThan(0);
    });
  });
});
