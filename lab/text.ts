/** Board output is hostile: cuts bytes into lines of bounded length, and makes them harmless to terminals and reports. */
import { StringDecoder } from 'node:string_decoder';

/**
 * CSI, OSC, DCS/SOS/PM/APC and shorter escapes (ECMA-48). None reaches over the end of a line; a string sequence without
 * end is cut after 4,096 characters.
 */
const ESCAPES =
  /\x1b(?:\[[\x20-\x3f]{0,64}[\x40-\x7e]?|\][^\x07\x1b\r\n]{0,4096}(?:\x07|\x1b\\)?|[PX^_][^\x1b\r\n]{0,4096}(?:\x1b\\)?|[\x20-\x2f]{0,8}[\x30-\x7e]?)|\x9b[\x20-\x3f]{0,64}[\x40-\x7e]?/g;

/** C0 but tab and line ends, DEL, C1, and what turns the direction of text or hides in it. */
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Whether there is any of them, in one look. */
const HARMFUL = new RegExp(CONTROLS.source);

/** Text without escape sequences and control characters (tabs stay). Linear in its length. */
export function sanitize(text: string): string {
  return sanitizeStream(text).replace(/[\r\n]+/g, '');
}

/** As sanitize, for text of several lines: line ends stay. */
export function sanitizeLines(text: string): string {
  return sanitizeStream(text).replace(/\r+/g, '');
}

/** As sanitize; carriage returns and line feeds stay. */
export function sanitizeStream(text: string): string {
  if (!HARMFUL.test(text)) return text;
  return text.replace(ESCAPES, '').replace(CONTROLS, '');
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

/**
 * Bytes (or text) to lines: UTF-8 with replacement; LF and CR LF end a line; a carriage return alone begins it anew, as on
 * a terminal, so that a progress bar is one line that tells its last state. Memory is bounded whatever comes.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #max: number;
  #partial = '';
  #dropped = 0;
  /** A carriage return came last: what follows overwrites, unless it is a line feed. */
  #returned = false;

  constructor(options: LineSplitterOptions = {}) {
    this.#max = options.maxLength ?? 16 * 1024;
  }

  /** The begun line, so far. */
  get partial(): string {
    return this.#partial;
  }

  /** Bytes left out of the begun line, so far. */
  get partialTruncatedBytes(): number {
    return this.#dropped;
  }

  push(chunk: Buffer | string): Line[] {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    const lines: Line[] = [];
    let start = 0;
    // Whole lines between two line feeds, as most are, need no further look.
    const plain = !text.includes('\r');
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      if (plain && start > 0 && end - start <= this.#max)
        lines.push({ text: text.slice(start, end), truncatedBytes: 0 });
      else {
        this.#keep(text.slice(start, end));
        lines.push(this.#take());
      }
      start = end + 1;
    }
    this.#keep(text.slice(start));
    return lines;
  }

  /** What came after the last line end, at the end of the stream; null when nothing did. */
  end(): Line | null {
    this.#keep(this.#decoder.end());
    const line = this.#take();
    return line.text === '' && line.truncatedBytes === 0 ? null : line;
  }

  #keep(piece: string): void {
    const last = piece.lastIndexOf('\r');
    if (last < 0) {
      this.#add(piece);
      return;
    }
    const text = piece.endsWith('\r') ? piece.replace(/\r+$/, '') : piece;
    const kept = text.slice(text.lastIndexOf('\r') + 1);
    if (kept.length < text.length) this.#returned = true;
    this.#add(kept);
    if (text.length < piece.length) this.#returned = true;
  }

  #add(text: string): void {
    if (text === '') return;
    if (this.#returned) this.#take();
    const room = this.#max - this.#partial.length;
    this.#partial += text.length <= room ? text : text.slice(0, room);
    if (text.length > room) this.#dropped += Buffer.byteLength(text.slice(room));
  }

  #take(): Line {
    const line = { text: this.#partial, truncatedBytes: this.#dropped };
    this.#partial = '';
    this.#dropped = 0;
    this.#returned = false;
    return line;
  }
}

/** How many insertions, deletions, replacements or swaps of neighbours turn one word into the other. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const costs = [
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        ...(swapped ? [(before[column - 2] ?? 0) + 1] : []),
      ];
      current.push(Math.min(...costs));
    }
    [before, above] = [above, current];
  }
  return above[b.length] ?? 0;
}
