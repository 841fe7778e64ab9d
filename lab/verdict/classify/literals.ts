/**
 * Finds many literals at once in bytes, four bytes at a time whatever their number. Of each literal a fragment of eleven
 * bytes is chosen: wherever it lies, two neighbouring words of the text are of it. A bit tells of each word whether it can
 * begin such a pair, another of each pair whether it can be one; nearly all of a log is passed over by that alone. Shorter
 * literals have fragments of seven bytes, and one word.
 */

/** Shortest literal that is found wherever it lies. */
export const LITERAL_MIN = 7;
const WORD = 4;
const PAIR = 2 * WORD;
/** What a fragment is longer than what is looked for in it: as many ways there are to lie in words. */
const SLACK = WORD - 1;
const HASH_BITS = 18;
/** More chains than windows: most have one or none. */
const CHAIN_BITS = 13;
const LF = 0x0a;
const LINE_FEEDS = 0x0a0a0a0a;

/** Told line by line of what was found. */
export interface LineSink {
  /** A literal, by its number, that begins at `at`, on a line that begins at `start`. */
  found(literal: number, at: number, start: number): void;
  /** The line from `start` up to the line feed at `end`, on which something was found; so many came before it. */
  lineEnd(start: number, end: number, before: number): void;
}

export class LiteralSearch {
  readonly #literals: readonly Uint8Array[];
  readonly #begins = new BitTable();
  readonly #isWord = new BitTable();
  readonly #isPair = new BitTable();
  readonly #byWord = new Windows();
  readonly #byPair = new Windows();

  /** Throws RangeError for a literal that is too short, or not ASCII. */
  constructor(literals: readonly string[]) {
    this.#literals = literals.map((literal) => new TextEncoder().encode(literal));
    for (const [index, bytes] of this.#literals.entries()) {
      if (bytes.length < LITERAL_MIN || bytes.some((byte) => byte < 0x20 || byte > 0x7e))
        throw new RangeError(`not ${LITERAL_MIN} characters of ASCII: "${literals[index]}"`);
    }
    const shared = sharing(this.#literals);
    for (const [literal, bytes] of this.#literals.entries()) {
      const paired = bytes.length >= PAIR + SLACK;
      const start = rarest(bytes, (paired ? PAIR : WORD) + SLACK, shared);
      for (let offset = start; offset <= start + SLACK; offset++)
        this.#learn(wordAt(bytes, offset), paired ? wordAt(bytes, offset + WORD) : null, literal, offset);
    }
  }

  /**
   * Searches `bytes`, whose length is a multiple of 4 and whose offset in its buffer is one too. Returns how many lines
   * ended in it.
   */
  search(bytes: Uint8Array, sink: LineSink): number {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / WORD);
    const next = (from: number): number => this.#next(words, from);
    let lines = 0;
    let start = 0;
    let telling = false;
    for (let index = next(0); index < words.length; index = next(index + 1)) {
      const word = words[index] as number;
      const at = index * WORD;
      if (hasLineFeed(word)) {
        for (let end = at; end < at + WORD; end++) {
          if (bytes[end] !== LF) continue;
          if (telling) sink.lineEnd(start, end, lines);
          telling = false;
          lines++;
          start = end + 1;
        }
        continue;
      }
      const pair = pairOf(word, words[index + 1] ?? 0);
      const paired = this.#check(this.#byPair, pair, at, start, bytes, sink);
      const alone = this.#check(this.#byWord, word, at, start, bytes, sink);
      telling ||= paired || alone;
    }
    return lines;
  }

  /** Where the next word is that ends a line or is of a fragment. All time goes into this loop: it calls nothing. */
  #next(words: Int32Array, from: number): number {
    const [begins, isPair, isWord] = [this.#begins.cells, this.#isPair.cells, this.#isWord.cells];
    let index = from;
    for (; index < words.length; index++) {
      const word = words[index] as number;
      if (hasLineFeed(word)) return index;
      const hash = hashOf(word);
      if (((begins[hash >>> 5] as number) & (1 << (hash & 31))) === 0) continue;
      if (((isWord[hash >>> 5] as number) & (1 << (hash & 31))) !== 0) return index;
      const pair = hashOf(pairOf(word, index + 1 < words.length ? (words[index + 1] as number) : 0));
      if (((isPair[pair >>> 5] as number) & (1 << (pair & 31))) !== 0) return index;
    }
    return index;
  }

