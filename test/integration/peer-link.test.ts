/** A link whose other end is a peer of the lab file, reached by SSH, in a network namespace. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { HilError } from '../../lab/errors.ts';
import { makeBench } from './bench.ts';
import { sh } from './bundles.ts';
import { BOOT_MS, testLab } from './lab.ts';

const lab = testLab();
const bench = await makeBench(lab.state, { split: true });
process.env.HIL_LAB = bench.labFile;
after(async () => {
  await lab[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
});

/** Booted once. */
let held: LeasedBoard | null = null;

/** With its two radios, the second of which is the peer's. */
async function boardAndPeer(): Promise<LeasedBoard> {
  held ??= await lab.board({ boards: ['bench1'] });
  const board = held;
  await board.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
  await sh(
    board,
    '[ -e /run/netns/sta ] || { ip netns add sta; iw phy $(cat /sys/class/net/wlan1/phy80211/name) set netns name sta; }',
  );
  return board;
}

test('a board without a station has that of the peer it is linked with, traffic included', async () => {
  const board = await boardAndPeer();
  const { id: apId, info: ap } = await board.call('ap.start', { options: {} });
  assert.equal(ap.peer, null);
  const { id, info: station } = await board.call('station.start', { options: { frequencyMhz: 2412 } });
  assert.deepEqual([station.peer, station.interface, station.bssid], ['sta', 'wlan1', ap.bssid]);
  const { received } = await board.call('station.ping', { id, host: ap.address, count: 3 });
  assert.equal(received, 3);
  const intervals: number[] = [];
  const result = await board.call(
    'iperf3.run',
    {
      options: {
        durationS: 3,
        server: { address: ap.address, peer: ap.peer },
        client: { namespace: station.namespace, peer: station.peer },
      },
    },
    { onEvent: ({ bytes }) => intervals.push(bytes) },
  );
  assert.equal(result.error, undefined, result.error?.message);
  assert.equal(intervals.length, 3);
  assert.ok(result.bitsPerSecond > 1e6);
  // The server may as well be the peer's.
  const down = await board.call('iperf3.run', {
    options: {
      durationS: 2,
      server: { address: station.address, peer: 'sta' },
      client: { namespace: null, peer: null },
    },
  });
  assert.equal(down.error, undefined, down.error?.message);
  assert.match(await sh(board, 'ip netns exec sta iw dev wlan1 link'), /^Connected to/);
  await board.call('station.stop', { id });
  assert.doesNotMatch(await sh(board, 'ip netns exec sta iw dev wlan1 link'), /^Connected to/);
  await board.call('ap.stop', { id: apId });
});

test('the lab file has the last word on what a board is: radios, floors, and what a peer brings', async () => {
  const board = await boardAndPeer();
  const { profile } = await board.ready({ timeoutMs: BOOT_MS });
  assert.deepEqual(
    profile.radios.map(({ interface: name, role }) => [name, role]),
    [['wlan0', 'ap']],
  );
  assert.equal(profile.throughput.tcpFloorBps, 1e6);
  assert.ok(profile.capabilities.includes('wifi-station'));
});

test('what runs on a peer ends with the lease', async () => {
  const board = await boardAndPeer();
  await board.call('ap.start', { options: {} });
  await board.call('station.start', { options: { frequencyMhz: 2412 } });
  assert.equal((await sh(board, 'pgrep -c wpa_supplicant')).trim(), '1');
  await board.release('on');
  held = await lab.board({ boards: ['bench1'], fresh: false });
  assert.equal((await sh(held, 'pgrep -c wpa_supplicant')).trim(), '0');
});

test('a peer that can not be reached is told as such', async () => {
  const board = await boardAndPeer();
  await assert.rejects(
    board.call('iperf3.run', {
      options: {
        durationS: 1,
        server: { address: '127.0.0.1', peer: 'nowhere' },
        client: { namespace: null, peer: null },
      },
    }),
    (error) => error instanceof HilError && error.fault === 'lab' && /nowhere/.test(error.message),
  );
  await assert.rejects(
    board.call('iperf3.run', {
      options: { server: { address: '127.0.0.1', peer: 'nobody' }, client: { namespace: null, peer: null } },
    }),
    (error) => error instanceof HilError && /this lab has no peer "nobody"/.test(error.message),
  );
});
