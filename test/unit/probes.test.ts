import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextPeriod } from '../../lab/traffic/probes/board.ts';
import { roundTripOf } from '../../lab/traffic/probes/latency.ts';
import { radioEventOf } from '../../lab/traffic/probes/radio-events.ts';
import { endsSample, parseSample, samplingScript } from '../../lab/traffic/probes/sample.ts';

const SAMPLE = `==> /proc/812/stat <==
812 (sh (a) x) S 1 812 812 0 -1 4194560 9 8 7 6 12 5 30 3 20 0 1 0 77 1 1
==> /proc/stat <==
cpu  100 1 50 800 40 3 6 0 0 0
cpu0 100 1 50 800 40 3 6 0 0 0
==> /proc/meminfo <==
MemTotal:        1000 kB
MemAvailable:     600 kB
Slab:              90 kB
==> /proc/interrupts <==
           CPU0       CPU1
  9:          4          0   IO-APIC   9-fasteoi   acpi
 24:         10         32   PCI-MSI 1-edge      mt7615e
==> /proc/net/dev <==
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
 wlan0: 5000      10    1    2    0     0          0         0     7000      20    3    4    0     0       0          0
==> /sys/class/thermal/thermal_zone0/temp <==
45500
==> /sys/class/thermal/thermal_zone1/temp <==
0
==> radio wlan0 <==
Station 02:00:00:00:01:00 (on wlan0)
\tinactive time:\t20 ms
\ttx retries:\t7
\ttx failed:\t1
\tsignal:  \t-61 [-64, -63] dBm
\ttx bitrate:\t130.0 MBit/s MCS 15
\trx bitrate:\t6.0 MBit/s
Station 02:00:00:00:02:00 (on wlan0)
\tsignal:  \t-30 dBm
qdisc mq 0: root
 Sent 100 bytes 2 pkt (dropped 3, overlimits 0 requeues 1)
 backlog 2Kb 2p requeues 1
qdisc fq_codel 0: parent :1 limit 10240p
 Sent 100 bytes 2 pkt (dropped 4, overlimits 0 requeues 0)
 backlog 100b 1p requeues 0`;

test('a sample has the board, its radio and who that hears', () => {
  const { radios, times, asking, ...board } = parseSample(SAMPLE, ['mt7615e']);
  assert.deepEqual(board, {
    ...{ totalKb: 1000, availableKb: 600, slabKb: 90, temperatureC: 45.5, interrupts: 42 },
  });
  assert.deepEqual(times, { total: 1000, idle: 840, softirq: 6 });
  assert.deepEqual(asking, { pid: 812, ticks: 50 }, 'its own cost, though its name has brackets and spaces');
  const [radio] = radios;
  assert.deepEqual(
    { ...radio, peers: radio?.peers.length },
    {
      ...{
        interface: 'wlan0',
        rxBytes: 5000,
        rxErrors: 1,
        rxDropped: 2,
        txBytes: 7000,
        txErrors: 3,
        txDropped: 4,
      },
      queue: { backlogBytes: 2148, backlogPackets: 3, dropped: 7, requeues: 1 },
      peers: 2,
    },
  );
  assert.deepEqual(radio?.peers[0], {
    ...{ mac: '02:00:00:00:01:00', signalDbm: -61, txBitrateBps: 130e6, rxBitrateBps: 6e6 },
    ...{ txRetries: 7, txFailed: 1, inactiveMs: 20 },
  });
});

test('what a board does not have, or tells in another way, is left out; nothing of it throws', () => {
  const nothing = parseSample('', []);
  assert.deepEqual([nothing.times, nothing.asking, nothing.radios], [null, null, []]);
  assert.equal(parseSample('==> /proc/stat <==\ncpu 1 2\n', []).times, null);
  fc.assert(
    fc.property(fc.array(fc.nat(SAMPLE.length - 1), { maxLength: 12 }), fc.string(), (cuts, noise) => {
      let text = SAMPLE;
      for (const at of cuts) text = text.slice(0, at) + noise + text.slice(at + 5);
      const numbers = parseSample(text, ['acpi']).radios.flatMap(({ peers }) =>
        peers.map((peer) => peer.signalDbm),
      );
      assert.ok(numbers.every((each) => each === undefined || Number.isFinite(each)));
    }),
  );
});

test('the script answers each line with a sample that can be read, on this machine too', () => {
  const printed = execFileSync('sh', ['-c', samplingScript(true)], { input: '\n\n', encoding: 'utf8' });
  const lines = printed.trimEnd().split('\n');
  assert.equal(lines.filter(endsSample).length, 2);
  const first = parseSample(lines.slice(0, lines.findIndex(endsSample)).join('\n'), []);
  assert.ok(first.times && first.times.total > 0);
  assert.ok(first.totalKb && first.availableKb && first.totalKb > first.availableKb);
  assert.ok(first.asking && first.asking.pid > 1);
  // Of proc(5), field 19: the traffic goes before it.
  const stat = lines.find((line) => line.startsWith(`${first.asking?.pid} (`)) ?? '';
  assert.equal(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16], '19');
});

test('a board that is slow is asked less often, and again more often when it has time', () => {
  assert.equal(nextPeriod(1000, 0.005), 1000);
  assert.equal(nextPeriod(1000, 0.05), 5000, 'so that it costs one percent');
  assert.equal(nextPeriod(1000, 0.9), 30_000, 'but not never');
  assert.equal(nextPeriod(8000, 0.001), 4000);
  assert.equal(nextPeriod(8000, 0.008), 6400);
});

test('round trips are read of iputils and of BusyBox', () => {
  assert.equal(roundTripOf('64 bytes from 192.168.77.1: icmp_seq=1 ttl=64 time=0.345 ms'), 0.345);
  assert.equal(roundTripOf('64 bytes from 10.0.0.1: seq=0 ttl=64 time=12.1 ms'), 12.1);
  assert.equal(roundTripOf('From 10.0.0.2 icmp_seq=9 Destination Host Unreachable'), null);
});

test('what iw tells of a radio is an event of that radio; what stands below it is not', () => {
  assert.deepEqual(radioEventOf('1764290000.123456: wlan1 (phy #1): disconnected (by AP) reason: 5: busy'), {
    ...{ interface: 'wlan1', text: 'disconnected (by AP) reason: 5: busy' },
  });
  assert.deepEqual(radioEventOf('wlan0: new station 02:00:00:00:01:00'), {
    ...{ interface: 'wlan0', text: 'new station 02:00:00:00:01:00' },
  });
  assert.equal(radioEventOf('\tfrequency 2412'), null);
  assert.equal(radioEventOf(''), null);
  assert.equal(radioEventOf(`wlan0: ${'x'.repeat(10_000)}`)?.text.length, 300);
});
