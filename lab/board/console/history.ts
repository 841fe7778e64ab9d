/** The text of a console as a stream with positions: bounded memory, linear cost, many who wait for something in it. */

/** Called with each piece of text and the position of its first character. */
export type TextListener = (text: string, position: number) => void;

interface Piece {
  position: number;
  text: string;
}

/** Small pieces are joined up to this many characters, so that few are kept however finely the stream is cut. */
const PIECE = 8 * 1024;

export class TextHistory {
  readonly #limit: number;
  readonly #listeners = new Set<TextListener>();
  #pieces: Piece[] = [];
  #last: Piece | null = null;
  #size = 0;
  #position = 0;

  /** @param limit characters kept; what is older is forgotten */
  constructor(limit = 1024 * 1024) {
    this.#limit = limit;
  }

  /** Characters seen so far. */
  get position(): number {
    return this.#position;
  }

  /** Characters that have been forgotten since the beginning: nothing before this position is known any more. */
  get forgotten(): number {
    return this.#position - this.#size;
  }

  append(text: string): void {
    if (text === '') return;
    const position = this.#position;
    if (this.#last && this.#last.text.length + text.length <= PIECE) this.#last.text += text;
    else {
      this.#last = { position, text };
      this.#pieces.push(this.#last);
    }
    this.#position += text.length;
    this.#size += text.length;
    while (this.#pieces.length > 1 && this.#size - (this.#pieces[0]?.text.length ?? 0) >= this.#limit) {
      this.#size -= this.#pieces.shift()?.text.length ?? 0;
    }
    for (const listener of [...this.#listeners]) listener(text, position);
  }

  /** What is still known of the text from one position up to another. */
  slice(from: number, to = this.#position): string {
    const result: string[] = [];
    for (const { position, text } of this.#pieces) {
      if (position + text.length <= from || position >= to) continue;
      result.push(text.slice(Math.max(0, from - position), to - position));
    }
    return result.join('');
  }

  /** Calls with what is known since a position, then with what comes. Gives what ends it. */
  read(from: number, listener: TextListener): () => void {
    const known = this.slice(from);
    this.#listeners.add(listener);
    if (known !== '') listener(known, this.#position - known.length);
    return () => this.#listeners.delete(listener);
  }
}
