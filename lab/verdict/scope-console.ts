/** Console lines that say what nothing else does: boot loader, programs, and a kernel whose log could not be read. */
import type { LogRecord } from './classify/records.ts';
import { stampOf } from './classify/stamp.ts';
import type { ScopeEvent } from './scope-events.ts';

const BOOT = 'Linux version ';

/**
 * Lines of the console without those that the kernel's own records tell as well, without what a command typed there put out,
 * and without lines whose end had not come: they come again.
 */
export function consoleLines(events: readonly ScopeEvent[]): LogRecord[] {
  const recorded = recordedTexts(events);
  const lines: LogRecord[] = [];
  const commands = new Set<string>();
  let newestUs = -1;
  for (const { kind, data, atS } of events) {
    if (kind === 'command.start' && data.via === 'console') commands.add(data.id);
    else if (kind === 'command.end') commands.delete(data.id);
    else if (kind === 'kernel.record') newestUs = Math.max(newestUs, data.us);
    else if (kind === 'kernel.boot') newestUs = -1;
    if (kind !== 'console.line' || data.partial) continue;
    const { kernelS, message } = stampOf(data.text);
    if (kernelS === null) {
      if (commands.size === 0 && message.trim() !== '') lines.push({ text: data.text, atS });
      continue;
    }
    const us = Math.round(kernelS * 1e6);
    if (message.includes(BOOT)) newestUs = -1;
    // A command may print the log once more.
    const old = commands.size > 0 && us <= newestUs;
    newestUs = Math.max(newestUs, us);
    if (old || recorded.get(us)?.some((text) => text.includes(message.trim()))) continue;
    lines.push({ text: message, atS });
  }
  return lines;
}

/** Texts of kernel records by the microsecond, which is how the console tells their time. */
function recordedTexts(events: readonly ScopeEvent[]): Map<number, string[]> {
  const texts = new Map<number, string[]>();
  for (const { kind, data } of events) {
    if (kind !== 'kernel.record') continue;
    const same = texts.get(data.us);
    if (same) same.push(data.text);
    else texts.set(data.us, [data.text]);
  }
  return texts;
}
