/** Sustained traffic holds its rate, second by second. Duration and rate: HIL_DURATION (seconds) and HIL_RATE (bit/s). */
import { expect, soakSettings, test } from '#hil/fixtures';

const { durationS, rateBps, floorBps } = soakSettings();
const MARGIN_MS = 120_000;

test.describe('soak', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:iperf3'] }, () => {
  test(`UDP at ${rateBps / 1e6} Mbit/s through WPA2 holds for ${durationS} s`, async ({
    ap,
    station,
    soak,
  }) => {
    test.setTimeout(durationS * 1000 + MARGIN_MS);
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const result = await soak.run({ rateBps, floorBps, durationS, ...soak.between(net, sta) });
    expect(result).toHold();
  });
});
