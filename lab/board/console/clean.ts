/**
 * Console bytes to clean text: UTF-8 with replacement, no escape sequences or control characters, lines ending in LF. A
 * carriage return alone, by which a line is written over, stays.
 */
import { StringDecoder } from 'node:string_decoder';
import { sanitizeStream } from '../../text.ts';

/** An escape sequence, or a carriage return, that may go on in the next piece. */
const UNFINISHED =
  /(?:\x1b(?:\[[\x20-\x3f]{0,64}|\][^\x07\x1b\r\n]{0,256}\x1b?|[PX^_][^\x1b\r\n]{0,256}\x1b?|[\x20-\x2f]{0,8})?|\x9b[\x20-\x3f]{0,64}|\r{1,64})$/;
/** No unfinished sequence is longer. */
const MAX_HELD = 260;
const MAY_BE_UNFINISHED = /[\x1b\x9b\r]/;

export class Cleaner {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  push(bytes: Buffer): string {
    const text = this.#held + this.#decoder.write(bytes);
    const from = Math.max(0, text.length - MAX_HELD);
    const last = text.slice(from);
    const unfinished = MAY_BE_UNFINISHED.test(last) ? UNFINISHED.exec(last) : null;
    const end = unfinished ? from + unfinished.index : text.length;
    this.#held = text.slice(end);
    return clean(text.slice(0, end));
  }

  /** What was held back, at the end of the stream. */
  end(): string {
    const held = this.#held + this.#decoder.end();
    this.#held = '';
    return clean(held);
  }
}

function clean(text: string): string {
  const lines = text.replaceAll('\r\n', '\n');
  if (!lines.includes('\r')) return sanitizeStream(lines);
  return sanitizeStream(lines.replace(/\r+\n/g, '\n')).replace(/\r+/g, '\r');
}
