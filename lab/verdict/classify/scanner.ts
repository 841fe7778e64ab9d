/** Finds the lines of a log that signatures match: bytes in, of any size and cut anywhere; memory is bounded. */
import { sanitize, sanitizeStream } from '../../text.ts';
import type { Signature } from '../signatures/signature.ts';
import { type LineSink, LiteralSearch } from './literals.ts';

export interface ScanHit {
  /** From 1. */
  line: number;
  signature: Signature;
  /** Clean; of a long line what is around the literal. */
  text: string;
  /** What named groups of the pattern matched. */
  groups: Record<string, string>;
  /** The line and what follows it, as far as it is at hand: at most so many bytes. Only while it is told. */
  following: (bytes: number) => string;
}

/** Bytes searched at a time. */
const BLOCK = 1024 * 1024;
/** Of a line without end so many bytes are looked at. */
const LINE_MAX = 64 * 1024;
/** Patterns see at most so many characters, before and after the literal. */
const BEFORE = 1024;
const AFTER = 1024;
/** A literal that comes again so soon is not looked at again: patterns have seen what is around it. */
const STRIDE = 512;
/** Of a line so many literals are looked at, the most telling: no line can keep the patterns busy. */
const TRIES = 64;

const FIRST: readonly number[] = [0];
const LF = 0x0a;
const CR = 0x0d;
const ESC = 0x1b;

/** What searching for a list of signatures needs: made once for each list, for it takes as long as thousands of lines. */
interface Index {
  search: LiteralSearch;
  /** By number of literal: whose it is, and how much it counts where several match: benign and long ones first. */
  owners: readonly Signature[];
  ranks: readonly number[];
  /** Named groups of its pattern. */
  groups: readonly (readonly string[])[];
}

const INDEXES = new WeakMap<readonly Signature[], Index>();

