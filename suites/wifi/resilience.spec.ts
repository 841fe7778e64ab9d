/** Links come back when they can, and stay away when they must. */
import { expect, test } from '#hil/fixtures';

test.describe('resilience', { tag: ['@needs:wifi-ap', '@needs:wifi-station'] }, () => {
  test('a station that is thrown out comes back', async ({ ap, station }) => {
    const net = await ap.start({ security: 'wpa2' });
    const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
    const [client] = await net.stations();
    expect(client).toBeDefined();
    const mark = await sta.mark();
    await net.deauthenticate(client?.mac ?? '', 5);
    const lost = await sta.waitForEvent('CTRL-EVENT-DISCONNECTED', { since: mark });
    expect(lost.reason).toBe(5);
    await sta.waitForEvent('CTRL-EVENT-CONNECTED', { since: mark, timeoutMs: 60_000 });
  });

  test('a wrong passphrase is refused', async ({ ap, station, board }) => {
    const net = await ap.start({ security: 'wpa2', passphrase: 'the-right-passphrase' });
    await board.provoking({ signatures: ['handshake-timeout', 'deauth', 'assoc-fail'] }, async () => {
      const attempt = station.start({
        ...{ security: 'wpa2', passphrase: 'not-the-passphrase' },
        ...{ frequencyMhz: net.info.frequencyMhz, timeoutMs: 30_000 },
      });
      await expect(attempt).rejects.toMatchObject({ code: 'wrong-passphrase' });
    });
    expect(await net.stations()).toEqual([]);
  });
});
