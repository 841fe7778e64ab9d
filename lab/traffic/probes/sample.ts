/**
 * What a board is asked while traffic runs, and how to read the answer: /proc/stat, /proc/meminfo, /proc/PID/stat, /proc/interrupts,
 * /proc/net/dev (proc(5)), thermal zones; of each radio `iw station dump` (iw 5.19) and `tc -s qdisc` (iproute2). BusyBox does too. Pure.
 */
import { defined } from '../../defined.ts';

const END = '==> end <==';

/**
 * A script that answers each line of its input with one sample, in sections as those of `head`: `==> /proc/stat <==`. What a board does
 * not have is left out. Programs cost most on a slow board: one for all the files, two for each radio.
 * @param whole not only the radios that it sees, but also the board they are on
 */
export function samplingScript(whole: boolean): string {
  const files = whole
    ? '/proc/$$/stat /proc/stat /proc/meminfo /proc/net/dev /proc/interrupts /sys/class/thermal/thermal_zone*/temp'
    : '/proc/$$/stat /proc/net/dev';
  // On a board with one slow processor the traffic goes before it.
  return `renice -n 19 -p $$ >/dev/null 2>&1
while read -r _; do
head -n 300 ${files} 2>/dev/null
for p in /sys/class/net/*/phy80211; do
[ -e "$p" ] || continue; i=\${p%/phy80211}; i=\${i##*/}
echo "==> radio $i <=="; iw dev "$i" station dump 2>/dev/null; tc -s qdisc show dev "$i" 2>/dev/null
done
echo "${END}"
done`;
}

/** Whether a line ends a sample. */
export function endsSample(line: string): boolean {
  return line === END;
}

export interface BoardTimes {
  /** Clock ticks since boot. */
  total: number;
  idle: number;
  softirq: number;
}

export interface RadioSample {
  interface: string;
  rxBytes: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txErrors: number;
  txDropped: number;
  /** Of its queueing disciplines, together; undefined where there is no `tc`. */
  queue?: { backlogBytes: number; backlogPackets: number; dropped: number; requeues: number };
  peers: PeerSample[];
}

/** Another end, as this radio knows it. */
export interface PeerSample {
  mac: string;
  signalDbm?: number;
  txBitrateBps?: number;
  rxBitrateBps?: number;
  txRetries?: number;
  txFailed?: number;
  beaconLoss?: number;
  inactiveMs?: number;
}

export interface BoardSample {
  /** What the asking itself has cost so far, in clock ticks: of the shell and its children; null where it is not told. */
  asking: { pid: number; ticks: number } | null;
  times: BoardTimes | null;
  totalKb: number | null;
  availableKb: number | null;
  slabKb: number | null;
  /** The hottest of its thermal zones. */
  temperatureC: number | null;
  /** Of its radio since boot, all processors together. */
  interrupts: number | null;
  radios: RadioSample[];
}

/** @param interrupts words for those of its radio, such as the name of its driver */
export function parseSample(text: string, interrupts: readonly string[]): BoardSample {
  const sample: Omit<BoardSample, 'asking'> = {
    ...{ times: null, totalKb: null, availableKb: null, slabKb: null },
    ...{ temperatureC: null, interrupts: null, radios: [] },
  };
  let asking: BoardSample['asking'] = null;
  let counters = '';
  for (const { title, body } of sections(text)) {
    if (title === '/proc/stat') sample.times = timesOf(body);
    else if (title === '/proc/meminfo') {
      sample.totalKb = kilobytes(body, 'MemTotal');
      sample.availableKb = kilobytes(body, 'MemAvailable');
      sample.slabKb = kilobytes(body, 'Slab');
    } else if (/^\/proc\/\d+\/stat$/.test(title)) asking = askingOf(body);
    else if (title.startsWith('/sys/class/thermal/')) {
      const celsius = Number(body.trim()) / 1000;
      // Broken sensors tell 0, or what would melt them.
      if (celsius > 0 && celsius < 200) sample.temperatureC = Math.max(sample.temperatureC ?? 0, celsius);
    } else if (title === '/proc/interrupts') sample.interrupts = interruptsOf(body, interrupts);
    else if (title === '/proc/net/dev') counters = body;
    else if (title.startsWith('radio '))
      sample.radios.push(radioOf(title.slice('radio '.length), body, counters));
  }
  return { ...sample, asking };
}

