/** An event of a journal in words, without who and when. Pure; board output in it is as it came. */
import type { EventKind, JournalEvent } from '../journal/event.ts';
import { formatDuration } from '../units.ts';
import { mbps } from './soak/criteria.ts';
import { findingLine } from './told.ts';

/** What an event tells, whoever had it from where. */
export type Told = { [K in EventKind]: Pick<JournalEvent<K>, 'kind' | 'source' | 'data'> }[EventKind];

export function eventText(event: Told): string {
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
    case 'iw.event':
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
      return `${event.data.startS.toFixed(0)}-${event.data.endS.toFixed(0)} s ${mbps(event.data.bitsPerSecond)}${loss(event.data)}`;
    case 'probe.host': {
      const { busy, steal, lagMs, emulator } = event.data;
      const emulated = emulator === 0 ? '' : `, the emulated board ${percent(emulator)}`;
      return `the lab machine: ${percent(busy)} busy, ${percent(steal)} taken by others, ${lagMs} ms late${emulated}`;
    }
    case 'probe.board':
      return `the board: ${percent(event.data.busy)} busy, ${percent(event.data.softirq)} in softirqs${memory(event.data)}`;
    case 'probe.radio': {
      const { interface: name, station, signalDbm, txBitrateBps, txRetries = 0, txFailed = 0 } = event.data;
      const heard = signalDbm === undefined ? '' : ` at ${signalDbm} dBm`;
      const rate = txBitrateBps === undefined ? '' : `, sending at ${mbps(txBitrateBps)}`;
      return `${name} hears ${station}${heard}${rate}, ${txRetries} sent again, ${txFailed} failed`;
    }
    case 'probe.latency': {
      const { timesMs, expected, target } = event.data;
      const most = timesMs.length === 0 ? '' : `, up to ${Math.max(...timesMs).toFixed(1)} ms`;
      return `${timesMs.length} of ${expected} answers from ${target}${most}`;
    }
    case 'iperf3.end':
      return event.data.error ?? `ended with ${mbps(event.data.bitsPerSecond)}`;
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
    case 'air.change':
      return event.data.what;
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

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function memory({ availableKb }: { availableKb?: number | undefined }): string {
  return availableKb === undefined ? '' : `, ${Math.round(availableKb / 1024)} MB of memory left`;
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

function fields(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

/** Whether it tells of something that went wrong. */
export function isBad(event: Told): boolean {
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
