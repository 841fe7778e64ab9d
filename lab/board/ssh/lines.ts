/** Bytes to lines: UTF-8 with replacement, split at newlines, however torn the chunks are. */
import { StringDecoder } from 'node:string_decoder';

/** Longest line given in one piece, in characters. */
export const LINE_LIMIT = 64 * 1024;

/** Feeds complete lines, without their `\n` or `\r\n`, to `onLine`; longer ones than LINE_LIMIT in pieces. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #pending: string[] = [];
  #pendingLength = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    this.#feed(this.#decoder.write(chunk));
  }

  /** The rest, when the input ends without a newline. */
  end(): void {
    this.#feed(this.#decoder.end());
    if (this.#pendingLength > 0) this.#emit('');
  }

  #feed(text: string): void {
    let start = 0;
    for (;;) {
      const room = LINE_LIMIT - this.#pendingLength;
      const newline = text.indexOf('\n', start);
      if (newline !== -1 && newline - start <= room) {
        this.#emit(text.slice(start, newline));
        start = newline + 1;
      } else if (text.length - start > room) {
        this.#emit(text.slice(start, start + room));
        start += room;
      } else {
        break;
      }
    }
    if (start < text.length) {
      this.#pending.push(text.slice(start));
      this.#pendingLength += text.length - start;
    }
  }

  #emit(last: string): void {
    const line = this.#pendingLength === 0 ? last : this.#pending.join('') + last;
    this.#pending = [];
    this.#pendingLength = 0;
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}
