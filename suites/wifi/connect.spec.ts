/** Stations join access points of every kind, get an address, and their traffic crosses the radio. */
import { expect, test } from '#hil/fixtures';

const NETWORKS = [
  { security: 'open', keyManagement: 'NONE', needs: [] },
  { security: 'wpa2', keyManagement: 'WPA2-PSK', needs: [] },
  { security: 'wpa3', keyManagement: 'SAE', needs: ['@needs:wpa3'] },
] as const;

/** 802.11 generation and channel; g in the 5 GHz band is 802.11a, where one may send only in a known country. */
const CHANNELS = [
  { mode: 'g', band: '2.4', channel: 1 },
  { mode: 'g', band: '2.4', channel: 6 },
  { mode: 'g', band: '2.4', channel: 11 },
  { mode: 'g', band: '5', channel: 36, country: 'DE' },
  { mode: 'n', band: '2.4', channel: 1 },
  { mode: 'n', band: '2.4', channel: 6 },
  { mode: 'n', band: '2.4', channel: 11 },
  { mode: 'n', band: '5', channel: 36, country: 'DE' },
] as const;

test.describe('connect', { tag: ['@needs:wifi-ap', '@needs:wifi-station'] }, () => {
  for (const { security, keyManagement, needs } of NETWORKS) {
    test(`a station joins a network (${security}), gets an address and reaches its access point`, {
      tag: [...needs],
    }, async ({ ap, station, board }) => {
      const net = await ap.start({ ssid: `hil-${security}`, security });
      const sta = await station.start({ ssid: net.info.ssid, security, frequencyMhz: net.info.frequencyMhz });
      expect(sta.info.keyManagement).toBe(keyManagement);
      expect(sta.info.bssid).toBe(net.info.bssid);
      expect((await net.stations()).length).toBe(1);
      const ping = await sta.ping(net.info.address, { count: 5 });
      expect(ping.received).toBe(ping.sent);
      board.metric('associationMs', sta.info.associationMs);
    });
  }

  for (const { mode, band, channel, ...where } of CHANNELS) {
    test(`a station joins 802.11${mode} on channel ${channel}`, { tag: `@needs:band-${band}` }, async ({
      ap,
      station,
    }) => {
      const net = await ap.start({ security: 'wpa2', mode, band, channel, ...where });
      expect(net.info.channel).toBe(channel);
      const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz, ...where });
      expect(sta.info.frequencyMhz).toBe(net.info.frequencyMhz);
      const ping = await sta.ping(net.info.address, { count: 3 });
      expect(ping.received).toBe(ping.sent);
    });
  }

  test('a station finds a hidden network by its name', async ({ ap, station }) => {
    const net = await ap.start({ ssid: 'hil-hidden', hidden: true });
    const sta = await station.start({
      ssid: 'hil-hidden',
      hidden: true,
      frequencyMhz: net.info.frequencyMhz,
    });
    expect(sta.info.bssid).toBe(net.info.bssid);
  });

  test('traffic crosses the radio', async ({ ap, station, ssh }) => {
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const received = async () =>
      Number(await ssh.check(`cat /sys/class/net/${net.info.interface}/statistics/rx_bytes`));
    const before = await received();
    const ping = await sta.ping(net.info.address, { count: 10 });
    expect(ping.received).toBe(ping.sent);
    expect((await received()) - before, 'bytes over the air').toBeGreaterThan(10 * 64);
  });
});
