/** Board output is hostile: cuts bytes into lines of bounded length, and makes them harmless to terminals and reports. */
import { StringDecoder } from 'node:string_decoder';

/** CSI, OSC, DCS/SOS/PM/APC and two-character escapes; a string sequence without end is cut after 4,096 characters. */
const ESCAPES =
  /\x1b(?:\[[\x20-\x3f]{0,64}[\x40-\x7e]?|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[PX^_][^\x1b]{0,4096}(?:\x1b\\)?|[\x20-\x2f]{0,8}[\x30-\x7e]?)|\x9b[\x20-\x3f]{0,64}[\x40-\x7e]?/g;

/** C0 but tab, DEL, C1, and what turns the direction of text or hides in it. */
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text without escape sequences and control characters (tabs stay). Linear in its length. */
export function sanitize(text: string): string {
  return text.replace(ESCAPES, '').replace(CONTROLS, '');
}

/** As sanitize, for text of several lines: line ends stay. */
export function sanitizeLines(text: string): string {
  return text.split('\n').map(sanitize).join('\n');
}

export interface Line {
  /** As it came, but for its end. */
  text: string;
  /** Bytes beyond the limit that were left out. */
  truncatedBytes: number;
}

export interface LineSplitterOptions {
  /** Characters kept of a line. Default 16 KiB. */
  maxLength?: number;
}

/** Bytes to lines: UTF-8 with replacement, LF or CR LF ends, memory bounded whatever comes. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #max: number;
  #partial = '';
  #dropped = 0;

  constructor(options: LineSplitterOptions = {}) {
    this.#max = options.maxLength ?? 16 * 1024;
  }

  /** The begun line, so far. */
  get partial(): string {
    return this.#partial;
  }

  push(chunk: Buffer): Line[] {
    const text = this.#decoder.write(chunk);
    const lines: Line[] = [];
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      this.#keep(text.slice(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(text.slice(start));
    return lines;
  }

  /** What came after the last line end, at the end of the stream; null when nothing did. */
  end(): Line | null {
    this.#keep(this.#decoder.end());
    return this.#partial === '' && this.#dropped === 0 ? null : this.#take();
  }

  #keep(piece: string): void {
    const room = this.#max - this.#partial.length;
    this.#partial += piece.length <= room ? piece : piece.slice(0, room);
    if (piece.length > room) this.#dropped += Buffer.byteLength(piece.slice(room));
  }

  #take(): Line {
    const text = this.#partial.endsWith('\r') ? this.#partial.replace(/\r+$/, '') : this.#partial;
    const line = { text, truncatedBytes: this.#dropped };
    this.#partial = '';
    this.#dropped = 0;
    return line;
  }
}
