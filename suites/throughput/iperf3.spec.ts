/** What a WPA2 link carries: each way and both at a time, over TCP - in one stream and in several - and over UDP. */
import { expect, test } from '#hil/fixtures';

const UDP_RATE_BPS = 20e6;
const STREAMS = 4;

const DIRECTIONS = ['up', 'down', 'both'] as const;
const LOADS = [
  { name: 'TCP', protocol: 'tcp', parallel: 1 },
  { name: `TCP in ${STREAMS} streams`, protocol: 'tcp', parallel: STREAMS },
  { name: 'UDP', protocol: 'udp', parallel: 1 },
] as const;

test.describe('throughput', { tag: ['@needs:wifi-ap', '@needs:wifi-station', '@needs:iperf3'] }, () => {
  for (const { name, protocol, parallel } of LOADS)
    for (const direction of DIRECTIONS) {
      test(`${name} ${direction} through WPA2 reaches the floor of the board`, async ({
        board,
        ap,
        station,
        iperf,
      }) => {
        const { tcpFloorBps, udpFloorRatio } = board.profile.throughput;
        const udp = protocol === 'udp';
        const net = await ap.start({ security: 'wpa2' });
        const sta = await station.start({ security: 'wpa2', frequencyMhz: net.info.frequencyMhz });
        // Both ways share the air: each gets half of the rate.
        const rateBps = direction === 'both' ? UDP_RATE_BPS / 2 : UDP_RATE_BPS;
        const result = await iperf.run({
          ...{ protocol, direction, parallel, durationS: 4, omitS: 1 },
          ...(udp ? { rateBps } : {}),
          ...iperf.between(net, sta),
        });
        expect(result).toReach(udp ? UDP_RATE_BPS * udpFloorRatio : tcpFloorBps);
      });
    }
});
