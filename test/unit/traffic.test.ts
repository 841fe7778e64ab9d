import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { iperf3Failure, parseIperf3Line } from '../../lab/traffic/iperf3-output.ts';
import { NO_SERIES, type SoakCriteria, type SoakInterval } from '../../lab/verdict/soak/criteria.ts';
import { judgeSoak } from '../../lab/verdict/soak/judge.ts';

test('interval lines of TCP and UDP, of one stream and of several, are understood', () => {
  const tcp = parseIperf3Line(
    '[  5]   1.01-2.02   sec  5859 KBytes  47654 Kbits/sec    3    140 KBytes       ',
  );
  assert.deepEqual(tcp?.interval, {
    startS: 1.01,
    endS: 2.02,
    bytes: 5859 * 1024,
    bitsPerSecond: 47_654_000,
    retransmits: 3,
  });
  const udp = parseIperf3Line(
    '[  5]   3.00-4.00   sec  2.36 MBytes  19779 Kbits/sec  0.639 ms  12/1713 (0.7%)  ',
  );
  assert.deepEqual(
    [udp?.interval.lostPackets, udp?.interval.packets, udp?.interval.jitterMs],
    [12, 1713, 0.639],
  );
  assert.equal(
    parseIperf3Line('[SUM]   0.00-1.00   sec  9.00 MBytes  75497 Kbits/sec    0             ')?.stream,
    'SUM',
  );
  assert.equal(
    parseIperf3Line('[  5]   0.00-1.00   sec  0.00 Bytes  0.00 bits/sec                  ')?.interval
      .bitsPerSecond,
    0,
  );
  assert.equal(
    parseIperf3Line('[  5]   0.00-1.00   sec  1.00 MBytes  8389 Kbits/sec    0   90.5 KBytes       (omitted)')
      ?.omitted,
    true,
  );
  assert.equal(
    parseIperf3Line('[  5][TX-C]   0.00-1.00   sec  1.00 MBytes  8389 Kbits/sec    0   90.5 KBytes  ')
      ?.stream,
    '5',
  );
});

test('summaries are told from intervals, and say which end counted', () => {
  assert.equal(
    parseIperf3Line('[  5]   0.00-5.01   sec  31.0 MBytes  51783 Kbits/sec    2             sender')?.summary,
    'sender',
  );
  assert.equal(
    parseIperf3Line('[  5]   0.00-5.01   sec  31.0 MBytes  51783 Kbits/sec    2             sender')?.interval
      .retransmits,
    2,
  );
  assert.equal(
    parseIperf3Line('[  5]   0.00-5.02   sec  30.3 MBytes  50607 Kbits/sec                  receiver')
      ?.summary,
    'receiver',
  );
});

test('torn and foreign lines are passed over, whatever they hold', () => {
  for (const line of [
    '',
    'iperf Done.',
    '[ ID] Interval           Transfer     Bitrate',
    '[  5]   0.00-1.00   sec  2.3',
    '- - - -',
  ]) {
    assert.equal(parseIperf3Line(line), null, line);
  }
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => parseIperf3Line(line) === null));
});

test("iperf3's complaints are told apart by whose fault they are", () => {
  const faults = [
    ['iperf3: error - the server is busy running a test. try again later', 'lab', 'server-busy'],
    ['iperf3: error - control socket has closed unexpectedly', 'product', 'control-lost'],
    [
      'iperf3: error - unable to connect to server - server may have stopped running or use a different port, firewall issue, etc.: Connection refused',
      'lab',
      'connection-refused',
    ],
    ['iperf3: error - unable to connect to server: No route to host', 'product', 'unreachable'],
    ['sh: 1: exec: iperf3: not found', 'config', 'iperf3-missing'],
    ['iperf3: error - something new', 'lab', 'iperf3-error'],
  ] as const;
  for (const [line, fault, code] of faults) {
    const found = iperf3Failure(`Connecting to host\n${line}\n`, 'b');
    assert.deepEqual([found?.fault, found?.code], [fault, code], line);
  }
  assert.equal(iperf3Failure('Connecting to host 192.168.77.1, port 5201\niperf Done.\n', 'b'), null);
});

