/** An event of a journal as one line for a person. */
import { styleText } from 'node:util';
import type { AnyEvent } from '../journal/event.ts';
import { sanitize } from '../text.ts';
import { eventText, isBad } from '../verdict/event-text.ts';

/** `07:15:00.123 vb1  kernel   text`; local time, harmless to a terminal. */
export function journalLine(event: AnyEvent, colour: boolean): string {
  const time = new Date(event.wall);
  const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
  const text = sanitize(eventText(event).replaceAll('\n', ' | '));
  const line = `${clock} ${(event.board ?? '-').padEnd(5)} ${event.source.padEnd(14)} `;
  if (!colour) return line + text;
  const style = isBad(event) ? 'red' : event.source === 'test' ? 'bold' : null;
  const body = style === null ? text : styleText(style, text, { validateStream: false });
  return styleText('gray', line, { validateStream: false }) + body;
}
