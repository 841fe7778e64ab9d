import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { iperf3Failure, parseIperf3Line } from '../../lab/traffic/iperf3-output.ts';

/** As iperf3 prints an interval of a UDP receiver (iperf_locale.c: report_bw_udp_format). */
function udpLine(startS: number, kBytes: number, kBits: number, lost: number, packets: number): string {
  const time = (value: number) => value.toFixed(2).padStart(6);
  const percent = packets === 0 ? 0 : (100 * lost) / packets;
  return `[  5] ${time(startS)}-${time(startS + 1)} sec  ${kBytes} KBytes  ${kBits} Kbits/sec  0.051 ms  ${lost}/${packets} (${percent.toPrecision(2)}%)  `;
}

test('what iperf3 prints of an interval is read back', () => {
  const numbers = fc.tuple(fc.nat(9000), fc.nat(9999), fc.nat(999_999), fc.nat(500), fc.nat(9000));
  fc.assert(
    fc.property(numbers, ([startS, kBytes, kBits, lost, more]) => {
      const packets = lost + more;
      const interval = parseIperf3Line(udpLine(startS, kBytes, kBits, lost, packets))?.interval;
      assert.deepEqual(interval, {
        ...{ startS, endS: startS + 1, bytes: kBytes * 1024, bitsPerSecond: kBits * 1000 },
        ...{ lostPackets: lost, packets, jitterMs: 0.051 },
      });
    }),
  );
});

test('a line torn anywhere gives nothing, or what the whole line gives', () => {
  const line = udpLine(3, 2416, 19_779, 12, 1713);
  const whole = parseIperf3Line(line)?.interval;
  for (let length = 0; length < line.length; length++) {
    const torn = parseIperf3Line(line.slice(0, length))?.interval;
    if (torn)
      assert.deepEqual([torn.startS, torn.endS, torn.bytes], [whole?.startS, whole?.endS, whole?.bytes]);
  }
});

test('datagrams that came late after all are no negative loss', () => {
  assert.equal(parseIperf3Line(udpLine(0, 2416, 19_779, -3, 1713))?.interval.lostPackets, 0);
});

test('what is missing on the board is a mistake of the lab file, and says what to install', () => {
  const missing = iperf3Failure('sh: 1: exec: iperf3: not found\n', 'b');
  assert.deepEqual([missing?.fault, missing?.code], ['config', 'iperf3-missing']);
  assert.match(missing?.message ?? '', /package iperf3/);
  const away = iperf3Failure('Cannot open network namespace "sta": No such file or directory\n', 'b');
  assert.deepEqual([away?.fault, away?.code], ['config', 'no-namespace']);
});
