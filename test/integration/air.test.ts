/** Two virtual boards in one air: an access point and a station, each with a kernel of its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LeasedBoard } from '../../lab/client/board.ts';
import type { Params, Result } from '../../lab/rpc/schema.ts';
import { endsBetween } from '../../lab/traffic/ends.ts';
import { SoakResult } from '../../lab/traffic/soak-options.ts';
import { sh } from './bundles.ts';
import { endAll, hil } from './hil.ts';
import { BOOT_MS, testLab } from './lab.ts';

const lab = testLab();
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
});

interface Scene {
  board: LeasedBoard;
  partner: LeasedBoard;
  ap: Result<'ap.start'>;
  station: Result<'station.start'>;
  ends: ReturnType<typeof endsBetween>;
}

let made: Promise<Scene> | null = null;

/** Both booted once, linked over the air; leases are of one client. */
function scene(): Promise<Scene> {
  made ??= makeScene();
  return made;
}

async function makeScene(): Promise<Scene> {
  const board = await lab.board({ boards: ['vb1'] });
  const { profile } = await board.ready();
  const partner = await lab.board({ boards: ['vb2'] });
  for (const each of [board, partner])
    await each.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
  const { radios } = await board.call('air.open', { partners: [partner.ref] });
  assert.deepEqual(radios, ['vb1/wlan0', 'vb1/wlan1', 'vb2/wlan0', 'vb2/wlan1']);
  const ap = await board.call('ap.start', { options: {} });
  const options = { frequencyMhz: ap.info.frequencyMhz };
  const station = await board.call('station.start', { options });
  const ends = endsBetween(profile, ap.info, station.info);
  return { board, partner, ap, station, ends };
}

/** The access point is heard so by the station, and the other way round. */
async function between({ board }: Scene, change: Params<'air.set'>['change']): Promise<void> {
  await board.call('air.set', { change: { ...change, from: 'vb1/wlan0', to: 'vb2/wlan1' } });
  await board.call('air.set', { change: { ...change, from: 'vb2/wlan1', to: 'vb1/wlan0' } });
}

test('a station is on the other board by itself, and its gateway on the first answers', async () => {
  const { board, partner, ap, station } = await scene();
  assert.deepEqual([ap.info.peer, station.info.peer], [null, 'vb2']);
  assert.match(await sh(partner, 'ip netns exec sta iw dev wlan1 link'), new RegExp(`to ${ap.info.bssid}`));
  const { stations } = await board.call('ap.stations', { id: ap.id });
  assert.equal(stations.length, 1);
  const ping = await board.call('station.ping', { id: station.id, host: ap.info.address, count: 5 });
  assert.equal(ping.received, 5);
});

test('the signal that was asked for is what the station hears', async () => {
  const all = await scene();
  await between(all, { signalDbm: -67 });
  const { board, ap, station } = all;
  await board.call('station.ping', { id: station.id, host: ap.info.address, count: 5 });
  const { signalDbm } = await board.call('station.status', { id: station.id });
  await between(all, { signalDbm: -30 });
  assert.equal(signalDbm, -67);
});

test('a delay that was asked for lengthens each way by as much', async () => {
  const all = await scene();
  const { board, ap, station } = all;
  const median = async () => {
    const { rttMs } = await board.call('station.ping', { id: station.id, host: ap.info.address, count: 11 });
    return rttMs.toSorted((a, b) => a - b)[5] ?? 0;
  };
  const before = await median();
  await between(all, { delayMs: 100 });
  const during = await median();
  await between(all, { delayMs: 0 });
  assert.ok(Math.abs(during - before - 200) < 20, `${before} ms, then ${during} ms`);
});

