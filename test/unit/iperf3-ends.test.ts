import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  clientCommand,
  connectedIn,
  directionOf,
  EndReader,
  listensCommand,
  serverCommand,
} from '../../lab/traffic/iperf3-end.ts';
import { parseIperf3Event } from '../../lab/traffic/iperf3-json.ts';
import { type FullIperf3Options, Iperf3Options } from '../../lab/traffic/iperf3-options.ts';
import { outOfOrder, parseIperf3Line } from '../../lab/traffic/iperf3-output.ts';
import { Tally } from '../../lab/traffic/iperf3-tally.ts';
import { can, type Iperf3Version, parseIperf3Version } from '../../lab/traffic/iperf3-version.ts';

const version = (text: string): Iperf3Version => {
  const found = parseIperf3Version(`iperf ${text} (cJSON 1.7.15)\nLinux x\n`);
  assert.ok(found);
  return found;
};
const options = (more: Partial<Iperf3Options> = {}): FullIperf3Options =>
  Iperf3Options.parse({ server: { address: '192.168.77.1' }, client: { namespace: 'sta' }, ...more });

test('a version says what it can', () => {
  assert.equal(version('3.12').text, '3.12');
  assert.deepEqual(
    ['3.0', '3.1', '3.6', '3.7', '3.12', '3.17', '3.20', '4.0'].map((text) => [
      can(version(text), 'forceflush'),
      can(version(text), 'bidirectional'),
      can(version(text), 'json-stream'),
    ]),
    [
      [false, false, false],
      [true, false, false],
      [true, false, false],
      [true, true, false],
      [true, true, false],
      [true, true, true],
      [true, true, true],
      [true, true, true],
    ],
  );
  for (const text of ['', 'sh: iperf3: not found', 'iperf version 2.1.8', 'iperf three'])
    assert.equal(parseIperf3Version(text), null);
});

test('the command line has what was asked for, and JSON where that can be had', () => {
  const all = options({
    ...{
      protocol: 'udp',
      direction: 'both',
      rateBps: 5e6,
      parallel: 2,
      omitS: 1,
      durationS: 30,
      intervalS: 0.5,
    },
    ...{ windowBytes: 65_536, dscp: 46 },
  });
  const text = clientCommand(all, 25_000, version('3.12'));
  for (const word of [
    '-p 25000',
    '-t 30',
    '-i 0.5',
    '-f k --forceflush',
    '-u',
    '-b 5000000',
    '--bidir',
    '-P 2',
    '-O 1',
  ])
    assert.ok(text.includes(word), word);
  assert.ok(text.includes('-w 65536') && text.includes('--dscp 46') && text.startsWith('ip netns exec sta'));
  assert.ok(!text.includes('-M '));
  assert.match(
    clientCommand(options({ direction: 'down', mssBytes: 1000 }), 1, version('3.17')),
    / --json-stream .* -R -M 1000 /,
  );
  assert.match(
    serverCommand(options(), 25_000, version('3.18')),
    /^exec iperf3 -s -1 -p 25000 -i 1 --json-stream 2>&1$/,
  );
  assert.match(listensCommand(options(), 25_000, 15), /:61A8 \.\* 0A /);
  for (const address of ['-x', 'a;b', 'a b', ''])
    assert.throws(() => clientCommand(options({ server: { address } }), 1, version('3.12')), /is no address/);
});

test('each end knows its part in each direction', () => {
  assert.deepEqual(
    (['client', 'server'] as const).flatMap((end) =>
      (['sender', 'receiver'] as const).map((role) => [end, role, directionOf(end, role)]),
    ),
    [
      ['client', 'sender', 'up'],
      ['client', 'receiver', 'down'],
      ['server', 'sender', 'down'],
      ['server', 'receiver', 'up'],
    ],
  );
});

/** As iperf3 3.18 prints an interval (src/iperf_api.c, iperf_print_intermediate). */
function event(sum: object, reverse?: object): string {
  const both = { start: 1, end: 2, seconds: 1, bytes: 625_000, bits_per_second: 5e6, omitted: false };
  return JSON.stringify({
    event: 'interval',
    data: {
      streams: [{ ...both, socket: 5, ...sum }],
      sum: { ...both, ...sum },
      ...(reverse ? { sum_bidir_reverse: { ...both, ...reverse } } : {}),
    },
  });
}

