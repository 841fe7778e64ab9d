/**
 * Kernel log records as /dev/kmsg gives them (Documentation/ABI/testing/dev-kmsg in the kernel's source):
 * `priority,sequence,microseconds,flags[,more];text`, then lines of `KEY=value` that begin with a space.
 */
import { sanitize } from '../text.ts';

export interface KernelRecord {
  /** Counts up by one from 0 at boot. */
  seq: number;
  /** 0 (emergency) to 7 (debug). */
  level: number;
  /** Microseconds since boot. */
  us: number;
  text: string;
  /** What the record is about, where it says so: `usb`, `+usb:1-1`. */
  subsystem?: string;
  device?: string;
  /** Only the console told it: `seq` is -1. */
  via?: 'console';
}

export interface KmsgRecord extends KernelRecord {
  /** 0 for the kernel's own; others were written by programs. */
  facility: number;
  /** The text continues that of the record before it. */
  continuation: boolean;
}

export type KmsgLine =
  | { kind: 'record'; record: KmsgRecord }
  /** About the record before: `SUBSYSTEM=usb`, `DEVICE=+usb:1-1`. */
  | { kind: 'property'; key: string; value: string }
  | { kind: 'other' };

/** What a barrier writes into the log, followed by a word of its own. */
export const BARRIER = 'hil-barrier ';

export function isBarrier(text: string): boolean {
  return text.startsWith(BARRIER);
}

const RECORD = /^(\d{1,10}),(\d{1,15}),(\d{1,17}),([^,;]*)(?:,[^;]*)?;(.*)$/s;
const PROPERTY = /^ ([^=]+)=(.*)$/s;

/** One line of /dev/kmsg, without its newline. Never throws: what is no such line is `other`. */
export function parseKmsgLine(line: string): KmsgLine {
  const property = PROPERTY.exec(line);
  if (property !== null) {
    return { kind: 'property', key: clean(property[1] ?? ''), value: clean(property[2] ?? '') };
  }
  const match = RECORD.exec(line);
  if (match === null) return { kind: 'other' };
  const priority = Number(match[1]);
  const record: KmsgRecord = {
    seq: Number(match[2]),
    level: priority & 7,
    us: Number(match[3]),
    facility: Math.floor(priority / 8),
    continuation: match[4] === 'c',
    text: clean(match[5] ?? ''),
  };
  return { kind: 'record', record };
}

const RAW_DMESG = /^<(\d{1,10})>\[\s*(\d{1,10})\.(\d{6})\] ?(.*)$/s;

/** One line of `dmesg --raw`, which has no sequence number; undefined when it is none. */
export function parseDmesgLine(line: string): Omit<KernelRecord, 'seq'> | undefined {
  const match = RAW_DMESG.exec(line);
  if (match === null) return undefined;
  return {
    level: Number(match[1]) & 7,
    us: Number(match[2]) * 1_000_000 + Number(match[3]),
    text: clean(match[4] ?? ''),
  };
}

function clean(text: string): string {
  return sanitize(decode(text));
}

/** The kernel writes each byte that is not printable ASCII, and the backslash, as `\xNN`. */
function decode(text: string): string {
  if (!text.includes('\\x')) return text;
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const hex = text[at] === '\\' ? /^\\x([0-9a-f]{2})/i.exec(text.slice(at, at + 4)) : null;
    if (hex === null) {
      const character = text.codePointAt(at) ?? 0;
      const whole = String.fromCodePoint(character);
      bytes.push(...Buffer.from(whole));
      at += whole.length;
    } else {
      bytes.push(Number.parseInt(hex[1] ?? '0', 16));
      at += 4;
    }
  }
  // A newline within a record becomes a space, so that words do not run together.
  return Buffer.from(bytes).toString('utf8').replaceAll('\n', ' ');
}