test('of a tenth that shall be lost a tenth is lost', async () => {
  const all = await scene();
  await between(all, { loss: 0.1 });
  const options = { ...all.ends, protocol: 'udp', rateBps: 4e6, durationS: 10 } as const;
  const { lossRatio = 0, packets = 0 } = await all.board
    .call('iperf3.run', { options })
    .then(({ lostPackets = 0, packets: sent = 0 }) => ({ lossRatio: lostPackets / sent, packets: sent }));
  await between(all, { loss: 0 });
  assert.ok(packets > 2000, `${packets} packets`);
  // A tenth of it, and three standard deviations of so many packets.
  const margin = 0.01 + 3 * Math.sqrt((0.1 * 0.9) / packets);
  assert.ok(Math.abs(lossRatio - 0.1) < margin, `${lossRatio} of ${packets}`);
});

test('more does not come through than a rate limit lets through', async () => {
  const all = await scene();
  await between(all, { rateBps: 5e6 });
  const options = { ...all.ends, protocol: 'udp', rateBps: 9e6, durationS: 6, omitS: 1 } as const;
  const { bitsPerSecond } = await all.board.call('iperf3.run', { options });
  await between(all, { rateBps: null });
  assert.ok(Math.abs(bitsPerSecond / 5e6 - 1) < 0.1, `${bitsPerSecond / 1e6} Mbit/s`);
});

test('a station joins anew as often as it is asked, and tells how long each time took', async () => {
  const all = await scene();
  const { board, station } = all;
  const asked = { id: station.id, timeoutMs: 30_000 };
  const { timesMs } = await board.call('station.reassociate', { ...asked, times: 3 });
  assert.equal(timesMs.length, 3);
  assert.ok(
    timesMs.every((time) => time > 5 && time < 30_000),
    timesMs.join(),
  );
  // What can't succeed says which of them it was.
  await between(all, { hears: false });
  await assert.rejects(board.call('station.reassociate', { ...asked, times: 5, timeoutMs: 3000 }), {
    ...{ fault: 'product', code: 'timeout' },
    message: /CTRL-EVENT-CONNECTED within 3 s \(association 1 of 5\)/,
  });
  await between(all, { hears: true });
  const { mark } = await board.call('station.mark', { id: station.id });
  const event = { id: station.id, mark, event: 'CTRL-EVENT-CONNECTED', timeoutMs: 60_000 };
  if ((await board.call('station.status', { id: station.id })).state !== 'COMPLETED')
    await board.call('station.waitForEvent', event);
});

test('a station sleeps between beacons while it is told to', async () => {
  const { board, partner, station } = await scene();
  const told = () => sh(partner, 'ip netns exec sta iw dev wlan1 get power_save');
  assert.deepEqual(await board.call('station.powerSave', { id: station.id, on: true }), { supported: true });
  assert.match(await told(), /Power save: on/);
  await board.call('station.powerSave', { id: station.id, on: false });
  assert.match(await told(), /Power save: off/);
});

test('a forged deauthentication throws the station out, with its reason; it comes back', async () => {
  const { board, station } = await scene();
  const { mark } = await board.call('station.mark', { id: station.id });
  await board.call('air.deauthenticate', { from: 'vb1/wlan0', to: 'vb2/wlan1', reason: 7 });
  const event = { id: station.id, mark };
  const lost = await board.call('station.waitForEvent', { ...event, event: 'CTRL-EVENT-DISCONNECTED' });
  assert.deepEqual([lost.reason, lost.locallyGenerated ?? false], [7, false]);
  await board.call('station.waitForEvent', { ...event, event: 'CTRL-EVENT-CONNECTED', timeoutMs: 60_000 });
});

test('a jammer takes the station its beacons, until it ends', async () => {
  const { board, station, ap } = await scene();
  const { mark } = await board.call('station.mark', { id: station.id });
  const event = { id: station.id, mark };
  const { frequencyMhz } = ap.info;
  await board.call('air.jam', { frequencyMhz, powerDbm: 0 });
  const lost = await board.call('station.waitForEvent', { ...event, event: 'CTRL-EVENT-DISCONNECTED' });
  await board.call('air.jam', { frequencyMhz, powerDbm: null });
  assert.equal(lost.locallyGenerated, true);
  await board.call('station.waitForEvent', { ...event, event: 'CTRL-EVENT-CONNECTED', timeoutMs: 60_000 });
});

