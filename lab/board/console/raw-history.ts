/** The last bytes of a console as they came, for who attaches later: a ring of fixed size. */

const BYTES = 256 * 1024;
const LF = 10;

export class RawHistory {
  readonly #ring = Buffer.alloc(BYTES);
  /** Bytes seen so far. */
  #seen = 0;

  append(bytes: Buffer): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - BYTES));
    const at = (this.#seen + bytes.length - kept.length) % BYTES;
    const first = kept.copy(this.#ring, at);
    kept.copy(this.#ring, 0, first);
    this.#seen += bytes.length;
  }

  /** The last lines, the begun one included; fewer where they are long. */
  tail(lines: number): Buffer {
    if (lines <= 0) return Buffer.alloc(0);
    const all = this.#all();
    let from = all.length;
    const begun = all.at(-1) === LF ? 1 : 0;
    for (let found = 0; found < lines + begun; found++) {
      from = from <= 0 ? -1 : all.lastIndexOf(LF, from - 1);
      if (from < 0) return all;
    }
    return all.subarray(from + 1);
  }

  #all(): Buffer {
    const at = this.#seen % BYTES;
    if (this.#seen <= BYTES) return Buffer.from(this.#ring.subarray(0, this.#seen));
    return Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]);
  }
}
