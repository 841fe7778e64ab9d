/** Messages of mac80211_hwsim: what its kernel sends, built here byte by byte, and what is sent to it, taken apart here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  familyRequest,
  parseMessage,
  receivedFrame,
  registerRequest,
  sentStatus,
} from '../../lab/virtual/ether/netlink.ts';

const FAMILY = 33;
const RADIO = '420000000100';

function bytes(...parts: readonly (number | string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      Buffer.isBuffer(part) ? part : typeof part === 'string' ? Buffer.from(part, 'hex') : le(part, 4),
    ),
  );
}

function le(value: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  buffer.writeUIntLE(value, 0, size);
  return buffer;
}

/** An attribute as the kernel writes it. */
function attribute(type: number, data: Buffer): Buffer {
  return bytes(le(4 + data.length, 2), le(type, 2), data, Buffer.alloc(-data.length & 3));
}

function fromKernel(type: number, command: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([command, 1, 0, 0]), ...parts]);
  return bytes(le(16 + body.length, 4), le(type, 2), le(0, 2), 0, 0, body);
}

function frameMessage(overrides: Record<number, Buffer | null> = {}): Buffer {
  const parts: Record<number, Buffer | null> = {
    2: Buffer.from(RADIO, 'hex'),
    3: Buffer.from('0801000002aaaaaaaa0102bbbbbbbb0102aaaaaaaa01', 'hex'),
    4: le(1, 4),
    19: le(2412, 4),
    // Tries: index and count; -1 ends them.
    7: Buffer.from([7, 2, 0, 5, 0xff, 0, 0xff, 0]),
    // The same with 16 bits of flags: an MCS with a short guard interval, then a legacy rate.
    21: Buffer.from([7, 0x88, 0, 0, 0, 0, 0xff, 0, 0, 0xff, 0, 0]),
    8: Buffer.from([9, 0, 0, 0, 0, 0, 0, 0x80]),
    ...overrides,
  };
  return fromKernel(
    FAMILY,
    2,
    Object.entries(parts).flatMap(([type, data]) => (data === null ? [] : [attribute(Number(type), data)])),
  );
}

test('a frame of the kernel is taken apart', () => {
  const message = parseMessage(frameMessage(), FAMILY);
  assert.equal(message.kind, 'frame');
  assert.deepEqual(message.kind === 'frame' ? message.sent : null, {
    radio: RADIO,
    frame: Buffer.from('0801000002aaaaaaaa0102bbbbbbbb0102aaaaaaaa01', 'hex'),
    wantsStatus: true,
    frequencyMhz: 2412,
    tries: [
      { index: 7, count: 2, flags: 0x88 },
      { index: 0, count: 5, flags: 0 },
    ],
    cookie: 0x8000000000000009n,
  });
});

test('a kernel that tells no flags of its rates is understood', () => {
  const message = parseMessage(frameMessage({ 21: null }), FAMILY);
  assert.deepEqual(message.kind === 'frame' ? message.sent.tries.map(({ flags }) => flags) : null, [0, 0]);
});

test('the answers to requests are known', () => {
  const family = fromKernel(0x10, 1, [
    attribute(2, Buffer.from('MAC80211_HWSIM\0')),
    attribute(1, le(33, 2)),
  ]);
  assert.deepEqual(parseMessage(family, 0), { kind: 'family', id: 33 });
  const busy = bytes(
    le(36, 4),
    le(2, 2),
    le(0, 2),
    2,
    0,
    Buffer.from([0xf0, 0xff, 0xff, 0xff]),
    Buffer.alloc(16),
  );
  assert.deepEqual(parseMessage(busy, FAMILY), { kind: 'answer', sequence: 2, errno: -16 });
});

for (const [what, datagram] of [
  ['too short', Buffer.alloc(10)],
  ['without a frame', frameMessage({ 3: null })],
  ['without a channel', frameMessage({ 19: null })],
  ['with an address cut off', frameMessage({ 2: Buffer.from([0x42]) })],
] as const)
  test(`a message ${what} is refused, and says what it lacks`, () => {
    assert.throws(() => parseMessage(datagram, FAMILY), { code: 'bad-netlink' });
  });

test('an attribute that claims more than there is, is refused', () => {
  const message = frameMessage();
  message.writeUInt16LE(60_000, 20);
  assert.throws(() => parseMessage(message, FAMILY), /an attribute of 60000 bytes/);
});

test('messages of other kinds are left alone', () => {
  assert.deepEqual(parseMessage(fromKernel(99, 2, []), FAMILY), { kind: 'other' });
  assert.deepEqual(parseMessage(fromKernel(FAMILY, 4, []), FAMILY), { kind: 'other' });
});

test('requests have the form of generic netlink', () => {
  const family = familyRequest(5);
  assert.equal(family.length, family.readUInt32LE(0));
  assert.equal(family.readUInt16LE(4), 0x10);
  assert.equal(family.readUInt32LE(8), 5);
  assert.equal(family[16], 3);
  assert.equal(family.toString('latin1', 24, 39), 'MAC80211_HWSIM\0');
  const register = registerRequest(FAMILY, 6);
  assert.deepEqual([register.readUInt16LE(4), register.readUInt16LE(6), register[16]], [FAMILY, 5, 1]);
});

/** Type and data of each attribute of a message to the kernel. */
function attributesOf(message: Buffer): [number, string][] {
  const found: [number, string][] = [];
  for (let at = 20; at < message.length; ) {
    const length = message.readUInt16LE(at);
    found.push([message.readUInt16LE(at + 2), message.toString('hex', at + 4, at + length)]);
    at += (length + 3) & ~3;
  }
  return found;
}

test('a frame for a radio carries what hwsim asks for, padded to four bytes', () => {
  const message = receivedFrame(FAMILY, Buffer.from(RADIO, 'hex'), {
    frame: Buffer.from('c000aabbcc', 'hex'),
    ...{ rxRate: 11, signalDbm: -70, frequencyMhz: 5180 },
  });
  assert.equal(message.readUInt32LE(0), message.length);
  assert.equal(message.length % 4, 0);
  assert.deepEqual(attributesOf(message), [
    [1, RADIO],
    [3, 'c000aabbcc'],
    [5, '0b000000'],
    [6, 'baffffff'],
    [19, '3c140000'],
  ]);
});

test('what became of a frame goes back with its cookie', () => {
  const message = sentStatus(FAMILY, Buffer.from(RADIO, 'hex'), {
    ...{ cookie: 0x8000000000000009n, acknowledged: true, signalDbm: -30 },
    tries: [{ index: 7, count: 300, flags: 8 }],
  });
  assert.deepEqual(attributesOf(message), [
    [2, RADIO],
    [4, '05000000'],
    [6, 'e2ffffff'],
    [7, '07ffff00ff00ff00'],
    [8, '0900000000000080'],
  ]);
});
