/** Physical lines to the lines that were logged: mail quotes taken off, and what a mail program broke put together again. */
import { sanitize } from '../../text.ts';
import { stampOf, unquote } from './stamp.ts';

export interface LoggedLine {
  /** Clean, without quotes. */
  text: string;
  /** First and last physical line, from 1. */
  first: number;
  last: number;
}

/** Mail programs break lines between these lengths; a shorter line has ended by itself. */
const WRAP_MIN = 48;
const WRAP_MAX = 100;
/** So many pieces may a broken line have. */
const PIECES = 6;

/** Whether lines of a log have stamps: only then can it be told where one goes on. */
function isStamped(lines: readonly string[]): boolean {
  let stamped = 0;
  const looked = Math.min(lines.length, 2000);
  for (let at = 0; at < looked; at++) if (stampOf(lines[at] ?? '').stamped) stamped++;
  return stamped >= 3 && stamped * 8 >= looked;
}

/** All lines of a text that fits into memory. */
export function unwrap(text: string): LoggedLine[] {
  const physical = text.split(text.includes('\n') ? '\n' : '\r');
  if (physical.at(-1) === '') physical.pop();
  const lines = physical.map((line) => unquote(sanitize(line)));
  const joins = isStamped(lines);
  const logged: LoggedLine[] = [];
  let pieces = 0;
  let before = '';
  for (const [index, line] of lines.entries()) {
    const open = logged.at(-1);
    const fits = before.length >= WRAP_MIN && before.length <= WRAP_MAX && pieces < PIECES;
    if (joins && open && fits && goesOn(line)) {
      open.text = joined(open.text, line);
      open.last = index + 1;
      pieces++;
      before = line.length < WRAP_MIN ? '' : line;
      continue;
    }
    logged.push({ text: line, first: index + 1, last: index + 1 });
    pieces = 1;
    before = joins && stampOf(line).stamped ? line : '';
  }
  return logged;
}

/** Whether a line can be the rest of a broken one: no stamp, not empty, not the beginning of something else. */
function goesOn(line: string): boolean {
  return line.trim() !== '' && !/^[-=*#]{3}|^\[|^\S+@\S+[:~]/.test(line) && !stampOf(line).stamped;
}

/**
 * Neighbouring lines put together where the first is as long as a broken one, for lines that say nothing by themselves:
 * where lines have no stamps it can't be told which are the rest of another.
 */
export function pairs(lines: readonly LoggedLine[], telling: ReadonlySet<LoggedLine>): LoggedLine[] {
  return lines.flatMap((line, index) => {
    const next = lines[index + 1];
    if (!next || telling.has(line) || telling.has(next)) return [];
    const { length } = line.text;
    if (length < WRAP_MIN || length > WRAP_MAX || !goesOn(next.text)) return [];
    return [{ text: joined(line.text, next.text), first: line.first, last: next.last }];
  });
}

function joined(begun: string, rest: string): string {
  return `${begun}${begun.endsWith(' ') || rest.startsWith(' ') ? '' : ' '}${rest}`;
}
