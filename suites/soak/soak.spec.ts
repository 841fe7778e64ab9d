/** Sustained traffic holds its rate, second by second. Duration and rate: HIL_DURATION (seconds) and HIL_RATE (bit/s). */
import { expect, soakSettings, test } from '#hil/fixtures';

const { durationS, rateBps, floorBps } = soakSettings();
const MARGIN_MS = 120_000;

test.describe('soak', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:iperf3'] }, () => {
  test(`UDP at ${rateBps / 1e6} Mbit/s through WPA2 holds for ${durationS} s`, async ({
    board,
    ap,
    station,
    soak,
  }) => {
    test.setTimeout(durationS * 1000 + MARGIN_MS);
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const toleratedDips = Math.ceil(durationS / 60) * board.profile.throughput.dipsPerMinute;
    const result = await soak.run({
      ...{ rateBps, floorBps, durationS, toleratedDips },
      ...soak.between(net, sta),
    });
    expect(result).toSustain();
  });
});
