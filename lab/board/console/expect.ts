/** Looking for patterns in a stream of clean text, each character once. */
import type { WaitOptions } from './wait.ts';

/** A string may span lines; a regular expression sees one line at a time, the begun one included. */
export type Pattern = string | RegExp;

export interface ExpectOptions extends WaitOptions {
  /** Where to begin, a position of the console; default: what comes from now on. */
  from?: number;
}

export interface ExpectResult {
  index: number;
  match: string[];
  before: string;
  /** Just after the match: where to look for what comes next. */
  position: number;
}

export interface Found {
  /** Which of the patterns; of several at the same place, the first given. */
  index: number;
  match: string[];
  /** Positions of the match in the stream. */
  start: number;
  end: number;
}

/** A regular expression sees one line at a time (the begun one included), up to this many characters of it. */
const MAX_LINE = 16 * 1024;

export class Matcher {
  readonly #literals: { index: number; literal: string }[] = [];
  readonly #regexes: { index: number; regex: RegExp }[] = [];
  readonly #overlap: number;
  #tail = '';
  #line = '';
  #lineStart = 0;
  #lineTested = 0;

  constructor(patterns: readonly Pattern[]) {
    for (const [index, pattern] of patterns.entries()) {
      if (typeof pattern === 'string') this.#literals.push({ index, literal: lineEnds(pattern) });
      else
        this.#regexes.push({ index, regex: new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')) });
    }
    this.#overlap = Math.max(0, ...this.#literals.map(({ literal }) => literal.length - 1));
  }

  /** The earliest match that is complete with this piece of text; null when there is none yet. */
  feed(text: string, position: number): Found | null {
    const found = [this.#feedLiterals(text, position), this.#feedLines(text, position)].filter(
      (each) => each !== null,
    );
    found.sort((a, b) => a.start - b.start || a.index - b.index);
    return found[0] ?? null;
  }

  #feedLiterals(text: string, position: number): Found | null {
    if (this.#literals.length === 0) return null;
    const window = this.#tail + text;
    const base = position - this.#tail.length;
    let best: Found | null = null;
    for (const { index, literal } of this.#literals) {
      const at = window.indexOf(literal);
      if (at < 0 || (best && base + at >= best.start)) continue;
      best = { index, match: [literal], start: base + at, end: base + at + literal.length };
    }
    this.#tail = this.#overlap === 0 ? '' : window.slice(-this.#overlap);
    return best;
  }

  #feedLines(text: string, position: number): Found | null {
    if (this.#regexes.length === 0) return null;
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      const piece = end < 0 ? text.slice(start) : text.slice(start, end);
      if (this.#line === '') this.#lineStart = position + start;
      this.#line += piece.slice(0, MAX_LINE - this.#line.length);
      const found = this.#testLine();
      if (found || end < 0) return found;
      this.#line = '';
      this.#lineTested = 0;
      start = end + 1;
    }
  }

  #testLine(): Found | null {
    if (this.#line.length === this.#lineTested && this.#lineTested > 0) return null;
    this.#lineTested = this.#line.length;
    let best: Found | null = null;
    for (const { index, regex } of this.#regexes) {
      const match = regex.exec(this.#line);
      if (!match) continue;
      const start = this.#lineStart + match.index;
      if (best && start >= best.start) continue;
      best = { index, match: [...match].map((group) => group ?? ''), start, end: start + match[0].length };
    }
    return best;
  }
}

/** In clean text a line ends in LF alone. */
function lineEnds(literal: string): string {
  return literal.replace(/\r+\n/g, '\n').replaceAll('\r', '\n');
}
