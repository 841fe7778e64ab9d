/**
 * One telnet connection: which options are on, by RFC 1143 (an answer only to what changes something, so that two sides
 * never answer each other for ever), and the data in between.
 */
import type { Socket } from 'node:net';
import type { StreamCodec } from './socket.ts';
import {
  DO,
  DONT,
  escapeData,
  negotiation,
  subnegotiation,
  TelnetParser,
  type Verb,
  WILL,
  WONT,
} from './telnet-codec.ts';

export const OPTION = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const;

/** An option of one side: off, asked for by us, on. */
type OptionState = 'off' | 'asked' | 'on';

export interface TelnetOptions {
  /** What this side does when asked to. */
  local: ReadonlySet<number>;
  /** What the other side may do. */
  remote: ReadonlySet<number>;
  onSubnegotiation?: (option: number, payload: Buffer) => void;
  /** The other side has refused, or ended, an option of this side. */
  onRefused?: (option: number) => void;
}

/** What waits to be sent to a server that asks, but does not read. */
const MAX_QUEUED = 64 * 1024;

export class TelnetSession implements StreamCodec {
  readonly #socket: Socket;
  readonly #options: TelnetOptions;
  readonly #parser: TelnetParser;
  readonly #local = new Map<number, OptionState>();
  readonly #remote = new Map<number, OptionState>();
  #say: (data: Buffer) => void = () => undefined;

  constructor(socket: Socket, options: TelnetOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#parser = new TelnetParser({
      data: (bytes) => this.#say(bytes),
      negotiation: (verb, option) => this.#negotiated(verb, option),
      subnegotiation: (option, payload) => options.onSubnegotiation?.(option, payload),
    });
  }

  /** Asks the other side to let this one have an option. */
  offer(option: number): void {
    this.#local.set(option, 'asked');
    this.#send(negotiation(WILL, option));
  }

  /** Asks the other side to switch an option on. */
  demand(option: number): void {
    this.#remote.set(option, 'asked');
    this.#send(negotiation(DO, option));
  }

  subnegotiate(option: number, payload: Buffer): void {
    this.#send(subnegotiation(option, payload));
  }

  decode(bytes: Buffer, say: (data: Buffer) => void): void {
    this.#say = say;
    this.#parser.push(bytes);
  }

  encode(bytes: Buffer): Buffer {
    return escapeData(bytes, this.#local.get(OPTION.binary) === 'on');
  }

  #negotiated(verb: Verb, option: number): void {
    if (verb === DO || verb === DONT) {
      const refused = verb === DONT && (this.#local.get(option) ?? 'off') !== 'off';
      this.#change(this.#local, this.#options.local, option, verb === DO, [WILL, WONT]);
      if (refused) this.#options.onRefused?.(option);
    } else {
      this.#change(this.#remote, this.#options.remote, option, verb === WILL, [DO, DONT]);
      this.#parser.binary = this.#remote.get(OPTION.binary) === 'on';
    }
  }

  #change(
    states: Map<number, OptionState>,
    allowed: ReadonlySet<number>,
    option: number,
    on: boolean,
    [yes, no]: readonly [Verb, Verb],
  ): void {
    const before = states.get(option) ?? 'off';
    const after = on && (before !== 'off' || allowed.has(option)) ? 'on' : 'off';
    states.set(option, after);
    if (on && before === 'off') this.#send(negotiation(after === 'on' ? yes : no, option));
    else if (!on && before === 'on') this.#send(negotiation(no, option));
  }

  #send(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_QUEUED) this.#socket.destroy();
  }
}