  #learn(word: number, next: number | null, literal: number, offset: number): void {
    this.#begins.set(hashOf(word));
    if (next === null) {
      this.#isWord.set(hashOf(word));
      this.#byWord.add(word, literal, offset);
    } else {
      this.#isPair.set(hashOf(pairOf(word, next)));
      this.#byPair.add(pairOf(word, next), literal, offset);
    }
  }

  /** Tells literals that have this word or pair at `at`; whether there was one. */
  #check(
    windows: Windows,
    key: number,
    at: number,
    lineStart: number,
    bytes: Uint8Array,
    sink: LineSink,
  ): boolean {
    let found = false;
    for (let window = windows.first(key); window !== 0; window = windows.next(window)) {
      if (windows.keys[window] !== key) continue;
      const literal = windows.literals[window] as number;
      const start = at - (windows.offsets[window] as number);
      const wanted = this.#literals[literal];
      if (!wanted || start < 0 || !isAt(bytes, start, wanted)) continue;
      sink.found(literal, start, lineStart);
      found = true;
    }
    return found;
  }
}

/** Where in which literal a word or pair is; numbered from 1, chained by hash. */
class Windows {
  readonly keys = [0];
  readonly literals = [0];
  readonly offsets = [0];
  readonly #next = [0];
  readonly #first = new Int32Array(1 << CHAIN_BITS);

  add(key: number, literal: number, offset: number): void {
    const chain = chainOf(key);
    this.#next.push(this.#first[chain] ?? 0);
    this.#first[chain] = this.keys.push(key) - 1;
    this.literals.push(literal);
    this.offsets.push(offset);
  }

  /** 0 where there is none. */
  first(key: number): number {
    return this.#first[chainOf(key)] as number;
  }

  next(window: number): number {
    return this.#next[window] as number;
  }
}

/** A set of hashes. */
class BitTable {
  readonly cells = new Int32Array(1 << (HASH_BITS - 5));

  set(hash: number): void {
    this.cells[hash >>> 5] = (this.cells[hash >>> 5] ?? 0) | (1 << (hash & 31));
  }
}

/** Exact: whether one of the four bytes is one. */
function hasLineFeed(word: number): boolean {
  const feeds = word ^ LINE_FEEDS;
  return ((feeds - 0x01010101) & ~feeds & 0x80808080) !== 0;
}

function hashOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function chainOf(key: number): number {
  return hashOf(key) >>> (HASH_BITS - CHAIN_BITS);
}

function pairOf(word: number, next: number): number {
  return word ^ Math.imul(next, 0x85ebca6b);
}

/** As the machine reads them: all that this runs on have the lowest byte first. */
function wordAt(bytes: Uint8Array, at: number): number {
  const byte = (offset: number): number => bytes[at + offset] ?? 0;
  return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
}

function isAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  if (start + wanted.length > bytes.length) return false;
  for (let index = 0; index < wanted.length; index++)
    if (bytes[start + index] !== wanted[index]) return false;
  return true;
}

/** Of each word how many literals have it: what many have is common in logs too. */
function sharing(literals: readonly Uint8Array[]): ReadonlyMap<number, number> {
  const shared = new Map<number, number>();
  for (const bytes of literals)
    for (let at = 0; at + WORD <= bytes.length; at++) {
      const word = wordAt(bytes, at);
      shared.set(word, (shared.get(word) ?? 0) + 1);
    }
  return shared;
}

/** Letters of logs by how common they are. */
const COMMON = new Map(
  [...' etaoinrsld0:.1cumpf-_bgh'].map((letter, rank) => [letter.charCodeAt(0), 25 - rank]),
);

/** Where the fragment begins whose words are the least common. */
function rarest(bytes: Uint8Array, length: number, shared: ReadonlyMap<number, number>): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let start = 0; start + length <= bytes.length; start++) {
    let cost = 0;
    for (let at = start; at <= start + SLACK; at++) {
      cost += 100 * (shared.get(wordAt(bytes, at)) ?? 0);
      for (let byte = at; byte < at + WORD; byte++) cost += COMMON.get(bytes[byte] ?? 0) ?? 0;
    }
    if (cost < least) [least, best] = [cost, start];
  }
  return best;
}
