/**
 * A command typed on a console whose output can be trusted. The board collects the output in a variable, then prints it
 * between two random marks together with its sum; kernel lines that fell in between are taken out, and what remains
 * counts only if its sum is right. Where it is not, the variable can be printed once more.
 */
import { randomBytes } from 'node:crypto';
import { ConfigError } from '../../errors.ts';
import { proves, SUM_COMMAND } from './checksum.ts';

/** A kernel line as printed on a console: `[   12.345678] text`, with the caller tag (`[T123]`) of some kernels. */
const KERNEL_LINE = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? [^\n]*(?:\n|$)/g;
const WHOLE_KERNEL_LINE = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? [^\n]*\n/g;
/** Line editors of small shells take 512 characters (BusyBox on OpenWrt), a tty in canonical mode 4,095. */
const TYPED = 400;
/** A tty keeps 4,096 characters that the shell has not read yet, and drops what comes beyond. */
const TYPED_AHEAD = 2000;
/** A command is an argument of a shell, which Linux limits to 128 KiB. */
const MAX_COMMAND = 64 * 1024;
/** Enough to see an end mark in, whatever it came with. */
const TAIL = 4 * 1024;
const MAX_OUTPUT = 64 * 1024 * 1024;

export interface FrameResult {
  exitCode: number | null;
  output: string;
  disturbed: boolean;
  /** Characters of the command were lost on their way to the board, so it was not run. */
  lost: boolean;
}

/** Lines to be typed without waiting; when `mark` has been seen, the shell has read them all. */
export interface Batch {
  lines: string[];
  mark: string | null;
}

/**
 * The lines by which a command is put into the variable `hil` on the board, run, its output put there, and printed (by a
 * frame's line). Throws ConfigError for what can't be typed.
 */
export function typedCommand(command: string, print: string): Batch[] {
  if (command.includes('\0')) throw new ConfigError('a command cannot hold a NUL character');
  const bytes = Buffer.byteLength(command);
  if (bytes > MAX_COMMAND)
    throw new ConfigError(`a command of ${bytes} bytes is too long to be typed on a console`, {
      hint: `at most ${MAX_COMMAND}; push it as a file and run that`,
    });
  const encoded = encode(command);
  const batches: Batch[] = [];
  let batch: Batch = { lines: [], mark: null };
  let typed = 0;
  const type = (line: string) => {
    if (typed + line.length > TYPED_AHEAD) {
      const token = newToken();
      batch.mark = `HIL-${token}-A`;
      batch.lines.push(`echo H''IL-${token}-A`);
      batches.push(batch);
      batch = { lines: [], mark: null };
      typed = 0;
    }
    batch.lines.push(line);
    typed += line.length + 1;
  };
  const pieces = encoded.match(new RegExp(`(?:\\\\0\\d{3}|[^\\\\]){1,${TYPED / 5}}`, 'g')) ?? [''];
  for (const [index, piece] of pieces.entries()) type(`hil=${index === 0 ? '' : '$hil'}'${piece}'`);
  const run = `hil=$(sh -c "$(printf %b "$hil")" 2>&1 </dev/null; echo ":$?")`;
  type(`if [ \${#hil} = ${encoded.length} ]; then ${run}; else hil=:lost; fi; ${print}`);
  batches.push(batch);
  return batches;
}

/** One printing of the variable, and what is seen of it. */
export class Frame {
  readonly #token = newToken();
  readonly #seen: string[] = [];
  #size = 0;
  #tail = '';
  #begun = false;

  /** Part of it was seen, so the command has ended. */
  get begun(): boolean {
    return this.#begun;
  }

  /**
   * The line to be typed. Its echo never holds a mark: each mark is typed in two parts. The end is told twice, so that
   * what falls into it once does not hide it.
   */
  get typed(): string {
    const mark = (end: string) => `H''IL-${this.#token}-${end}`;
    const end = `${mark('E')} %s\\n`;
    return `set -- "$(printf %s "$hil" | ${SUM_COMMAND})"; printf '\\n${mark('S')}\\n%s\\n${end}${end}' "$hil" "$1" "$1"`;
  }

  /** Takes what the console says. Gives whether the end has come. */
  push(bytes: Buffer): boolean {
    const text = bytes.toString('latin1');
    this.#size += text.length;
    if (this.#size <= MAX_OUTPUT) this.#seen.push(text);
    const tail = this.#tail + text;
    if (!text.includes('\n')) {
      this.#tail = tail.slice(-16 * TAIL);
      return false;
    }
    const clean = tail.replace(WHOLE_KERNEL_LINE, '');
    this.#tail = clean.slice(-TAIL);
    this.#begun ||= clean.includes(`HIL-${this.#token}`);
    return this.#end(lineEnds(clean)) !== null;
  }

  /** What came of it. */
  result(): FrameResult {
    const seen = this.#seen.join('');
    // Kernel lines first: one may stand between the CR and the LF of the command's own.
    const clean = seen.replace(KERNEL_LINE, '');
    const readings = [lineEnds(seen), lineEnds(clean), seen, clean].map((text) => this.#read(text));
    const proven = readings.find((reading) => reading?.proven);
    if (proven) {
      const { output, exitCode, lost } = proven;
      return { output, exitCode, lost, disturbed: false };
    }
    const asSeen = readings[0] ?? readings[1];
    return { exitCode: null, output: asSeen?.output ?? decode(lineEnds(seen)), disturbed: true, lost: false };
  }

  #end(text: string): RegExpExecArray | null {
    return new RegExp(`\\r?\\nHIL-${this.#token}-E ([^\\r\\n]*)\\r?\\n`).exec(text);
  }

  #read(text: string): { output: string; exitCode: number | null; proven: boolean; lost: boolean } | null {
    const start = new RegExp(`HIL-${this.#token}-S\\r?\\n`).exec(text);
    const end = this.#end(text);
    if (!start || !end) return null;
    const body = text.slice(start.index + start[0].length, end.index);
    const code = /:(\d+)$/.exec(body);
    const lost = body === ':lost';
    return {
      output: decode(code ? body.slice(0, code.index) : body),
      exitCode: code ? Number(code[1]) : null,
      proven: (code !== null || lost) && proves(end[1] ?? '', Buffer.from(body, 'latin1')),
      lost,
    };
  }
}

function newToken(): string {
  return randomBytes(6).toString('hex');
}

/** A tty sends each LF as CR LF. */
function lineEnds(bytes: string): string {
  return bytes.replaceAll('\r\n', '\n');
}

function decode(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
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
