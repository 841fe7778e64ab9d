/**
 * Finds many literals at once in bytes, four bytes at a time whatever their number: of each literal one fragment of seven
 * bytes is chosen, of which, wherever it lies, four bytes are a whole word of the text. A bit tells for each word whether
 * it can be of a fragment; nearly all words are passed over by that alone.
 */

/** Shortest literal that is found wherever it lies. */
export const LITERAL_MIN = 7;
const WORD = 4;
const HASH_BITS = 18;
const LINE_FEEDS = 0x0a0a0a0a;

interface Window {
  literal: number;
  /** Where in the literal the word begins. */
  offset: number;
}

/** Told line by line of what was found. */
export interface LineSink {
  /** A literal, by its number, that begins at `at`. */
  found(literal: number, at: number): void;
  /** The line feed at `at` ends the current line. */
  lineEnd(at: number): void;
}

export class LiteralSearch {
  readonly #literals: readonly Uint8Array[];
  readonly #windows = new Map<number, Window[]>();
  readonly #bits = new Int32Array(1 << (HASH_BITS - 5));

  /** Throws RangeError for a literal that is too short, or not ASCII. */
  constructor(literals: readonly string[]) {
    this.#literals = literals.map((literal) => new TextEncoder().encode(literal));
    for (const [index, bytes] of this.#literals.entries()) {
      if (bytes.length < LITERAL_MIN || bytes.some((byte) => byte < 0x20 || byte > 0x7e))
        throw new RangeError(`not ${LITERAL_MIN} characters of ASCII: "${literals[index]}"`);
      const start = rarest(bytes);
      for (let shift = 0; shift <= LITERAL_MIN - WORD; shift++) this.#learn(bytes, index, start + shift);
    }
  }

  /** Searches `bytes`, whose length is a multiple of 4 and whose offset in its buffer is one too. */
  search(bytes: Uint8Array, sink: LineSink): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / WORD);
    const bits = this.#bits;
    for (let index = 0; index < words.length; index++) {
      const word = words[index] as number;
      const feeds = word ^ LINE_FEEDS;
      // Exact: whether one of the four bytes is a line feed.
      if (((feeds - 0x01010101) & ~feeds & 0x80808080) !== 0) {
        for (let at = index * WORD; at < index * WORD + WORD; at++) if (bytes[at] === 0x0a) sink.lineEnd(at);
        continue;
      }
      const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      if (((bits[hash >>> 5] as number) & (1 << (hash & 31))) !== 0)
        this.#check(word, index * WORD, bytes, sink);
    }
  }

  #learn(bytes: Uint8Array, literal: number, offset: number): void {
    const word =
      (bytes[offset] ?? 0) |
      ((bytes[offset + 1] ?? 0) << 8) |
      ((bytes[offset + 2] ?? 0) << 16) |
      ((bytes[offset + 3] ?? 0) << 24);
    const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
    const cell = hash >>> 5;
    this.#bits[cell] = (this.#bits[cell] ?? 0) | (1 << (hash & 31));
    const known = this.#windows.get(word);
    if (known) known.push({ literal, offset });
    else this.#windows.set(word, [{ literal, offset }]);
  }

  #check(word: number, at: number, bytes: Uint8Array, sink: LineSink): void {
    const windows = this.#windows.get(word);
    if (!windows) return;
    for (const { literal, offset } of windows) {
      const wanted = this.#literals[literal];
      const start = at - offset;
      if (wanted && start >= 0 && isAt(bytes, start, wanted)) sink.found(literal, start);
    }
  }
}

function isAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  if (start + wanted.length > bytes.length) return false;
  for (let index = 0; index < wanted.length; index++)
    if (bytes[start + index] !== wanted[index]) return false;
  return true;
}

/** Letters of logs by how common they are: the fragment of a literal is to be of uncommon ones. */
const COMMON = new Map(
  [...' etaoinrsld0:.1cumpf-_bgh'].map((letter, rank) => [letter.charCodeAt(0), 25 - rank]),
);

function rarest(bytes: Uint8Array): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let start = 0; start + LITERAL_MIN <= bytes.length; start++) {
    let cost = 0;
    for (let at = start; at < start + LITERAL_MIN; at++) cost += COMMON.get(bytes[at] ?? 0) ?? 0;
    if (cost < least) [least, best] = [cost, start];
  }
  return best;
}
