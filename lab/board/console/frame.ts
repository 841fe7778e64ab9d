/**
 * A command typed on a console whose output can be trusted. The board collects the output, then prints it between two
 * random marks together with its MD5 sum; kernel lines that fell in between are taken out, and what remains counts only
 * if its sum is right.
 */
import { createHash, randomBytes } from 'node:crypto';

/** A kernel line as printed on a console: `[   12.345678] text`, with the caller tag (`[T123]`) of some kernels. */
const KERNEL_LINE = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? [^\n]*(?:\n|$)/g;
/** In canonical mode a tty takes at most 4,095 characters a line. */
const TYPED = 1000;

export interface FrameResult {
  exitCode: number | null;
  output: string;
  disturbed: boolean;
}

export class Frame {
  readonly #token = randomBytes(6).toString('hex');
  readonly #command: string;

  constructor(command: string) {
    this.#command = command;
  }

  /** Lines to be typed. Their echo never holds a mark: each mark is typed in two parts. */
  typed(): string[] {
    const mark = (end: string) => `H''IL-${this.#token}-${end}`;
    const pieces = encode(this.#command).match(
      new RegExp(`(?:\\\\0\\d{3}|[^\\\\]){1,${TYPED / 5}}`, 'g'),
    ) ?? [''];
    const parts = pieces.map((piece, index) => `hil=${index === 0 ? '' : '$hil'}'${piece}'`);
    const collect = `hil=$(sh -c "$(printf %b "$hil")" 2>&1 </dev/null; echo ":$?")`;
    const print = `printf '\\n${mark('S')}\\n%s\\n${mark('E')} %s\\n' "$hil" "$(printf %s "$hil" | md5sum)"`;
    return [...parts, `${collect}; ${print}`];
  }

  /** Whether the end has come; `tail`: the last few thousand bytes, one character a byte. */
  isComplete(tail: string): boolean {
    const text = lineEnds(tail);
    return this.#end(text) !== null || this.#end(withoutKernelLines(text)) !== null;
  }

  /** What came of it, from all bytes that were seen since it was typed (one character a byte). */
  result(bytes: string): FrameResult {
    const seen = lineEnds(bytes);
    const plain = this.#read(seen);
    if (plain?.proven) return { exitCode: plain.exitCode, output: plain.output, disturbed: false };
    const cleaned = this.#read(withoutKernelLines(seen));
    if (cleaned?.proven) return { exitCode: cleaned.exitCode, output: cleaned.output, disturbed: false };
    const best = cleaned ?? plain;
    return { exitCode: null, output: best?.output ?? decode(withoutKernelLines(seen)), disturbed: true };
  }

  #end(text: string): RegExpExecArray | null {
    return new RegExp(`\\nHIL-${this.#token}-E ([0-9a-f]{32})`).exec(text);
  }

  #read(text: string): { output: string; exitCode: number | null; proven: boolean } | null {
    const mark = `HIL-${this.#token}-S\n`;
    const start = text.indexOf(mark);
    const end = this.#end(text);
    if (start < 0 || !end) return null;
    const body = text.slice(start + mark.length, end.index);
    const proven = createHash('md5').update(body, 'latin1').digest('hex') === end[1];
    const code = /:(\d+)$/.exec(body);
    const output = decode(code ? body.slice(0, code.index) : body);
    return { output, exitCode: code ? Number(code[1]) : null, proven: proven && code !== null };
  }
}

/** A tty sends each LF as CR LF. */
function lineEnds(bytes: string): string {
  return bytes.replaceAll('\r\n', '\n');
}

function decode(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function withoutKernelLines(text: string): string {
  return text.replace(KERNEL_LINE, '');
}

/** For printf's %b: everything but letters, digits and a few marks as an octal escape, so that no shell or tty minds. */
function encode(command: string): string {
  return [...Buffer.from(command)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9 _./=:,+-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');
}
