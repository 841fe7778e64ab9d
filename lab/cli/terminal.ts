/** The user's terminal given over to a board: raw keys in, harmless bytes out, and everything put back at the end. */
import { once } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { ConfigError } from '../errors.ts';
import { sanitize } from '../text.ts';

/** Ctrl-], as telnet has it. */
export const ESCAPE_KEY = 0x1d;

/** A control key as people write it, such as `^X`. Throws ConfigError. */
export function parseControlKey(text: string): number {
  const [, letter] = /^\^([@-_a-z])$/.exec(text) ?? [];
  if (letter !== undefined) return letter.toUpperCase().charCodeAt(0) & 0x1f;
  throw new ConfigError(`"${text}" is no control key`, { hint: 'such as ^X, or ^] (the default)' });
}

/** Soft state a board may have left: colours, margins, charset, cursor, keypad, mouse and paste modes, other screen. */
const RESTORE = '\x1b[0m\x1b[r\x1b(B\x0f\x1b[?25h\x1b[?1l\x1b>\x1b[?1000;1002;1003;1006;2004l\x1b[?7h';

/** The terminal in raw mode, for as long as it is not disposed of. */
export class RawTerminal implements Disposable {
  readonly #onEscape: () => void;
  readonly #onKeys: (keys: Buffer) => void;
  readonly #escapeKey: number;
  readonly #listener = (chunk: Buffer) => this.#type(chunk);
  readonly #end = () => this.#onEscape();
  readonly #exit = () => this[Symbol.dispose]();
  #open = true;

  /** `onEscape` comes once: by the escape key, or when the input ends. */
  constructor(onKeys: (keys: Buffer) => void, onEscape: () => void, escapeKey = ESCAPE_KEY) {
    this.#escapeKey = escapeKey;
    this.#onKeys = onKeys;
    this.#onEscape = onEscape;
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#listener);
    process.stdin.once('end', this.#end);
    process.stdin.resume();
    // Also when the program is ended by process.exit.
    process.once('exit', this.#exit);
  }

  #type(chunk: Buffer): void {
    const at = chunk.indexOf(this.#escapeKey);
    const keys = at < 0 ? chunk : chunk.subarray(0, at);
    if (keys.length > 0) this.#onKeys(keys);
    if (at >= 0) this.#onEscape();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    process.off('exit', this.#exit);
    process.stdin.off('data', this.#listener);
    process.stdin.off('end', this.#end);
    try {
      process.stdin.setRawMode(false);
    } catch {
      // The terminal is gone, and its mode with it.
    }
    process.stdin.pause();
    process.stdout.write(RESTORE);
  }
}

/** Sends pieces one after the other, in order; what comes meanwhile goes out in one piece. */
export class Sender {
  readonly #send: (data: Buffer) => Promise<unknown>;
  readonly #onError: (error: unknown) => void;
  #waiting: Buffer[] = [];
  #busy = false;

  constructor(send: (data: Buffer) => Promise<unknown>, onError: (error: unknown) => void) {
    this.#send = send;
    this.#onError = onError;
  }

  push(data: Buffer): void {
    this.#waiting.push(data);
    if (!this.#busy) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting.length > 0) {
        const data = Buffer.concat(this.#waiting);
        this.#waiting = [];
        await this.#send(data);
      }
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#busy = false;
    }
  }
}

/** Moves, erasures, colours and margins; neither questions, which the terminal would answer by typing, nor modes. */
const HARMLESS = /^\x1b\[[0-9;]{0,32}[A-HJKLMPSTXZ@adfmr]$/;
const BEGUN = /\x1b(?:\[[0-?]{0,64}[ -/]{0,4}|[\]PX^_][^\x07\x1b]{0,4096}\x1b?|[ -/]{0,4})?$/;
const SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;

/** What a board sends, so that it can neither reprogram the terminal nor make it type. */
export class OutputFilter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #lines: boolean;
  #held = '';

  /** `lines`: for a file or a pipe, where text and line ends alone make sense. */
  constructor(lines: boolean) {
    this.#lines = lines;
  }

  push(chunk: Buffer): string {
    const text = this.#held + this.#decoder.write(chunk);
    // A sequence may come in pieces; what has no end within its bounds is cut.
    const at = BEGUN.exec(text)?.index ?? text.length;
    this.#held = text.slice(at);
    return this.#clean(text.slice(0, at));
  }

  #clean(text: string): string {
    if (this.#lines) return text.split('\n').map(sanitize).join('\n');
    let clean = '';
    let from = 0;
    for (const match of text.matchAll(SEQUENCE)) {
      clean += keepLayout(text.slice(from, match.index));
      if (HARMLESS.test(match[0])) clean += match[0];
      from = match.index + match[0].length;
    }
    return clean + keepLayout(text.slice(from));
  }
}

/** Text with backspace, tab and line ends as its only control characters. */
function keepLayout(text: string): string {
  return text
    .split(/([\b\t\r\n]+)/)
    .map((piece, index) => (index % 2 === 1 ? piece : sanitize(piece)))
    .join('');
}

/** The terminal's size; 80 by 24 where it is not known. */
export function terminalSize(): { cols: number; rows: number } {
  return { cols: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}

/** Resolves when standard output has taken what was written to it. */
export async function flushed(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}
