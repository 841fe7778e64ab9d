/**
 * What stands before the message of a log line: times of many kinds, levels, hosts, programs. Formats: dmesg (plain, -T,
 * -H, -x), /dev/kmsg on a console (`<3>`, caller tags), journalctl, syslog (RFC 3164 with months in any language, RFC 5424
 * times), OpenWrt's logread, hostapd -t, and what terminal programs write before the lines of a serial port.
 */

export interface Stamp {
  /** Seconds of a calendar clock, of an unknown zone and, where the line has none, year; null where there is none. */
  wallS: number | null;
  /** Seconds since boot; null where there is none. */
  kernelS: number | null;
  /** Whether the line begins as the lines of logs do. */
  stamped: boolean;
  /** The line without what stands before its message. */
  message: string;
}

/** Mail quotes, and arrows by which people point at a line. */
const QUOTED = /^(?:[ \t]{0,4}(?:>|\||-->|==>|=>)[ \t]?){1,8}/;
const LEVEL = /^<\d{1,3}>/;
/** `[   12.345678]`, `[   12.345678][  T123]`, `[   12.345678] [ C0]`, `[12.345678,1]`. */
const KERNEL = /^\[ *(\d{1,9})[.,](\d{2,9})(?:,\d)?\](?: ?\[ *[TC]\d{1,8}\])? ?/;
/** dmesg -H: `[  +0.000012]`. */
const DELTA = /^\[ *\+\d{1,7}[.,]\d{1,9}\] ?/;
/** dmesg -H: `[Sep19 17:50]`. */
const MINUTE = /^\[[^\s\d\]]{2,6} ?\d{1,2} \d\d:\d\d\] ?/;
/** dmesg -T and OpenWrt: `Wed Mar  3 12:00:00 2021`, the first in brackets. */
const CALENDAR =
  /^(\[)?[^\s\d[\]:]{2,6}\.?,? +(?:[^\s\d[\]:]{2,6}\.? +(\d{1,2})|(\d{1,2})\.? +[^\s\d[\]:]{2,6}\.?) +(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})? (\d{4})\]? ?/;
/** `Mar 03 12:00:00 host program[1]: `, with months in any language, or none known. */
const SYSLOG =
  /^(?:[^\s\d[\]:<>(){}=]{2,6}\.? +(\d{1,2})|(\d{1,2})\. ?[^\s\d[\]:]{2,6}\.?) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? /;
const ISO = /^\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|[+-]\d\d:?\d\d)?\]?:? ?/;
const CLOCK = /^\[?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\]? /;
/** hostapd -t, wpa_supplicant -t: `1759401129.932470: `; ModemManager: `[1588060000.123456] `. */
const EPOCH = /^\[?(1\d{9})\.(\d{1,9})(?:\]|:) ?/;
/** `host kernel: `, `kern.warn kernel: `, `daemon.notice netifd: ` after a time. */
const PROGRAM = /^(?:[^\s:[\]]{1,64} )?(kernel: )/;
const UNTIMED_KERNEL = /^kernel: /;
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

/** The line without mail quotes. */
export function unquote(line: string): string {
  const first = line.charCodeAt(0);
  // Most lines begin with a bracket or a letter: nothing to look for.
  if (first === 0x5b || (first >= 0x41 && first <= 0x7a)) return line;
  return line.replace(QUOTED, '');
}

/** Reads what stands before the message. Never throws; a line without any is a message. */
export function stampOf(line: string): Stamp {
  let rest = unquote(line).replace(/^[ \t]{1,16}(?=[[<])/, '');
  const stamp: Stamp = { wallS: null, kernelS: null, stamped: false, message: rest };
  const level = LEVEL.exec(rest);
  if (level) rest = rest.slice(level[0].length);
  const wall = wallOf(rest);
  if (wall) {
    stamp.wallS = wall.seconds;
    rest = rest.slice(wall.length);
    const program = PROGRAM.exec(rest);
    if (program) rest = rest.slice(program[0].length);
  } else if (UNTIMED_KERNEL.test(rest)) rest = rest.slice(8);
  const inner = LEVEL.exec(rest);
  if (inner) rest = rest.slice(inner[0].length);
  const kernel = KERNEL.exec(rest);
  if (kernel) {
    stamp.kernelS = Number(`${kernel[1]}.${kernel[2]}`);
    rest = rest.slice(kernel[0].length);
  }
  const relative = kernel ? null : (DELTA.exec(rest) ?? MINUTE.exec(rest));
  if (relative) rest = rest.slice(relative[0].length);
  stamp.stamped = wall !== null || kernel !== null || relative !== null || level !== null;
  stamp.message = rest;
  return stamp;
}

function wallOf(text: string): { seconds: number; length: number } | null {
  const first = text.charCodeAt(0);
  const second = text.charCodeAt(1);
  // `[    1.2`, `[ +0.1`: of the kernel.
  if (first === 0x5b && (second === 0x20 || second === 0x2b)) return null;
  const epoch = EPOCH.exec(text);
  if (epoch) return { seconds: Number(`${epoch[1]}.${epoch[2]}`), length: epoch[0].length };
  const iso = ISO.exec(text);
  if (iso) {
    const [whole, year, month, day, hour, minute, second, fraction = '0'] = iso;
    const ms = Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
    return { seconds: ms / 1000 + Number(`0.${fraction}`), length: whole.length };
  }
  const calendar = CALENDAR.exec(text);
  if (calendar) {
    const [whole, , day, dayFirst, hour, minute, second] = calendar;
    return { seconds: ofDay(whole, Number(day ?? dayFirst), hour, minute, second), length: whole.length };
  }
  const syslog = SYSLOG.exec(text);
  if (syslog) {
    const [whole, day, dayFirst, hour, minute, second, fraction = '0'] = syslog;
    const seconds = ofDay(whole, Number(day ?? dayFirst), hour, minute, second) + Number(`0.${fraction}`);
    return { seconds, length: whole.length };
  }
  const clock = CLOCK.exec(text);
  if (!clock) return null;
  const [whole, hour, minute, secs, fraction = '0'] = clock;
  return { seconds: ofDay('', 0, hour, minute, secs) + Number(`0.${fraction}`), length: whole.length };
}

/** Without a year, and with months of languages that are not known: enough to tell how far apart two lines are. */
function ofDay(
  text: string,
  day: number,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number {
  const lower = text.toLowerCase();
  const month = Math.max(
    0,
    MONTHS.findIndex((name) => lower.includes(name)),
  );
  return (((month * 31 + day) * 24 + Number(hour)) * 60 + Number(minute)) * 60 + Number(second);
}
