/** Keeps secrets out of everything that is shown, recorded or kept: what was revealed once is replaced wherever it occurs. */

export const HIDDEN = '[secret]';

/** Shorter ones would hide half of every log. */
const LEAST_LENGTH = 4;

/** Longest first, so that one that holds another goes as a whole. */
let hidden: readonly string[] = [];

/** From now on the value, also as it looks in a URL, in JSON and in base64, is hidden. */
export function hide(value: string): void {
  if (value.length < LEAST_LENGTH || hidden.includes(value)) return;
  const forms = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '');
  const all = new Set([...hidden, ...forms, base64]);
  hidden = [...all].sort((a, b) => b.length - a.length);
}

/** The text without secrets; the same string where there is none. */
export function redact(text: string): string {
  let out = text;
  for (const value of hidden) if (out.includes(value)) out = out.replaceAll(value, HIDDEN);
  return out;
}

/** A copy without secrets of a value made of objects, arrays and strings; the same value where nothing is hidden. */
export function redactDeep<T>(value: T): T;
export function redactDeep(value: unknown): unknown {
  if (hidden.length === 0) return value;
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((each) => redactDeep(each));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, redactDeep(each)]));
}

/** The same for a stream of bytes: holds back the end of a piece that could be the beginning of a secret. */
export class StreamRedactor {
  #held = '';

  push(bytes: Buffer): Buffer {
    if (hidden.length === 0 && this.#held === '') return bytes;
    // One character a byte: what is no secret stays as it is, UTF-8 or not.
    const text = replaceBytes(this.#held + bytes.toString('latin1'));
    const keep = heldLength(text);
    this.#held = keep === 0 ? '' : text.slice(-keep);
    return Buffer.from(keep === 0 ? text : text.slice(0, -keep), 'latin1');
  }

  get holds(): boolean {
    return this.#held !== '';
  }

  /** What is held back, when nothing came for a while or the stream has ended. */
  flush(): Buffer {
    const rest = Buffer.from(this.#held, 'latin1');
    this.#held = '';
    return rest;
  }
}

function replaceBytes(text: string): string {
  let out = text;
  for (const value of hidden) {
    const bytes = Buffer.from(value).toString('latin1');
    if (out.includes(bytes)) out = out.replaceAll(bytes, HIDDEN);
  }
  return out;
}

/** How many of the last characters could be the beginning of a secret. */
function heldLength(text: string): number {
  let most = 0;
  for (const value of hidden) {
    const bytes = Buffer.from(value).toString('latin1');
    for (let length = Math.min(bytes.length - 1, text.length); length > most; length--) {
      if (text.endsWith(bytes.slice(0, length))) most = length;
    }
  }
  return most;
}
