/** The air between radios: who hears whom, and what it costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deauthentication, headerOf, payloadBytes } from '../../lab/virtual/ether/ieee80211.ts';
import { type Fate, Medium, type Radio } from '../../lab/virtual/ether/medium.ts';
import type { RateTry, SentFrame } from '../../lab/virtual/ether/netlink.ts';
import { AirOptions } from '../../lab/virtual/ether/options.ts';

const MCS7: RateTry = { index: 7, count: 1, flags: 8 };
const ADDRESS = { ap: '02aaaaaaaa00', sta: '02bbbbbbbb01', ear: '02cccccccc02' } as const;

/** Numbers in [0, 1) that are the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Data from one address to another, with so many bytes of an IP packet in it. */
function data(to: string, from: string, bytes = 1500): Buffer {
  const frame = Buffer.alloc(26 + 16 + 8 + bytes);
  frame[0] = 0x88;
  frame[1] = 0x41;
  frame.write(to, 4, 'hex');
  frame.write(from, 10, 'hex');
  return frame;
}

function sent(frame: Buffer, tries: RateTry[] = [MCS7], frequencyMhz = 2412): SentFrame {
  return { radio: '', frame, wantsStatus: true, frequencyMhz, tries, cookie: 1n };
}

interface Scene {
  medium: Medium;
  ap: Radio;
  sta: Radio;
  ear: Radio;
  /** From the access point to the station. */
  down(options?: { bytes?: number; tries?: RateTry[]; nowMs?: number }): Fate;
}

function scene(options: Partial<AirOptions> = {}): Scene {
  const medium = new Medium(AirOptions.parse(options), seeded(1));
  const radio = (name: string): Radio => ({ name, key: Buffer.alloc(6) });
  const ap = radio('vb1/wlan0');
  const sta = radio('vb2/wlan1');
  const ear = radio('vb3/wlan0');
  for (const each of [ap, sta, ear]) medium.add(each);
  // Each has sent once, so that its address is known.
  medium.transmit(ap, sent(data('ffffffffffff', ADDRESS.ap, 40)), 0);
  medium.transmit(sta, sent(data('ffffffffffff', ADDRESS.sta, 40)), 0);
  medium.transmit(ear, sent(data('ffffffffffff', ADDRESS.ear, 40)), 0);
  const down: Scene['down'] = ({ bytes, tries, nowMs = 1000 } = {}) =>
    medium.transmit(ap, sent(data(ADDRESS.sta, ADDRESS.ap, bytes), tries), nowMs);
  return { medium, ap, sta, ear, down };
}

const names = (fate: Fate): string[] => fate.deliveries.map(({ to }) => to.name);

test('what is for one is heard by that one, at once, and acknowledged', () => {
  const fate = scene().down();
  assert.deepEqual(names(fate), ['vb2/wlan1']);
  assert.deepEqual([fate.deliveries[0]?.atMs, fate.deliveries[0]?.signalDbm], [1000, -30]);
  assert.equal(fate.status.acknowledged, true);
  assert.deepEqual(fate.status.tries, [MCS7]);
});

test('a radio that listens hears what is for others', () => {
  const { medium, down } = scene();
  medium.set({ overhears: true, to: 'vb3/wlan0' });
  assert.deepEqual(names(down()), ['vb2/wlan1', 'vb3/wlan0']);
});

test('what is for several is heard by all, and acknowledged by none', () => {
  const { medium, ap } = scene();
  const fate = medium.transmit(ap, sent(data('ffffffffffff', ADDRESS.ap)), 5);
  assert.deepEqual(names(fate), ['vb2/wlan1', 'vb3/wlan0']);
  assert.equal(fate.status.acknowledged, false);
});

test('a frame for an address that nobody has used is heard by all, and acknowledged by none', () => {
  const { medium, ap } = scene();
  const fate = medium.transmit(ap, sent(data('02dddddddddd', ADDRESS.ap)), 5);
  assert.deepEqual(names(fate), ['vb2/wlan1', 'vb3/wlan0']);
  assert.equal(fate.status.acknowledged, false);
});

test('a radio is known by the address it used last, and forgotten when it goes', () => {
  const { medium, ap, ear, down } = scene();
  medium.transmit(ear, sent(data('ffffffffffff', ADDRESS.sta)), 5);
  assert.deepEqual(names(down()), ['vb3/wlan0']);
  medium.remove(ear);
  assert.deepEqual(names(down()), ['vb2/wlan1']);
  assert.equal(down().status.acknowledged, false);
  assert.equal(medium.lastUse(ap)?.address, ADDRESS.ap);
});

test('out of range nothing arrives, all tries are used, and nobody acknowledges', () => {
  const { medium, down } = scene();
  medium.set({ hears: false, from: 'vb1/wlan0', to: 'vb2/wlan1' });
  const tries = [
    { ...MCS7, count: 2 },
    { index: 0, count: 3, flags: 0 },
  ];
  const fate = down({ tries });
  assert.deepEqual([names(fate), fate.status.acknowledged, fate.status.tries], [[], false, tries]);
});

test('who can be heard but does not hear is not acknowledged, though the frame arrives', () => {
  const { medium, down } = scene();
  medium.set({ hears: false, from: 'vb2/wlan1', to: 'vb1/wlan0' });
  const fate = down();
  assert.deepEqual([names(fate), fate.status.acknowledged], [['vb2/wlan1'], false]);
});

test('what was asked of all holds for a radio that comes later', () => {
  const medium = new Medium(AirOptions.parse({}), seeded(1));
  medium.set({ signalDbm: -60, to: 'vb2/wlan1' });
  const ap: Radio = { name: 'vb1/wlan0', key: Buffer.alloc(6) };
  medium.add(ap);
  medium.add({ ...ap, name: 'vb2/wlan1' });
  const fate = medium.transmit(ap, sent(data('ffffffffffff', ADDRESS.ap)), 0);
  assert.equal(fate.deliveries[0]?.signalDbm, -60);
});