function sections(text: string): { title: string; body: string }[] {
  return text
    .split(/^==> /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n');
      const head = end < 0 ? section : section.slice(0, end);
      return { title: head.replace(/ <==\s*$/, ''), body: end < 0 ? '' : section.slice(end + 1) };
    });
}

function timesOf(body: string): BoardTimes | null {
  const [, fields] = /^cpu +([\d ]+)$/m.exec(body) ?? [];
  const times = fields?.trim().split(' ').map(Number).slice(0, 8) ?? [];
  if (times.length < 8) return null;
  const [idle = 0, wait = 0, softirq = 0] = [times[3], times[4], times[6]];
  return { total: times.reduce((sum, each) => sum + each, 0), idle: idle + wait, softirq };
}

function kilobytes(body: string, key: string): number | null {
  const found = new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(body)?.[1];
  return found === undefined ? null : Number(found);
}

/** `PID (name) STATE ...`: the name may hold spaces and brackets; utime, stime, cutime and cstime are fields 14 to 17. */
function askingOf(body: string): BoardSample['asking'] {
  const pid = /^(\d+) \(/.exec(body)?.[1];
  const fields = body
    .slice(body.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  if (pid === undefined || fields.length < 4 || fields.some((each) => !Number.isFinite(each))) return null;
  return { pid: Number(pid), ticks: fields.reduce((sum, each) => sum + each, 0) };
}

/** `  24:  123  456  PCI-MSI ... name`: a count for each processor. */
function interruptsOf(body: string, words: readonly string[]): number {
  const own = body.split('\n').filter((line) => words.some((word) => line.includes(word)));
  return own.reduce((sum, line) => {
    const [, counts = ''] = /^\s*\S+:((?:\s+\d+)+)\s/.exec(line) ?? [];
    return (
      sum +
      counts
        .trim()
        .split(/\s+/)
        .map(Number)
        .reduce((all, each) => all + each, 0)
    );
  }, 0);
}

function radioOf(name: string, body: string, devices: string): RadioSample {
  const line = devices.split('\n').find((each) => each.trim().startsWith(`${name}:`)) ?? '';
  const counters = line
    .slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
  const queues = [
    ...body.matchAll(/\(dropped (\d+), overlimits \d+ requeues (\d+)\)\s*\n\s*backlog (\d+)([KM]?)b (\d+)p/g),
  ];
  const sum = (group: (match: RegExpExecArray) => number) =>
    queues.reduce((all, each) => all + group(each), 0);
  return {
    interface: name,
    ...{ rxBytes: counters[0] ?? 0, rxErrors: counters[2] ?? 0, rxDropped: counters[3] ?? 0 },
    ...{ txBytes: counters[8] ?? 0, txErrors: counters[10] ?? 0, txDropped: counters[11] ?? 0 },
    ...(queues.length === 0
      ? {}
      : {
          queue: {
            dropped: sum((match) => Number(match[1])),
            requeues: sum((match) => Number(match[2])),
            backlogBytes: sum((match) => Number(match[3]) * (UNITS[match[4] ?? ''] ?? 1)),
            backlogPackets: sum((match) => Number(match[5])),
          },
        }),
    peers: body.split(/^(?=Station )/m).flatMap(peerOf),
  };
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 * 1024 };

function peerOf(block: string): PeerSample[] {
  const mac = /^Station ([0-9a-f:]{17}) /.exec(block)?.[1];
  if (mac === undefined) return [];
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(block)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const megabits = (pattern: RegExp): number | undefined => {
    const found = number(pattern);
    return found === undefined ? undefined : found * 1e6;
  };
  return [
    defined({
      mac,
      signalDbm: number(/^\s*signal:\s+(-?\d+)/m),
      txBitrateBps: megabits(/^\s*tx bitrate:\s+([\d.]+) MBit/m),
      rxBitrateBps: megabits(/^\s*rx bitrate:\s+([\d.]+) MBit/m),
      txRetries: number(/^\s*tx retries:\s+(\d+)/m),
      txFailed: number(/^\s*tx failed:\s+(\d+)/m),
      beaconLoss: number(/^\s*beacon loss:\s+(\d+)/m),
      inactiveMs: number(/^\s*inactive time:\s+(\d+) ms/m),
    }),
  ];
}