const CRITERIA: SoakCriteria = {
  durationS: 30,
  intervalS: 1,
  floorBps: 15e6,
  graceS: 2,
  toleratedDips: 0,
  maxLossRatio: 0.01,
};

function intervals(rates: readonly number[]): SoakInterval[] {
  return rates.map((rate, index) => ({ startS: index, endS: index + 1, bitsPerSecond: rate * 1e6 }));
}

const steady = (seconds: number): number[] => Array.from({ length: seconds }, () => 20);

test('steady traffic passes, with its mean and its least', () => {
  const judged = judgeSoak({ ...NO_SERIES, intervals: intervals([3, ...steady(29)]) }, CRITERIA);
  assert.equal(judged.verdict, 'pass');
  assert.equal(judged.minBps, 20e6, 'the start, while rates settle, is not judged');
});

test('an average hides a dip; this does not', () => {
  const rates = steady(30);
  rates[17] = 14.9;
  const judged = judgeSoak({ ...NO_SERIES, intervals: intervals(rates) }, CRITERIA);
  assert.equal(judged.verdict, 'fail');
  assert.match(judged.message, /14\.9 Mbit\/s at second 17, under the floor of 15\.0/);
  assert.equal(
    judgeSoak({ ...NO_SERIES, intervals: intervals(rates) }, { ...CRITERIA, toleratedDips: 1 }).verdict,
    'pass',
  );
});

test('a stall is told by its length, in zero intervals and in missing ones', () => {
  const rates = steady(30);
  for (const second of [10, 11, 12]) rates[second] = 0;
  assert.equal(judgeSoak({ ...NO_SERIES, intervals: intervals(rates) }, CRITERIA).longestStallS, 3);
  const missing = intervals(steady(30)).filter((_, index) => index < 10 || index > 14);
  const judged = judgeSoak({ ...NO_SERIES, intervals: missing }, CRITERIA);
  assert.deepEqual([judged.verdict, judged.longestStallS, judged.lostIntervals], ['fail', 5, 5]);
});

test('a disconnect fails the soak even when the rate never fell', () => {
  const judged = judgeSoak(
    {
      ...NO_SERIES,
      intervals: intervals(steady(30)),
      disconnects: [{ atS: 12, message: 'the station was disconnected: reason=5' }],
    },
    CRITERIA,
  );
  assert.deepEqual([judged.verdict, judged.disconnects, judged.breaches[0]?.atS], ['fail', 1, 12]);
});

test('lost datagrams over the ceiling fail it', () => {
  const lossy = intervals(steady(30)).map((interval) => ({ ...interval, lostPackets: 40, packets: 1700 }));
  const judged = judgeSoak({ ...NO_SERIES, intervals: lossy }, CRITERIA);
  assert.match(judged.message, /2\.35 % of the datagrams/);
});

test('what ended early is the fault of whoever ended it', () => {
  const lab = judgeSoak(
    {
      ...NO_SERIES,
      intervals: intervals(steady(10)),
      end: {
        fault: 'lab',
        code: 'server-died',
        message: 'the server had ended',
      },
    },
    CRITERIA,
  );
  assert.equal(lab.verdict, 'lab');
  const product = judgeSoak(
    {
      ...NO_SERIES,
      intervals: intervals(steady(10)),
      end: {
        fault: 'product',
        code: 'stalled',
        message: 'the link stands still',
      },
    },
    CRITERIA,
  );
  assert.deepEqual([product.verdict, product.breaches.at(-1)?.criterion], ['fail', 'ended-early']);
  assert.equal(
    judgeSoak({ ...NO_SERIES, intervals: intervals(steady(10)) }, CRITERIA).verdict,
    'inconclusive',
  );
  assert.equal(judgeSoak({ ...NO_SERIES }, CRITERIA).verdict, 'inconclusive');
});

test('breaches come in the order of their times, the first one named', () => {
  const rates = steady(30);
  rates[20] = 1;
  const judged = judgeSoak(
    { ...NO_SERIES, intervals: intervals(rates), disconnects: [{ atS: 5, message: 'gone' }] },
    CRITERIA,
  );
  assert.deepEqual(
    judged.breaches.map(({ atS }) => atS),
    [5, 20],
  );
  assert.match(judged.message, /did not hold: gone \(and 1 more\)/);
});
