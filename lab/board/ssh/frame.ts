/**
 * How a command and its result travel through a held shell. Both output streams get a line before the command and one
 * after it, both carrying a random word, so that the output of one command is told from that of any other, and from
 * what a background job of an earlier one still writes.
 */
import { randomBytes } from 'node:crypto';
import { quote } from '../remote.ts';

/** Most bytes of output that a framed command may give on one stream. */
export const OUTPUT_LIMIT = 32 * 1024 * 1024;

export function newMarker(): string {
  return `hil-${randomBytes(12).toString('hex')}`;
}

/**
 * The shell input that runs `command` in a subshell (so that `cd`, `exit` and variables stay its own) with empty
 * standard input. Uses only what every POSIX shell has built in.
 */
export function frame(command: string, marker: string): string {
  const begin = `${marker}b`;
  const end = `${marker}e`;
  return `echo ${begin};echo ${begin} >&2;(eval ${quote(command)})</dev/null;echo "${end}$?";echo ${end} >&2\n`;
}

/** Cuts one command's output out of one stream. */
export class FrameReader {
  readonly #begin: Buffer;
  readonly #end: Buffer;
  #begun = false;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Last bytes of what came before, in which a marker may have begun. */
  #tail: Buffer = Buffer.alloc(0);
  /** What follows the end marker on its line, once that line is complete. */
  trailer: string | undefined;
  /** Bytes that came before the begin marker. */
  strayBytes = 0;

  constructor(marker: string) {
    this.#begin = Buffer.from(`${marker}b\n`);
    this.#end = Buffer.from(`${marker}e`);
  }

  get done(): boolean {
    return this.trailer !== undefined;
  }

  get overflowed(): boolean {
    return this.#length > OUTPUT_LIMIT;
  }

  push(chunk: Buffer): void {
    if (this.done) return;
    const rest = this.#begun ? chunk : this.#findBegin(chunk);
    if (rest === undefined) return;
    this.#chunks.push(rest);
    this.#length += rest.length;
    const seen = Buffer.concat([this.#tail, rest]);
    const at = seen.indexOf(this.#end);
    if (at === -1) {
      this.#tail = Buffer.from(seen.subarray(Math.max(0, seen.length - this.#end.length - 8)));
      return;
    }
    const newline = seen.indexOf(0x0a, at);
    if (newline === -1) {
      this.#tail = Buffer.from(seen.subarray(at));
      return;
    }
    this.trailer = seen.subarray(at + this.#end.length, newline).toString('latin1');
    this.#length -= seen.length - at;
  }

  /** The output so far: all of it once done. */
  output(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, Math.max(0, this.#length));
  }

  #findBegin(chunk: Buffer): Buffer | undefined {
    const seen = Buffer.concat([this.#tail, chunk]);
    const at = seen.indexOf(this.#begin);
    if (at === -1) {
      const keep = Math.min(seen.length, this.#begin.length - 1);
      this.strayBytes += seen.length - keep;
      this.#tail = Buffer.from(seen.subarray(seen.length - keep));
      return undefined;
    }
    this.strayBytes += at;
    this.#begun = true;
    this.#tail = Buffer.alloc(0);
    return seen.subarray(at + this.#begin.length);
  }
}
