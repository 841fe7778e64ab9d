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
const LINE_FEEDS = 0x0a0a0a0a;

interface Window {
  literal: number;
  /** Where in the literal the first word begins. */
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
  readonly #begins = new BitTable();
  readonly #isWord = new BitTable();
  readonly #isPair = new BitTable();
  readonly #byWord = new Map<number, Window[]>();
  readonly #byPair = new Map<number, Window[]>();

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
        this.#learn(wordAt(bytes, offset), paired ? wordAt(bytes, offset + WORD) : null, { literal, offset });
    }
  }

  /** Searches `bytes`, whose length is a multiple of 4 and whose offset in its buffer is one too. */
  search(bytes: Uint8Array, sink: LineSink): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / WORD);
    const begins = this.#begins.cells;
    for (let index = 0; index < words.length; index++) {
      const word = words[index] as number;
      const feeds = word ^ LINE_FEEDS;
      // Exact: whether one of the four bytes is a line feed.
      if (((feeds - 0x01010101) & ~feeds & 0x80808080) !== 0) {
        const at = index * WORD;
        for (let byte = at; byte < at + WORD; byte++) if (bytes[byte] === 0x0a) sink.lineEnd(byte);
        continue;
      }
      const hash = hashOf(word);
      if (((begins[hash >>> 5] as number) & (1 << (hash & 31))) !== 0)
        this.#look(word, words[index + 1] ?? 0, index * WORD, bytes, sink);
    }
  }

  #learn(word: number, next: number | null, window: Window): void {
    this.#begins.set(hashOf(word));
    if (next === null) this.#isWord.set(hashOf(word));
    else this.#isPair.set(hashOf(pairOf(word, next)));
    const [map, key] = next === null ? [this.#byWord, word] : [this.#byPair, pairOf(word, next)];
    const known = map.get(key);
    if (known) known.push(window);
    else map.set(key, [window]);
  }

  #look(word: number, next: number, at: number, bytes: Uint8Array, sink: LineSink): void {
    const pair = pairOf(word, next);
    if (this.#isPair.has(hashOf(pair))) this.#check(this.#byPair.get(pair), at, bytes, sink);
    if (this.#isWord.has(hashOf(word))) this.#check(this.#byWord.get(word), at, bytes, sink);
  }

  #check(windows: readonly Window[] | undefined, at: number, bytes: Uint8Array, sink: LineSink): void {
    if (!windows) return;
    for (const { literal, offset } of windows) {
      const wanted = this.#literals[literal];
      const start = at - offset;
      if (wanted && start >= 0 && isAt(bytes, start, wanted)) sink.found(literal, start);
    }
  }
}

/** A set of hashes. */
class BitTable {
  readonly cells = new Int32Array(1 << (HASH_BITS - 5));

  set(hash: number): void {
    this.cells[hash >>> 5] = (this.cells[hash >>> 5] ?? 0) | (1 << (hash & 31));
  }

  has(hash: number): boolean {
    return ((this.cells[hash >>> 5] ?? 0) & (1 << (hash & 31))) !== 0;
  }
}

function hashOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function pairOf(word: number, next: number): number {
  return word ^ Math.imul(next, 0x85ebca6b);
}

/** As the machine reads them: all that this runs on have the lowest byte first. */
function wordAt(bytes: Uint8Array, at: number): number {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + WORD);
  return first | (second << 8) | (third << 16) | (fourth << 24);
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
      for (const byte of bytes.subarray(at, at + WORD)) cost += COMMON.get(byte) ?? 0;
    }
    if (cost < least) [least, best] = [cost, start];
  }
  return best;
}
