/** What a WPA2 link carries, in both directions, over TCP and UDP. */
import { expect, test } from '#hil/fixtures';

const TCP_FLOOR_BPS = 40e6;
const UDP_RATE_BPS = 20e6;

const CASES = [
  { protocol: 'tcp', direction: 'up', floorBps: TCP_FLOOR_BPS },
  { protocol: 'tcp', direction: 'down', floorBps: TCP_FLOOR_BPS },
  { protocol: 'udp', direction: 'up', floorBps: UDP_RATE_BPS * 0.98, rateBps: UDP_RATE_BPS },
  { protocol: 'udp', direction: 'down', floorBps: UDP_RATE_BPS * 0.98, rateBps: UDP_RATE_BPS },
] as const;

test.describe('throughput', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:iperf3'] }, () => {
  for (const { protocol, direction, floorBps, ...load } of CASES) {
    const least = `${Math.round(floorBps / 1e6)} Mbit/s`;
    test(`${protocol.toUpperCase()} ${direction} through WPA2 carries at least ${least}`, async ({
      ap,
      station,
      iperf,
    }) => {
      const net = await ap.start({ security: 'wpa2' });
      const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
      const result = await iperf.run({
        ...load,
        protocol,
        direction,
        durationS: 10,
        omitS: 1,
        ...iperf.between(net, sta),
      });
      expect(result).toHaveRun();
      expect(result.bitsPerSecond).toBeGreaterThanOrEqual(floorBps);
    });
  }
});
