/** An event of a journal as one line for a person. */
import { styleText } from 'node:util';
import type { AnyEvent } from '../journal/event.ts';
import { sanitize } from '../text.ts';
import { findingLine } from '../verdict/told.ts';
import { formatDuration } from './units.ts';

/** `07:15:00.123 vb1  kernel   text`; local time, harmless to a terminal. */
export function journalLine(event: AnyEvent, colour: boolean): string {
  const time = new Date(event.wall);
  const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  const text = sanitize(textOf(event).replaceAll('\n', ' | '));
  const line = `${clock} ${(event.board ?? '-').padEnd(5)} ${event.source.padEnd(14)} `;
  if (!colour) return line + text;
  const style = isBad(event) ? 'red' : event.source === 'test' ? 'bold' : null;
  const body = style === null ? text : styleText(style, text, { validateStream: false });
  return styleText('gray', line, { validateStream: false }) + body;
}

/** What was observed, without who and when. */
function textOf(event: AnyEvent): string {
  switch (event.kind) {
    case 'console.line':
      return event.data.truncatedBytes > 0
        ? `${event.data.text} [${event.data.truncatedBytes} bytes more]`
        : event.data.text;
    case 'kernel.record':
      return `<${event.data.level}> [${(event.data.us / 1e6).toFixed(6)}] ${event.data.text}`;
    case 'clock.mapping': {
      const { clock, offsetNs, boundNs, samples } = event.data;
      return `${clock} clock: ${(offsetNs / 1e9).toFixed(6)} s to ours, within ${(boundNs / 1e6).toFixed(1)} ms (${samples} readings)`;
    }
    case 'hostapd.line':
    case 'wpa_supplicant.line':
      return `${event.data.interface}: ${event.data.text}`;
    case 'command.start':
      return `${event.data.via} $ ${event.data.command}`;
    case 'command.end':
      return (
        event.data.error ?? `exit code ${event.data.exitCode} after ${formatDuration(event.data.durationMs)}`
      );
    case 'iperf3.interval':
      return `${event.data.startS.toFixed(0)}-${event.data.endS.toFixed(0)} s ${megabits(event.data.bitsPerSecond)}${loss(event.data)}`;
    case 'iperf3.end':
      return event.data.error ?? `ended with ${megabits(event.data.bitsPerSecond)}`;
    case 'power.action': {
      const { action, ok, durationMs, error } = event.data;
      return ok ? `${action} took ${formatDuration(durationMs)}` : `${action} failed: ${error ?? ''}`;
    }
    case 'harness.action': {
      const { action, ok, durationMs, detail, signatures = [] } = event.data;
      const what = [
        action,
        ok ? undefined : 'failed',
        detail,
        signatures.length > 0 ? `of ${signatures.join(', ')}` : undefined,
      ];
      return `${what.filter((word) => word !== undefined).join(': ')} (${formatDuration(durationMs)})`;
    }
    case 'crash.report': {
      const { title, fingerprint, via, file } = event.data;
      return `${title} (${fingerprint}, ${via}${file === undefined ? '' : `, ${file}`})`;
    }
    case 'verdict.finding':
      return `${event.data.role}: ${findingLine(event.data)}`;
    case 'test.start':
      return `begins: ${event.data.suite} > ${event.data.title}`;
    case 'test.step':
      return `  ${event.data.title} (${formatDuration(event.data.durationMs)})${event.data.error ? `: ${event.data.error}` : ''}`;
    case 'test.end': {
      const { title, status, verdict, durationMs, error } = event.data;
      return `${status} (${verdict}, ${formatDuration(durationMs)}): ${title}${error ? `: ${error}` : ''}`;
    }
    default:
      return `${event.kind.slice(event.source.length + 1)}: ${fields(event.data)}`;
  }
}

function loss({
  lostPackets,
  packets,
  retransmits,
}: {
  lostPackets?: number | undefined;
  packets?: number | undefined;
  retransmits?: number | undefined;
}): string {
  const lost = lostPackets === undefined ? '' : `, ${lostPackets} of ${packets ?? '?'} packets lost`;
  return retransmits === undefined || retransmits === 0 ? lost : `${lost}, ${retransmits} retransmits`;
}

function megabits(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

function fields(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

function isBad(event: AnyEvent): boolean {
  switch (event.kind) {
    case 'kernel.record':
      return event.data.level <= 3;
    case 'crash.report':
      return event.data.kind !== 'firmware';
    case 'test.end':
      return event.data.verdict !== 'pass';
    case 'power.action':
    case 'iperf3.end':
      return !event.data.ok;
    case 'soak.breach':
    case 'kernel.lost':
      return true;
    case 'verdict.finding':
      return event.data.role !== 'consequence';
    default:
      return 'error' in event.data && event.data.error !== undefined;
  }
}
