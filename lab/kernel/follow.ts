/**
 * How a board lets its kernel log be followed, by what it has: /dev/kmsg, util-linux's `dmesg --follow`, systemd's journal,
 * OpenWrt's logread, or nothing but `dmesg`, which is asked again and again.
 */
import { z } from 'zod';
import { sanitize } from '../text.ts';
import { type KernelRecord, parseDmesgLine, parseKmsgLine } from './kmsg.ts';

export const LOG_FORMATS = ['kmsg', 'dmesg', 'journal', 'logread', 'poll'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Between two looks at a log that can only be looked at. */
const POLL_S = 1;
/** What ends one look. */
const POLLED = 'hil-polled';

/** Each first says its name and the boot; `cat` ends (EPIPE) when the ring has overtaken it, and is then started anew. */
const WAYS: Readonly<Record<LogFormat, { has: string; follow: string }>> = {
  kmsg: { has: '(exec 3</dev/kmsg) 2>/dev/null', follow: 'exec cat /dev/kmsg' },
  dmesg: { has: 'dmesg --help 2>&1|grep -q -e --follow', follow: 'exec dmesg --raw --follow' },
  journal: {
    has: 'journalctl --version >/dev/null 2>&1',
    follow: 'exec journalctl --dmesg --boot --follow --no-tail --output=json',
  },
  logread: { has: 'ubus list log >/dev/null 2>&1', follow: 'exec logread -f -l 100000' },
  // BusyBox has -r for the levels, but not always.
  poll: {
    has: 'dmesg >/dev/null 2>&1',
    follow: `while { dmesg -r 2>/dev/null||dmesg; };do echo ${POLLED};sleep ${POLL_S};done`,
  },
};

/** A shell script that follows in the first of the ways that the board has. Ends with 69 where it has none. */
export function followScript(formats: readonly LogFormat[] = LOG_FORMATS): string {
  const ways = formats.map((format) => {
    const { has, follow } = WAYS[format];
    return `if ${has};then echo "${format} $i";${follow};exit;fi;`;
  });
  return `export LC_ALL=C;read -r i </proc/sys/kernel/random/boot_id;${ways.join('')}exit 69`;
}

export function isLogFormat(word: string): word is LogFormat {
  return LOG_FORMATS.some((format) => format === word);
}

/** A record as a way of following gives it. */
export interface FollowedRecord extends Omit<KernelRecord, 'seq'> {
  /** Null where the way has no numbers. */
  seq: number | null;
}

export type Followed =
  | { kind: 'record'; record: FollowedRecord }
  /** About the record before. */
  | { kind: 'property'; key: string; value: string }
  /** The whole log has been looked at once more. */
  | { kind: 'polled' }
  | { kind: 'other' };

const OTHER = { kind: 'other' } as const;
const JOURNAL = z.object({
  MESSAGE: z.union([z.string(), z.array(z.number().int().min(0).max(255))]),
  PRIORITY: z.coerce.number().int().min(0).max(7).default(6),
  _SOURCE_MONOTONIC_TIMESTAMP: z.coerce.number().int().nonnegative(),
});
/** `Tue Apr 28 07:43:28 2020 kern.warn kernel: [   58.201234] text`. */
const LOGREAD =
  /^\S{3} \S{3} [\d ]\d \d\d:\d\d:\d\d \d{4} kern\.(\w+) kernel: \[ *(\d{1,9})\.(\d{6})\] ?(.*)$/;
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
const BARE = /^\[ *(\d{1,9})\.(\d{6})\] ?(.*)$/;

/** One line of what a followScript prints, without its end. Never throws. */
export function parseFollowed(format: LogFormat, line: string): Followed {
  if (format === 'kmsg') {
    const parsed = parseKmsgLine(line);
    if (parsed.kind !== 'record') return parsed;
    const { seq, level, us, text } = parsed.record;
    return { kind: 'record', record: { seq, level, us, text } };
  }
  if (format === 'poll' && line === POLLED) return { kind: 'polled' };
  const record =
    format === 'journal' ? ofJournal(line) : format === 'logread' ? ofLogread(line) : ofDmesg(line);
  return record === null ? OTHER : { kind: 'record', record: { seq: null, ...record } };
}

type Bare = Omit<KernelRecord, 'seq'>;

function ofDmesg(line: string): Bare | null {
  const raw = parseDmesgLine(line);
  if (raw !== undefined) return raw;
  const [, seconds, fraction, text] = BARE.exec(line) ?? [];
  return seconds === undefined
    ? null
    : { level: -1, us: microseconds(seconds, fraction), text: sanitize(text ?? '') };
}

function ofLogread(line: string): Bare | null {
  const [, level = '', seconds, fraction, text = ''] = LOGREAD.exec(line) ?? [];
  if (seconds === undefined) return null;
  return { level: LEVELS.indexOf(level), us: microseconds(seconds, fraction), text: sanitize(text) };
}

function ofJournal(line: string): Bare | null {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return null; // A torn line: the next one is whole.
  }
  const entry = JOURNAL.safeParse(data);
  if (!entry.success) return null;
  const { MESSAGE, PRIORITY, _SOURCE_MONOTONIC_TIMESTAMP } = entry.data;
  const text = typeof MESSAGE === 'string' ? MESSAGE : Buffer.from(MESSAGE).toString('utf8');
  return { level: PRIORITY, us: _SOURCE_MONOTONIC_TIMESTAMP, text: sanitize(text.replaceAll('\n', ' ')) };
}

function microseconds(seconds: string, fraction = '0'): number {
  return Number(seconds) * 1_000_000 + Number(fraction);
}