test('events of JSON are reports of the end that prints them', () => {
  const udp = { jitter_ms: 0.1, lost_packets: 3, packets: 500, lost_percent: 0.6, sender: false };
  assert.deepEqual(parseIperf3Event(event(udp, { sender: true, packets: 500 })), [
    {
      ...{ kind: 'interval', role: 'receiver', omitted: false },
      interval: {
        ...{ startS: 1, endS: 2, bytes: 625_000, bitsPerSecond: 5e6 },
        ...{ lostPackets: 3, packets: 500, jitterMs: 0.1 },
      },
    },
    {
      ...{ kind: 'interval', role: 'sender', omitted: false },
      interval: { startS: 1, endS: 2, bytes: 625_000, bitsPerSecond: 5e6 },
    },
  ]);
  const [sender] = parseIperf3Event(event({ sender: true, retransmits: 4, omitted: true }));
  assert.ok(sender?.kind === 'interval' && sender.omitted && sender.interval.retransmits === 4);
  const end = (streams: object[]) => parseIperf3Event(JSON.stringify({ event: 'end', data: { streams } }));
  assert.deepEqual(
    end([
      { udp: { sender: false, out_of_order: 2 } },
      { udp: { sender: true } },
      { udp: { sender: false, out_of_order: 1 } },
    ]),
    [{ kind: 'end', outOfOrder: 3 }],
  );
  assert.deepEqual(end([{ sender: {}, receiver: {} }]), [{ kind: 'end', outOfOrder: null }]);
  assert.deepEqual(parseIperf3Event('{"event":"error","data":"the server is busy"}'), [
    { kind: 'failure', text: 'iperf3: error - the server is busy' },
  ]);
});

test('torn and hostile JSON says nothing', () => {
  const whole = event({ sender: false });
  for (let length = 0; length < whole.length; length++)
    assert.deepEqual(parseIperf3Event(whole.slice(0, length)), []);
  fc.assert(
    fc.property(fc.json(), fc.string(), (json, text) => {
      for (const line of [
        json,
        text,
        `{"event":"interval","data":${json}}`,
        `{"event":"end","data":${json}}`,
      ])
        for (const report of parseIperf3Event(line)) assert.ok(report.kind);
    }),
  );
});

test('in both directions each line of text names its part', () => {
  const line = '[  7][RX-C]   0.00-1.00   sec   610 KBytes  5000 Kbits/sec  0.020 ms  0/435 (0%)';
  assert.equal(parseIperf3Line(line)?.role, 'receiver');
  assert.equal(parseIperf3Line(line.replace('[RX-C]', '[TX-C]'))?.role, 'sender');
  assert.equal(parseIperf3Line(line.replace('[RX-C]', ''))?.role, null);
  const read = new EndReader('client', { direction: 'both', parallel: 1 }, version('3.12')).read(line);
  assert.ok(read[0]?.kind === 'interval' && read[0].role === 'receiver');
  const alone = new EndReader('server', { direction: 'down', parallel: 1 }, version('3.12'));
  const [own] = alone.read(line.replace('[RX-C]', ''));
  assert.ok(own?.kind === 'interval' && own.role === 'sender', 'who serves a download sends');
  assert.equal(outOfOrder('[  5]  0.00-10.00 sec  12 datagrams received out-of-order'), 12);
  assert.equal(outOfOrder('12 datagrams received out-of-order'), null);
});

test('what both ends have counted is put together by direction', () => {
  const tally = new Tally();
  const interval = (startS: number, bytes: number) => ({
    startS,
    endS: startS + 1,
    bytes,
    bitsPerSecond: bytes * 8,
  });
  for (const second of [0, 1]) {
    tally.received('up', { ...interval(second, 1000), lostPackets: 1, packets: 10, jitterMs: 0.5 });
    tally.sent('up', { ...interval(second, 1100), retransmits: 2 });
    tally.received('down', { ...interval(second, 500), lostPackets: 0, packets: 5, jitterMs: 0.7 });
  }
  assert.equal(tally.knows('up'), false);
  assert.equal(tally.complete, false);
  tally.ended('up', 3);
  assert.ok(tally.knows('up') && !tally.knows('down') && tally.complete);
  assert.equal(tally.lastS('down'), 2);
  assert.deepEqual(tally.total('up'), {
    ...{ bytes: 2000, bitsPerSecond: 8000, lostPackets: 2, packets: 20, jitterMs: 0.5 },
    ...{ retransmits: 4, outOfOrder: 3 },
  });
  // What the receiver says itself counts more.
  tally.summary('down', 'receiver', { startS: 0, endS: 2, bytes: 1001, bitsPerSecond: 4004 });
  assert.deepEqual(tally.total('down'), { bytes: 1001, bitsPerSecond: 4004 });
  assert.deepEqual(tally.sum(['up', 'down']), {
    ...{ bytes: 3001, bitsPerSecond: 12_004, retransmits: 4, lostPackets: 2, packets: 20, outOfOrder: 3 },
    jitterMs: 0.5,
  });
  assert.deepEqual(new Tally().sum(['up']), { bytes: 0, bitsPerSecond: 0 });
});

test('streams that are connected are counted, as text and as JSON', () => {
  const line = '[  5] local 10.0.0.2 port 40000 connected to 10.0.0.1 port 5201';
  assert.equal(connectedIn(line), 1);
  assert.equal(connectedIn(line.replace(']', '][TX-C]')), 1);
  assert.equal(connectedIn('Connecting to host 10.0.0.1, port 5201'), 0);
  assert.equal(connectedIn('[  5]   0.00-1.00   sec  2441 KBytes  20000 Kbits/sec'), 0);
  const socket = { socket: 5, local_host: '10.0.0.2', local_port: 40000, remote_port: 5201 };
  const start = {
    event: 'start',
    data: { connected: [socket, { ...socket, socket: 7 }], version: 'iperf 3.18' },
  };
  assert.equal(connectedIn(JSON.stringify(start)), 2);
});
