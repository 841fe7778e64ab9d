import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DO,
  escapeData,
  negotiation,
  subnegotiation,
  TelnetParser,
  WILL,
} from '../../lab/board/console/telnet-codec.ts';

/** What is in a stream that comes in pieces, data that follows data joined. */
function parsed(pieces: readonly Buffer[], binary = false): unknown[] {
  const seen: { data?: number[]; told?: unknown[] }[] = [];
  const parser = new TelnetParser({
    data: (bytes) => {
      const last = seen.at(-1)?.data;
      if (last) last.push(...bytes);
      else seen.push({ data: [...bytes] });
    },
    negotiation: (verb, option) => seen.push({ told: [verb, option] }),
    subnegotiation: (option, payload) => seen.push({ told: ['sub', option, ...payload] }),
  });
  parser.binary = binary;
  for (const piece of pieces) parser.push(piece);
  return seen;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])];
  at.sort((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** Bytes that mean something are as frequent as those that do not. */
const hostile = fc.array(
  fc.oneof(fc.constantFrom(255, 250, 240, 251, 252, 253, 254, 243, 13, 10, 0), fc.nat(255)),
  { maxLength: 200 },
);

test('wherever a telnet stream is cut, the same is read from it', () => {
  fc.assert(
    fc.property(hostile, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (array, places, binary) => {
      const bytes = Buffer.from(array);
      assert.deepEqual(parsed(cut(bytes, places), binary), parsed([bytes], binary));
    }),
    { numRuns: 2000 },
  );
});

test('data comes through as it was, binary or not', () => {
  fc.assert(
    fc.property(hostile, fc.boolean(), (array, binary) => {
      const wire = escapeData(Buffer.from(array), binary);
      assert.deepEqual(parsed([wire], binary), array.length === 0 ? [] : [{ data: array }]);
    }),
  );
});

test('a carriage return is sent with a NUL, an IAC twice', () => {
  assert.deepEqual([...escapeData(Buffer.from('a\r\n\xff', 'latin1'), false)], [97, 13, 0, 10, 255, 255]);
  assert.deepEqual([...escapeData(Buffer.from('a\r\n\xff', 'latin1'), true)], [97, 13, 10, 255, 255]);
});

test('a subnegotiation may hold every byte', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(255), fc.nat(255)), { maxLength: 100 }), (payload) => {
      const wire = Buffer.concat([
        Buffer.from('<'),
        subnegotiation(44, Buffer.from(payload)),
        Buffer.from('>'),
      ]);
      assert.deepEqual(parsed([wire]), [{ data: [60] }, { told: ['sub', 44, ...payload] }, { data: [62] }]);
    }),
  );
});

test('a subnegotiation that never ends, or is torn, does not swallow the console', () => {
  const begun = Buffer.of(255, 250, 44);
  const endless = Buffer.concat([begun, Buffer.alloc(5000, 'x'), Buffer.from('login: ')]);
  const [text] = parsed([endless]) as { data: number[] }[];
  assert.ok(
    Buffer.from(text?.data ?? [])
      .toString()
      .endsWith('xlogin: '),
  );
  const torn = Buffer.concat([begun, Buffer.of(1), negotiation(DO, 3), Buffer.from('hi')]);
  assert.deepEqual(parsed([torn]), [{ told: [DO, 3] }, { data: [104, 105] }]);
});

test('negotiations and other commands are no data', () => {
  const wire = Buffer.concat([negotiation(WILL, 1), Buffer.of(255, 241, 97, 255, 249, 98)]);
  assert.deepEqual(parsed([wire]), [{ told: [WILL, 1] }, { data: [97, 98] }]);
});