test('a radio that listens hears the others; the capture of the air can be read', async () => {
  const { board, partner, station, ap } = await scene();
  const capture = join(lab.state, 'air.pcapng');
  await board.call('air.set', { change: { overhears: true, to: 'vb2/wlan0' } });
  await sh(
    partner,
    `ip link set wlan0 down && iw dev wlan0 set type monitor && ip link set wlan0 up && iw dev wlan0 set freq ${ap.info.frequencyMhz}`,
  );
  const ear = partner.exec(
    'timeout -s INT 60 tcpdump -i wlan0 -c 6 -nn -e "type data and (wlan addr1 $AP or wlan addr2 $AP)"'.replaceAll(
      '$AP',
      ap.info.bssid,
    ),
  );
  await board.call('air.capture', { path: capture });
  let ended: Awaited<typeof ear> | null = null;
  void ear.then((result) => {
    ended = result;
  });
  // It may begin to listen a moment later.
  for (let round = 0; round < 20 && ended === null; round++)
    await board.call('station.ping', { id: station.id, host: ap.info.address, count: 5 });
  const { exitCode } = await ear;
  const { left } = await board.call('air.capture', { path: null });
  assert.deepEqual([exitCode, left], [0, 0]);
  await board.call('ssh.upload', { source: { path: capture }, remotePath: '/tmp/air.pcapng' });
  const read = await sh(board, 'tcpdump -r /tmp/air.pcapng -nn -e 2>&1');
  assert.match(read, /2412 MHz.*-30dBm signal.*Beacon \(hil\)/);
  assert.match(read, /Data IV/);
});

test('a radio that is not there is named, with those that are', async () => {
  const { board } = await scene();
  await assert.rejects(board.call('air.set', { change: { loss: 0.5, to: 'vb3/wlan0' } }), {
    ...{ fault: 'config', code: 'unknown-radio' },
    hint: 'there are: vb1/wlan0, vb1/wlan1, vb2/wlan0, vb2/wlan1',
  });
});

test('a board that shares no air says so; one that shares it twice too', async () => {
  const { board, partner } = await scene();
  await assert.rejects(partner.call('air.counts', {}), { fault: 'config', code: 'no-air' });
  await assert.rejects(board.call('air.open', { partners: [partner.ref] }), { fault: 'config' });
});

test('a board that is reset has left the air; the other is in it still', async () => {
  const { board } = await scene();
  await board.power('reset');
  await board.ready({ timeoutMs: BOOT_MS });
  const { counts } = await board.call('air.counts', {});
  const radios = new Set(counts.flatMap(({ from, to }) => [from, to]));
  assert.deepEqual([...radios].sort(), ['vb2/wlan0', 'vb2/wlan1']);
});

test('with the lease the air ends, and the radios of a board hear each other alone again', async () => {
  const { board, partner, station } = await scene();
  await board.call('station.stop', { id: station.id });
  await board.release('on');
  assert.equal((await sh(partner, 'pgrep -c air-agent || true')).trim(), '0');
  const ap = await partner.call('ap.start', { options: { interface: 'wlan0' } });
  const own = await partner.call('station.start', { options: { frequencyMhz: ap.info.frequencyMhz } });
  assert.equal(own.info.peer, null);
});

test('hil soak has the station on the other board, heard as it is told', async () => {
  const { partner } = await scene();
  await partner.release('on');
  const { code, stdout, stderr } = await hil(
    ...['soak', 'vb1', '--air', 'vb2', '--hearing', 'delay=30ms', '--duration', '5s', '--rate', '4M'],
    ...['--floor', '1M', '--json'],
  );
  assert.equal(code, 0, stderr);
  const { latencyMs, iperf3 } = SoakResult.parse(JSON.parse(stdout));
  // There and back, over the air.
  assert.ok((latencyMs?.min ?? 0) >= 60, JSON.stringify(latencyMs));
  assert.equal(iperf3.error, undefined);
  for (const name of ['vb1', 'vb2']) await hil('power', name, 'off');
});
