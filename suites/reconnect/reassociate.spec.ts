/** A station joins again and again, and its link is as good as at first. How often: HIL_RECONNECTS. */
import { expect, reconnectSettings, test } from '#hil/fixtures';

const { times } = reconnectSettings();
/** Of one association, on a slow board. */
const EACH_MS = 30_000;
const MARGIN_MS = 120_000;

test.describe('reassociation', { tag: ['@needs:wifi-ap', '@needs:wifi-station'] }, () => {
  test(`a station joins ${times} times, each time in time`, async ({ ap, station, board }) => {
    test.setTimeout(times * EACH_MS + MARGIN_MS);
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const { timesMs } = await sta.reassociate({ times, timeoutMs: EACH_MS });
    expect(timesMs).toHaveLength(times);
    const sorted = timesMs.toSorted((a, b) => a - b);
    board.metric('reassociationMedianMs', Math.round(sorted[Math.floor(times / 2)] ?? 0));
    board.metric('reassociationLongestMs', Math.round(sorted.at(-1) ?? 0));
    const ping = await sta.ping(net.info.address, { count: 5 });
    expect(ping.received).toBeGreaterThan(0);
  });
});