test('loss is lost for good in the share asked for, whatever the tries', () => {
  const { medium, down } = scene();
  medium.set({ loss: 0.1 });
  const tries = [{ ...MCS7, count: 4 }];
  const fates = Array.from({ length: 20_000 }, () => down({ tries }));
  const lost = fates.filter(({ deliveries }) => deliveries.length === 0);
  assert.ok(Math.abs(lost.length / 20_000 - 0.1) < 0.01, `${lost.length} of 20,000`);
  assert.ok(lost.every(({ status }) => !status.acknowledged && status.tries[0]?.count === 4));
  const [count] = medium.counts().filter(({ from, to }) => from === 'vb1/wlan0' && to === 'vb2/wlan1');
  assert.equal(count?.lost, lost.length);
});

test('a lost try is tried again', () => {
  const { medium, down } = scene();
  medium.set({ tryLoss: 0.3 });
  const fates = Array.from({ length: 20_000 }, () => down({ tries: [{ ...MCS7, count: 7 }] }));
  const lost = fates.filter(({ deliveries }) => deliveries.length === 0).length;
  const tries = fates.reduce((sum, { status }) => sum + (status.tries[0]?.count ?? 0), 0);
  // 0.3^7 are lost; a frame takes 1 / 0.7 tries.
  assert.ok(lost < 20, `${lost} lost`);
  assert.ok(Math.abs(tries / 20_000 - 1 / 0.7) < 0.03, `${tries / 20_000} tries a frame`);
});

test('a delay is that of the way: its sender does not wait', () => {
  const { medium, down } = scene();
  medium.set({ delayMs: 25 });
  const fate = down({ nowMs: 100 });
  assert.deepEqual([fate.deliveries[0]?.atMs, fate.status.atMs], [125, 100]);
});

test('a rate limit lets packets through one after the other', () => {
  const { medium, down } = scene();
  medium.set({ rateBps: 10e6 });
  let lastMs = 0;
  for (let packet = 0; packet < 1000; packet++)
    lastMs = down({ nowMs: 0, bytes: 1250 }).deliveries[0]?.atMs ?? 0;
  // 1000 packets of 10,000 bits at 10 Mbit/s.
  assert.ok(Math.abs(lastMs - 1000) < 1e-6, String(lastMs));
});

test('a signal under what its rate needs loses frames; a lower rate gets through', () => {
  const { medium, down } = scene();
  medium.set({ signalDbm: -78 });
  const arrived = (index: number) =>
    Array.from({ length: 500 }, () => down({ tries: [{ index, count: 1, flags: 8 }] })).filter(
      ({ deliveries }) => deliveries.length > 0,
    ).length;
  assert.equal(arrived(7), 0);
  assert.ok(arrived(0) > 490);
});

test('a jammer on a channel drowns it until it ends, and no other', () => {
  const { medium, ap, down } = scene();
  medium.jam(2412, -10);
  assert.deepEqual(names(down()), []);
  assert.equal(
    medium.transmit(ap, sent(data('ffffffffffff', ADDRESS.ap), [MCS7], 2437), 0).deliveries.length,
    2,
  );
  medium.jam(2412, -Infinity);
  assert.deepEqual(names(down()), ['vb2/wlan1']);
  medium.jam(null, -10);
  assert.equal(
    medium.transmit(ap, sent(data('ffffffffffff', ADDRESS.ap), [MCS7], 2437), 0).deliveries.length,
    0,
  );
});

for (const { mcs, mbit } of [
  { mcs: 0, mbit: 5.5 },
  { mcs: 4, mbit: 23.5 },
  { mcs: 7, mbit: 32.2 },
])
  test(`with airtime, MCS ${mcs} carries what 802.11n carries without aggregation: ${mbit} Mbit/s`, () => {
    const { down } = scene({ airtime: true });
    let endMs = 0;
    const startMs = down({ nowMs: 1000 }).status.atMs;
    for (let packet = 0; packet < 500; packet++)
      endMs = down({ nowMs: 1000, tries: [{ index: mcs, count: 1, flags: 8 }] }).status.atMs;
    const carried = (500 * 1500 * 8) / ((endMs - startMs) * 1000);
    assert.ok(Math.abs(carried / mbit - 1) < 0.05, `${carried} Mbit/s`);
  });

test('channels do not wait for each other', () => {
  const { medium, ap, down } = scene({ airtime: true });
  for (let packet = 0; packet < 100; packet++) down({ nowMs: 1000 });
  const other = medium.transmit(ap, sent(data(ADDRESS.sta, ADDRESS.ap), [MCS7], 2437), 1000);
  assert.ok(other.status.atMs < 1001, String(other.status.atMs));
});

test('a forged deauthentication names whom it is of and for, and its reason', () => {
  const frame = deauthentication(ADDRESS.ap, ADDRESS.sta, ADDRESS.ap, 7);
  assert.deepEqual(headerOf(frame), {
    ...{ receiver: ADDRESS.sta, transmitter: ADDRESS.ap, group: false, data: false },
  });
  assert.equal(frame.toString('hex'), `c0000000${ADDRESS.sta}${ADDRESS.ap}${ADDRESS.ap}00000700`);
});

test('the packet in a frame is counted without header, cipher and LLC', () => {
  assert.equal(payloadBytes(data(ADDRESS.sta, ADDRESS.ap, 1500)), 1500);
  assert.equal(payloadBytes(Buffer.alloc(90, 0x80)), 90);
});
