/** What a WPA2 link carries, in both directions, over TCP and UDP. */
import { expect, test } from '#hil/fixtures';

const UDP_RATE_BPS = 20e6;

const CASES = [
  { protocol: 'tcp', direction: 'up' },
  { protocol: 'tcp', direction: 'down' },
  { protocol: 'udp', direction: 'up', rateBps: UDP_RATE_BPS },
  { protocol: 'udp', direction: 'down', rateBps: UDP_RATE_BPS },
] as const;

test.describe('throughput', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:iperf3'] }, () => {
  for (const { protocol, direction, ...load } of CASES) {
    test(`${protocol.toUpperCase()} ${direction} through WPA2 reaches the floor of the board`, async ({
      board,
      ap,
      station,
      iperf,
    }) => {
      const { tcpFloorBps, udpFloorRatio } = board.profile.throughput;
      const floorBps = protocol === 'tcp' ? tcpFloorBps : UDP_RATE_BPS * udpFloorRatio;
      const net = await ap.start({ security: 'wpa2' });
      const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
      const result = await iperf.run({
        ...load,
        protocol,
        direction,
        durationS: 4,
        omitS: 1,
        ...iperf.between(net, sta),
      });
      expect(result).toReach(floorBps);
    });
  }
});
