/** Parts of the shared air: work by its time, captures, and the addresses of radios. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DueQueue } from '../../lab/virtual/ether/due.ts';
import { addressOf } from '../../lab/virtual/ether/ether.ts';
import type { SentFrame } from '../../lab/virtual/ether/netlink.ts';
import { AirCapture } from '../../lab/virtual/ether/pcapng.ts';

test('work comes in the order of its time, and first come first served at the same', () => {
  const due = new DueQueue<string>();
  const times = Array.from({ length: 500 }, (_, place) => (place * 7919) % 50);
  for (const [place, atMs] of times.entries()) due.push(atMs, `${atMs}-${String(place).padStart(3, '0')}`);
  assert.equal(due.firstMs, 0);
  const got: string[] = [];
  for (let each = due.pop(24); each !== null; each = due.pop(24)) got.push(each);
  assert.equal(due.firstMs, 25);
  for (let each = due.pop(100); each !== null; each = due.pop(100)) got.push(each);
  const wanted = times
    .map((atMs, place) => ({ atMs, name: `${atMs}-${String(place).padStart(3, '0')}` }))
    .sort((a, b) => a.atMs - b.atMs || a.name.localeCompare(b.name))
    .map(({ name }) => name);
  assert.deepEqual(got, wanted);
  assert.equal(due.size, 0);
  assert.equal(due.pop(Infinity), null);
});

test('each radio of each board has an address of its own', () => {
  const boards = Array.from({ length: 200 }, (_, place) => `board-${place}`);
  const all = boards.flatMap((board) => [addressOf(board, 0), addressOf(board, 1)]);
  assert.equal(new Set(all).size, 400);
  assert.ok(all.every((address) => /^02(:[0-9a-f]{2}){5}$/.test(address)));
});

const SENT: SentFrame = {
  ...{ radio: '', frame: Buffer.from('d'.repeat(61)), wantsStatus: true, frequencyMhz: 5180, cookie: 1n },
  tries: [{ index: 7, count: 1, flags: 8 }],
};

interface Block {
  type: number;
  body: Buffer;
}

/** The blocks of a pcapng file; each says its length before and after. */
function blocks(file: Buffer): Block[] {
  const found: Block[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    assert.equal(file.readUInt32LE(at + length - 4), length);
    found.push({ type: file.readUInt32LE(at), body: file.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return found;
}

test('a capture has an interface for each sender, and its frames with time, channel and signal', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hil-t-'));
  try {
    const path = join(dir, 'air.pcapng');
    const capture = new AirCapture(path, 1e6);
    capture.add('vb1/wlan0', SENT, -42, 1_700_000_000_123_456_789n);
    capture.add('vb2/wlan1', SENT, -30, 1_700_000_000_123_456_790n);
    capture.add('vb1/wlan0', SENT, -42, 1_700_000_000_123_456_791n);
    capture.close();
    const all = blocks(readFileSync(path));
    assert.deepEqual(
      all.map(({ type }) => type),
      [0x0a0d0d0a, 1, 6, 1, 6, 6],
    );
    assert.ok(all[1]?.body.includes('vb1/wlan0'));
    const packet = all[2]?.body ?? Buffer.alloc(0);
    const ns = (BigInt(packet.readUInt32LE(4)) << 32n) | BigInt(packet.readUInt32LE(8));
    assert.equal(ns, 1_700_000_000_123_456_789n);
    assert.equal(packet.readUInt32LE(12), 15 + SENT.frame.length);
    assert.equal(packet.readUInt16LE(30), 5180);
    assert.equal(packet.readInt8(34), -42);
    assert.deepEqual(packet.subarray(35, 35 + SENT.frame.length), SENT.frame);
    assert.deepEqual([all[4]?.body.readUInt32LE(0), all[5]?.body.readUInt32LE(0)], [1, 0]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a capture stops at its limit, and tells what it left out', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hil-t-'));
  try {
    const path = join(dir, 'air.pcapng');
    const capture = new AirCapture(path, 1000);
    for (let frame = 0; frame < 100; frame++) capture.add('vb1/wlan0', SENT, -42, 1n);
    capture.close();
    assert.ok(statSync(path).size < 1200);
    assert.equal(capture.left, 100 - blocks(readFileSync(path)).filter(({ type }) => type === 6).length);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