export class Scanner implements LineSink {
  readonly #index: Index;
  readonly #benign: boolean;
  readonly #block = Buffer.alloc(BLOCK + LINE_MAX + 8);
  /** What is searched now. */
  #text: Buffer = this.#block;
  #end = 0;
  /** Bytes of the block that hold text. */
  #filled = 0;
  #lines = 0;
  /** Of an endless line: what is left of it is passed over. */
  #skipping = false;
  /** What ends lines; null until it is known. */
  #endOfLine: number | null = null;
  /** Literals found on the current line, and where each begins. */
  readonly #found: number[] = [];
  readonly #foundAt: number[] = [];
  /** Of each literal, where it was last looked at. */
  readonly #lastAt: Int32Array;
  /** Whether one of them is of a signature that is told. */
  #telling = false;
  #onHit: (hit: ScanHit) => void = () => undefined;
  /** Of two places in the list of what was found, the more telling first. */
  readonly #byRank = (a: number, b: number): number => {
    const [one, other] = [this.#found[a] ?? 0, this.#found[b] ?? 0];
    return (this.#index.ranks[other] ?? 0) - (this.#index.ranks[one] ?? 0) || one - other;
  };

  /** `benign` false: lines that only look alarming are not told, which takes no time where nothing else is on them. */
  constructor(signatures: readonly Signature[], { benign = true }: { benign?: boolean } = {}) {
    this.#benign = benign;
    this.#index = indexOf(signatures);
    this.#lastAt = new Int32Array(this.#index.owners.length);
  }

  /** Lines so far that have ended. */
  get lines(): number {
    return this.#lines;
  }

  push(chunk: Uint8Array, onHit: (hit: ScanHit) => void): void {
    this.#onHit = onHit;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < bytes.length; ) {
      if (this.#skipping) {
        const end = bytes.indexOf(this.#endOfLine ?? LF, at);
        if (end < 0) return;
        at = end;
        this.#skipping = false;
      }
      const room = BLOCK + LINE_MAX - this.#filled;
      const part = bytes.subarray(at, at + room);
      part.copy(this.#block, this.#filled);
      this.#filled += part.length;
      at += part.length;
      this.#scan();
    }
  }

  /** The last line may lack its end. */
  end(onHit: (hit: ScanHit) => void): void {
    this.#onHit = onHit;
    if (this.#filled === 0 && !this.#skipping) return;
    this.#endOfLine ??= this.#endOfLines(true);
    if (this.#endOfLine === CR) this.#feedLines();
    if (this.#block[this.#filled - 1] !== LF) this.#block[this.#filled++] = LF;
    this.#scan();
  }

  /** LineSink. */
  found(literal: number, at: number, start: number): void {
    const last = this.#lastAt[literal] ?? -1;
    if (last >= start && at < last + STRIDE) return;
    if (at >= start + LINE_MAX) return;
    this.#lastAt[literal] = at;
    this.#found.push(literal);
    this.#foundAt.push(at);
    this.#telling ||= this.#benign || this.#index.owners[literal]?.role !== 'benign';
  }

  /** LineSink. */
  lineEnd(start: number, end: number, before: number): void {
    if (this.#telling) this.#resolve(start, end, this.#lines + before + 1);
    this.#found.length = 0;
    this.#foundAt.length = 0;
    this.#telling = false;
  }

  /** Old Macs and some terminal programs end lines with a carriage return alone. Null where it can't be told yet. */
  #endOfLines(final: boolean): number | null {
    const text = this.#block.subarray(0, this.#filled);
    if (text.includes(LF)) return LF;
    if (text.length <= LINE_MAX && !final) return null;
    return text.includes(CR) ? CR : LF;
  }

  #feedLines(): void {
    const text = this.#block.subarray(0, this.#filled);
    for (let at = text.indexOf(CR); at >= 0; at = text.indexOf(CR, at + 1)) text[at] = LF;
  }

  /** All complete lines of the block; the begun one is moved to its front. */
  #scan(): void {
    const block = this.#block;
    this.#endOfLine ??= this.#endOfLines(false);
    if (this.#endOfLine === null) return;
    if (this.#endOfLine === CR) this.#feedLines();
    // Old bytes behind the text must not be taken for line feeds.
    block.fill(0, this.#filled, this.#filled + 3);
    const end = block.lastIndexOf(LF, this.#filled - 1) + 1;
    if (end > 0) {
      const text = block.subarray(0, end);
      this.#text = text.includes(ESC) ? withoutEscapes(text) : block;
      const length = this.#text === block ? end : this.#text.length;
      this.#lastAt.fill(-1);
      this.#end = length;
      this.#lines += this.#index.search.search(this.#text.subarray(0, (length + 3) & ~3), this);
      block.copyWithin(0, end, this.#filled);
      this.#filled -= end;
    }
    if (this.#filled <= LINE_MAX) return;
    this.#filled = LINE_MAX;
    this.#skipping = true;
  }

  /** The one signature that a line is of: the first by rank whose pattern matches. */
  #resolve(lineStart: number, end: number, line: number): void {
    let text: string | null = null;
    let [from, to] = [-1, -1];
    for (const index of this.#mostTelling()) {
      const at = this.#foundAt[index] ?? 0;
      const literal = this.#found[index] ?? -1;
      const signature = this.#index.owners[literal];
      if (!signature) continue;
      // Of a line of usual length every literal sees the whole.
      const start = Math.max(lineStart, at - BEFORE);
      const stop = Math.min(end, at + AFTER);
      if (text === null || start !== from || stop !== to) {
        text = this.#lineText(start, stop);
        [from, to] = [start, stop];
      }
      const match = signature.pattern === null ? null : signature.pattern.exec(text);
      if (signature.pattern !== null && match === null) continue;
      if (!this.#benign && signature.role === 'benign') return;
      const groups = groupsOf(match, this.#index.groups[literal] ?? []);
      this.#onHit({ line, signature, text, groups, following: this.#following(lineStart) });
      return;
    }
  }

  /** Places in the list of what was found, most telling first. */
  #mostTelling(): readonly number[] {
    if (this.#found.length === 1) return FIRST;
    const order: number[] = [];
    for (let index = 0; index < this.#found.length; index++) order.push(index);
    return order.sort(this.#byRank).slice(0, TRIES);
  }

  #following(start: number): ScanHit['following'] {
    return (bytes) => this.#text.toString('utf8', start, Math.min(this.#end, start + bytes));
  }

  /** Most lines are plain ASCII, and clean as they are. */
  #lineText(start: number, end: number): string {
    const bytes = this.#text;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x20 || byte > 0x7e) return sanitize(bytes.toString('utf8', start, end));
    }
    return bytes.toString('latin1', start, end);
  }
}

function indexOf(signatures: readonly Signature[]): Index {
  const known = INDEXES.get(signatures);
  if (known) return known;
  const all = signatures.flatMap((signature) =>
    signature.literals.map((literal) => ({ signature, literal })),
  );
  const longest = Math.max(0, ...all.map(({ literal }) => literal.length));
  const made = {
    search: new LiteralSearch(all.map(({ literal }) => literal)),
    owners: all.map(({ signature }) => signature),
    ranks: all.map(({ signature, literal }) => literal.length + (signature.role === 'benign' ? longest : 0)),
    groups: all.map(({ signature }) => groupNames(signature.pattern)),
  };
  INDEXES.set(signatures, made);
  return made;
}

/** Escape sequences tear literals apart. Padded to whole words. */
function withoutEscapes(text: Buffer): Buffer {
  const lines = text.toString('utf8').split('\n');
  const clean = lines.map((line) => (line.includes('\x1b') ? sanitizeStream(line) : line)).join('\n');
  return Buffer.from(clean + '\0'.repeat(-Buffer.byteLength(clean) & 3));
}

function groupsOf(match: RegExpExecArray | null, names: readonly string[]): Record<string, string> {
  const groups: Record<string, string> = {};
  for (const name of names) {
    const value = match?.groups?.[name];
    if (value !== undefined) groups[name] = value;
  }
  return groups;
}

function groupNames(pattern: RegExp | null): string[] {
  return [...new Set(Array.from(pattern?.source.matchAll(/\(\?<(\w+)>/g) ?? [], ([, name = '']) => name))];
}
