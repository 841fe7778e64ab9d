import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import type { ApInfo } from '../../lab/links/ap-options.ts';
import type { StationInfo } from '../../lab/links/station-options.ts';
import { failure } from '../failure.ts';
import { testLab } from './lab.ts';

const lab = testLab();
let board: LeasedBoard;

before(async () => {
  board = await lab.board();
});
after(() => lab[Symbol.asyncDispose]());
beforeEach(async () => {
  await board.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
});

/** What a link must not leave behind. */
async function nothingLeft(): Promise<void> {
  const { stdout } = await board.call('ssh.run', {
    command:
      'ps -eo pid,ppid,stat,args | grep -E " (hostapd|wpa_supplicant|dnsmasq|iperf3) " | grep -v grep; ip netns; ls /run/hil | grep -v -e host_key -e authorized_keys; ip -4 addr show dev wlan0 | grep inet; true',
  });
  assert.equal(stdout, '');
  const { interfaces } = await wireless();
  assert.deepEqual(interfaces, ['wlan0', 'wlan1']);
}

async function wireless(): Promise<{ interfaces: string[] }> {
  const { stdout } = await board.call('ssh.run', { command: "iw dev | sed -n 's/^\\tInterface //p' | sort" });
  return {
    interfaces: stdout
      .trim()
      .split('\n')
      .filter((name) => name.startsWith('wlan')),
  };
}

/** Stopped again whatever happens, so that a failure stays with its own test. */
async function withAp(options: object, work: (frequencyMhz: number) => Promise<void>): Promise<void> {
  const ap = await board.call('ap.start', { options });
  try {
    await work(ap.info.frequencyMhz);
  } finally {
    await board.call('ap.stop', { id: ap.id });
  }
}

async function link<T>(
  work: (ap: { id: string; info: ApInfo }, station: { id: string; info: StationInfo }) => Promise<T>,
): Promise<T> {
  const ap = await board.call('ap.start', { options: {} });
  try {
    const station = await board.call('station.start', { options: { frequencyMhz: ap.info.frequencyMhz } });
    try {
      return await work(ap, station);
    } finally {
      await board.call('station.stop', { id: station.id });
    }
  } finally {
    await board.call('ap.stop', { id: ap.id });
  }
}

test('an access point and a station come up over the air, and leave nothing behind', async () => {
  await link(async (ap, { info }) => {
    assert.equal(info.namespace, 'sta');
    assert.equal(info.bssid, ap.info.bssid);
    assert.match(info.address, /^192\.168\.77\.\d+$/);
    assert.notEqual(info.address, ap.info.address);
    const { stations } = await board.call('ap.stations', { id: ap.id });
    assert.deepEqual(
      stations.map(({ flags }) => flags.includes('authorized')),
      [true],
    );
  });
  await nothingLeft();
});

test('a wrong passphrase is the product refusing, with its code, and is undone', async () => {
  await withAp({}, async (frequencyMhz) => {
    const options = { frequencyMhz, passphrase: 'not the passphrase' };
    const error = await failure(board.call('station.start', { options }));
    assert.deepEqual([error.fault, error.code], ['product', 'wrong-passphrase']);
  });
  await nothingLeft();
});

test('a network that is not there is told with those that are', async () => {
  await withAp({ ssid: 'the only one' }, async () => {
    // Time for a scan of all channels on a slow machine.
    const options = { ssid: 'another', timeoutMs: 20_000 };
    const error = await failure(board.call('station.start', { options }));
    assert.equal(error.code, 'network-not-found');
    assert.match(error.hint ?? '', /the only one/);
  });
});

test('what keeps an access point from coming up is said with whose fault it is', async () => {
  const start = (options: object) => failure(board.call('ap.start', { options }));
  const channel = await start({ band: '2.4', channel: 14 });
  assert.deepEqual([channel.fault, channel.code], ['config', 'channel-forbidden']);
  const name = await start({ interface: 'wlan7' });
  assert.deepEqual([name.fault, name.code], ['product', 'no-interface']);
  assert.match(name.hint ?? '', /wlan0/);
  const line = await start({ extra: ['no_such_option=1'] });
  assert.deepEqual([line.fault, line.code], ['config', 'hostapd-config']);
  assert.match(line.message, /no_such_option/);
  await board.call('ssh.run', { command: 'rfkill block wifi' });
  assert.equal((await start({})).code, 'rfkill');
  await board.call('ssh.run', { command: 'rfkill unblock wifi' });
  await nothingLeft();
});

test('without its driver there is no interface, and the reason is given', async () => {
  await board.call('module.unload', { module: 'mac80211_hwsim' });
  const error = await failure(board.call('ap.start', { options: {} }));
  assert.match(error.hint ?? '', /is the driver loaded/);
  const missing = await failure(board.call('module.load', { module: 'rtw88_8822bu', parameters: {} }));
  assert.equal(missing.fault, 'product');
  assert.match(missing.message, /rtw88_8822bu/);
});

test('a link that stands still is found while iperf3 itself would hang', async () => {
  await link(async (ap, { info }) => {
    const options = {
      durationS: 60,
      server: { address: ap.info.address },
      client: { namespace: info.namespace },
      stallTimeoutS: 8,
      rateBps: 10e6,
      floorBps: 5e6,
    };
    let cut = false;
    const result = await board.call(
      'soak.run',
      { options },
      {
        onEvent: (event) => {
          if (cut || !('interval' in event) || event.interval.endS < 3) return;
          cut = true;
          void board.call('ssh.run', {
            command:
              'tc qdisc add dev wlan0 root netem loss 100%; ip netns exec sta tc qdisc add dev wlan1 root netem loss 100%',
          });
        },
      },
    );
    await board.call('ssh.run', {
      command: 'tc qdisc del dev wlan0 root; ip netns exec sta tc qdisc del dev wlan1 root',
    });
    assert.equal(result.verdict, 'fail');
    assert.ok(
      result.breaches.some(({ criterion }) => criterion === 'stall'),
      result.message,
    );
    assert.ok(result.longestStallS >= 7, `${result.longestStallS} s`);
    assert.ok(result.iperf3.intervals.length < 40, 'it was ended long before its time');
  });
  await nothingLeft();
});

test('iperf3 that cannot be reached is the lab, not the product', async () => {
  await link(async (_, { info }) => {
    const options = { durationS: 3, server: { address: '127.0.0.1' }, client: { namespace: info.namespace } };
    const { error } = await board.call('iperf3.run', { options });
    assert.deepEqual([error?.fault, error?.code], ['lab', 'connection-refused']);
  });
  await nothingLeft();
});
