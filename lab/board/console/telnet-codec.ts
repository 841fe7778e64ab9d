/**
 * Telnet on the wire: bytes to data, negotiations, subnegotiations and commands, and back (RFC 854, 855, 856). Where the
 * stream is cut makes no difference; whatever comes, memory is bounded.
 */

export const IAC = 255;
export const DONT = 254;
export const DO = 253;
export const WONT = 252;
export const WILL = 251;
const SB = 250;
export const BRK = 243;
const SE = 240;

export type Verb = typeof DO | typeof DONT | typeof WILL | typeof WONT;

/** What is in the stream, in its order. */
export interface TelnetListener {
  data(bytes: Buffer): void;
  negotiation(verb: Verb, option: number): void;
  subnegotiation(option: number, payload: Buffer): void;
}

/** The longest subnegotiation of the options spoken here has 5 bytes; a signature may be longer. */
const MAX_SUBNEGOTIATION = 1024;
const CR = 13;

type State = 'data' | 'iac' | 'verb' | 'sb-option' | 'sb' | 'sb-iac';

export class TelnetParser {
  readonly #listener: TelnetListener;
  #state: State = 'data';
  #verb: Verb = DO;
  #option = 0;
  #payload: number[] = [];
  #afterReturn = false;
  /** The other side sends 8-bit data (RFC 856): a NUL after a carriage return is then one of them. */
  binary = false;

  constructor(listener: TelnetListener) {
    this.#listener = listener;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'data') at = this.#takeData(bytes, at);
      else this.#step(bytes[at++] ?? 0);
    }
  }

  /** Takes data up to the next IAC; gives where to go on. */
  #takeData(bytes: Buffer, from: number): number {
    const iac = bytes.indexOf(IAC, from);
    const end = iac < 0 ? bytes.length : iac;
    if (end > from) this.#data(bytes.subarray(from, end));
    if (iac < 0) return end;
    this.#state = 'iac';
    return end + 1;
  }

  /** Outside of binary mode CR NUL is how a carriage return alone is sent. */
  #data(bytes: Buffer): void {
    if (this.binary || (!this.#afterReturn && !bytes.includes(0))) {
      this.#afterReturn = bytes.at(-1) === CR;
      this.#listener.data(bytes);
      return;
    }
    const kept: number[] = [];
    for (const byte of bytes) {
      if (byte !== 0 || !this.#afterReturn) kept.push(byte);
      this.#afterReturn = byte === CR;
    }
    if (kept.length > 0) this.#listener.data(Buffer.from(kept));
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'iac':
        this.#command(byte);
        break;
      case 'verb':
        this.#state = 'data';
        this.#listener.negotiation(this.#verb, byte);
        break;
      case 'sb-option':
        this.#option = byte;
        this.#payload = [];
        this.#state = 'sb';
        break;
      case 'sb':
        if (byte === IAC) this.#state = 'sb-iac';
        else this.#keep(byte);
        break;
      case 'sb-iac':
        if (byte === IAC) {
          this.#state = 'sb';
          this.#keep(IAC);
        } else if (byte === SE) {
          this.#state = 'data';
          this.#listener.subnegotiation(this.#option, Buffer.from(this.#payload));
        } else this.#command(byte); // not allowed there: the subnegotiation was torn
        break;
    }
  }

  #command(byte: number): void {
    this.#state = 'data';
    if (byte === IAC) this.#data(Buffer.of(IAC));
    else if (byte === SB) this.#state = 'sb-option';
    else if (byte >= WILL) {
      this.#verb = byte as Verb; // 251 to 254: 255 was told apart
      this.#state = 'verb';
    }
  }

  /** One without end is no subnegotiation: what follows is text again, so that a console is not lost behind it. */
  #keep(byte: number): void {
    this.#payload.push(byte);
    if (this.#payload.length <= MAX_SUBNEGOTIATION) return;
    this.#payload = [];
    this.#state = 'data';
  }
}

/** Data for the wire: each IAC doubled; outside of binary mode a NUL after each carriage return. */
export function escapeData(bytes: Buffer, binary: boolean): Buffer {
  if (!bytes.includes(IAC) && (binary || !bytes.includes(CR))) return bytes;
  const escaped: number[] = [];
  for (const byte of bytes) {
    escaped.push(byte);
    if (byte === IAC) escaped.push(IAC);
    else if (byte === CR && !binary) escaped.push(0);
  }
  return Buffer.from(escaped);
}

export function negotiation(verb: Verb, option: number): Buffer {
  return Buffer.of(IAC, verb, option);
}

export function subnegotiation(option: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(IAC, SB, option), escapeData(payload, true), Buffer.of(IAC, SE)]);
}
