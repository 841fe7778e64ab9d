/** An access point that goes and comes back has its station again, each time. */
import { expect, test } from '#hil/fixtures';

const RESTARTS = 5;
const BACK_MS = 60_000;

test.describe('restarts', { tag: ['@needs:wifi-ap', '@needs:wifi-station'] }, () => {
  test(`a station comes back after each of ${RESTARTS} restarts of its access point`, async ({
    ap,
    station,
    board,
  }) => {
    test.setTimeout(RESTARTS * 2 * BACK_MS);
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    let longestMs = 0;
    for (let restart = 0; restart < RESTARTS; restart++) {
      const mark = await sta.mark();
      await net.restart();
      const started = performance.now();
      await sta.waitForEvent('CTRL-EVENT-CONNECTED', { since: mark, timeoutMs: BACK_MS });
      longestMs = Math.max(longestMs, performance.now() - started);
      const ping = await sta.ping(net.info.address, { count: 5 });
      expect(ping.received, `after restart ${restart + 1}`).toBeGreaterThan(0);
    }
    board.metric('backAfterRestartLongestMs', Math.round(longestMs));
  });
});
