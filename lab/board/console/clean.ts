/** Console bytes to clean text: UTF-8 with replacement, no escape sequences or control characters, lines ending in LF. */
import { StringDecoder } from 'node:string_decoder';
import { sanitize } from '../../text.ts';

/** An escape sequence, or a carriage return, that may go on in the next piece. */
const UNFINISHED =
  /(?:\x1b(?:\[[\x20-\x3f]{0,64}|\][^\x07\x1b]{0,256}\x1b?|[PX^_][^\x1b]{0,256}\x1b?|[\x20-\x2f]{0,8})?|\x9b[\x20-\x3f]{0,64}|\r+)$/;
/** No unfinished sequence is longer. */
const MAX_HELD = 260;

export class Cleaner {
  readonly #decoder = new StringDecoder('utf8');
  #held = '';

  push(bytes: Buffer): string {
    const text = this.#held + this.#decoder.write(bytes);
    const from = Math.max(0, text.length - MAX_HELD);
    const unfinished = UNFINISHED.exec(text.slice(from));
    const end = unfinished ? from + unfinished.index : text.length;
    this.#held = text.slice(end);
    return cleanLines(text.slice(0, end));
  }
}

function cleanLines(text: string): string {
  let result = '';
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    result += `${sanitize(text.slice(start, end))}\n`;
    start = end + 1;
  }
  return result + sanitize(text.slice(start));
}
