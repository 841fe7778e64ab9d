/** Lines that iperf3 prints in its text mode with `-f k` (3.12 to 3.20) to data; anything else is null. */
import type { Iperf3Interval } from './iperf3-options.ts';

/** What one end says of the traffic, in whatever form it says it. */
export type Iperf3Report =
  /** `role`: of this end, in the direction that it is of. */
  | { kind: 'interval'; role: Iperf3Role; interval: Iperf3Interval; omitted: boolean }
  /** This end has counted all of a direction, by itself or - in its text form - as told by the other. */
  | { kind: 'summary'; role: Iperf3Role; interval: Iperf3Interval }
  | { kind: 'end'; outOfOrder: number | null }
  | { kind: 'failure'; text: string };

export type Iperf3Role = 'sender' | 'receiver';

export interface Iperf3Line {
  /** Stream number, or SUM when several run in parallel. */
  stream: string;
  /** Of the end that prints it; null where the traffic goes in one direction only. */
  role: Iperf3Role | null;
  interval: Iperf3Interval;
  /** The last lines of a test: the whole time, as one end counted it. */
  summary: 'sender' | 'receiver' | null;
  /** In the time of --omit, which does not count. */
  omitted: boolean;
}

const LINE =
  /^\[\s*(\d+|SUM)\](?:\[([TR])X-[CS]\])?\s+(\d+(?:\.\d+)?)-\s*(\d+(?:\.\d+)?)\s+sec\s+([\d.]+) ([KMGT]?)Bytes\s+([\d.]+) ([KMGT]?)bits\/sec\s*(.*)$/;
/** Powers of 1024 for bytes, of 1000 for bits, as iperf3 prints them. */
const PREFIXES = ['', 'K', 'M', 'G', 'T'];

export function parseIperf3Line(line: string): Iperf3Line | null {
  const match = LINE.exec(line.trimEnd());
  if (!match) return null;
  const [
    ,
    stream = '',
    way,
    start = '',
    end = '',
    amount = '',
    bytesPrefix = '',
    rate = '',
    bitsPrefix = '',
    rest = '',
  ] = match;
  const interval: Iperf3Interval = {
    startS: Number(start),
    endS: Number(end),
    bytes: Math.round(Number(amount) * 1024 ** PREFIXES.indexOf(bytesPrefix)),
    bitsPerSecond: Number(rate) * 1000 ** PREFIXES.indexOf(bitsPrefix),
    ...details(rest),
  };
  const summary = /\b(sender|receiver)$/.exec(rest)?.[1];
  return {
    stream,
    role: way === undefined ? null : way === 'R' ? 'receiver' : 'sender',
    interval,
    summary: summary === 'sender' || summary === 'receiver' ? summary : null,
    omitted: /\(omitted\)/.test(rest),
  };
}

/** What follows the rate: `0.038 ms  0/1725 (0%)` of a UDP receiver, `3   1.05 MBytes` of a TCP sender. */
function details(rest: string): Partial<Iperf3Interval> {
  const udp = /^([\d.]+) ms\s+(-?\d+)\/(\d+)/.exec(rest);
  if (udp)
    return { jitterMs: Number(udp[1]), lostPackets: Math.max(0, Number(udp[2])), packets: Number(udp[3]) };
  const tcp = /^(\d+)(?:\s+[\d.]+ [KMG]?Bytes|\s+sender)/.exec(rest);
  return tcp ? { retransmits: Number(tcp[1]) } : {};
}

/** `[  5]  0.00-10.00 sec  12 datagrams received out-of-order`; null for any other line. */
export function outOfOrder(line: string): number | null {
  const count = /^\[\s*(?:\d+|SUM)\].*\s(\d{1,12}) datagrams received out-of-order/.exec(line)?.[1];
  return count === undefined ? null : Number(count);
}

export interface Iperf3Failure {
  fault: 'product' | 'config' | 'lab';
  code: string;
  message: string;
}

const ADVICE: Readonly<Record<string, string>> = {
  'iperf3-missing': 'install it there (Debian, OpenWrt and Alpine: package iperf3)',
  'version-skew': 'install the same version at both ends',
  'no-namespace': 'the station that it belongs to is not up',
};

/** Whose fault it is by iperf3's own words (src/iperf_error.c); null when it complains of nothing. */
const FAILURES: readonly { pattern: RegExp; fault: Iperf3Failure['fault']; code: string }[] = [
  { pattern: /iperf3: (?:command )?not found/, fault: 'config', code: 'iperf3-missing' },
  { pattern: /Cannot open network namespace/, fault: 'config', code: 'no-namespace' },
  {
    pattern: /unrecognized option|invalid option|parameter.*error|bad argument/i,
    fault: 'config',
    code: 'iperf3-usage',
  },
  {
    pattern:
      /unable to (?:receive parameters|send parameters|set.*parameters)|parameter exchange|unable to get.*results/i,
    fault: 'config',
    code: 'version-skew',
  },
  { pattern: /Address already in use|unable to start listener/i, fault: 'lab', code: 'port-taken' },
  { pattern: /server is busy/i, fault: 'lab', code: 'server-busy' },
  { pattern: /Connection refused/i, fault: 'lab', code: 'connection-refused' },
  {
    pattern: /No route to host|Network is unreachable|Host is unreachable/i,
    fault: 'product',
    code: 'unreachable',
  },
  { pattern: /Connection timed out|Operation now in progress/i, fault: 'product', code: 'connect-timeout' },
  {
    pattern:
      /control socket has closed|unable to (?:receive|send) control message|Connection reset|Broken pipe/i,
    fault: 'product',
    code: 'control-lost',
  },
];

/** @param machine where it was said */
export function iperf3Failure(output: string, machine: string): Iperf3Failure | null {
  const line = output.split('\n').find((each) => /error|not found|server is busy|Cannot open/i.test(each));
  if (line === undefined) return null;
  const known = FAILURES.find(({ pattern }) => pattern.test(line));
  const message = line.replace(/^iperf3: /, '').trim();
  if (!known) return { fault: 'lab', code: 'iperf3-error', message };
  const advice = ADVICE[known.code];
  return {
    fault: known.fault,
    code: known.code,
    message: advice === undefined ? message : `${message} on ${machine}: ${advice}`,
  };
}
