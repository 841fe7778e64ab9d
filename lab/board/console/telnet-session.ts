/**
 * One telnet connection: which options are on, by RFC 1143 (an answer only to what changes something, so that two sides
 * never answer each other for ever), and the data in between.
 */
import type { Socket } from 'node:net';
import { streamPort } from './socket.ts';
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
import type { ConsolePort } from './transport.ts';

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

/** What a board says before its console listens. */
const MAX_EARLY = 16 * 1024 * 1024;
/** A server that answers no negotiation in this time never does: it may speak no telnet. */
const SETTLED_MS = 1000;

export class TelnetSession {
  readonly #socket: Socket;
  readonly #options: TelnetOptions;
  readonly #parser: TelnetParser;
  readonly #local = new Map<number, OptionState>();
  readonly #remote = new Map<number, OptionState>();
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #listener: ((data: Buffer) => void) | null = null;
  readonly #settled = Promise.withResolvers<void>();

  constructor(socket: Socket, options: TelnetOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#parser = new TelnetParser({
      data: (bytes) => this.#say(bytes),
      negotiation: (verb, option) => this.#negotiated(verb, option),
      subnegotiation: (option, payload) => options.onSubnegotiation?.(option, payload),
    });
    socket.on('data', (bytes) => this.#parser.push(bytes));
    socket.once('close', () => this.#settled.resolve());
  }

  /** Asks for eight bits both ways; resolves when the other side has answered, or seems not to. */
  async negotiate(): Promise<void> {
    this.#offer(OPTION.binary);
    this.#demand(OPTION.binary);
    this.#demand(OPTION.suppressGoAhead);
    const timer = setTimeout(() => this.#settled.resolve(), SETTLED_MS);
    await this.#settled.promise;
    clearTimeout(timer);
  }

  port(name: string): ConsolePort {
    const port = streamPort(name, this.#socket, (bytes) =>
      escapeData(bytes, this.#local.get(OPTION.binary) === 'on'),
    );
    return { ...port, onData: (listener) => this.#listen(listener) };
  }

  /** Asks the other side to let this one have an option. */
  #offer(option: number): void {
    this.#local.set(option, 'asked');
    this.#send(negotiation(WILL, option));
  }

  /** Asks the other side to switch an option on. */
  #demand(option: number): void {
    this.#remote.set(option, 'asked');
    this.#send(negotiation(DO, option));
  }

  /** Asks to be let set the line of the serial port (RFC 2217). */
  offerComPort(): void {
    this.#offer(OPTION.comPort);
  }

  subnegotiate(option: number, payload: Buffer): void {
    this.#send(subnegotiation(option, payload));
  }

  #say(data: Buffer): void {
    if (this.#listener) {
      this.#listener(data);
      return;
    }
    this.#early.push(data);
    this.#earlyBytes += data.length;
    if (this.#earlyBytes > MAX_EARLY) this.#socket.destroy();
  }

  #listen(listener: (data: Buffer) => void): void {
    this.#listener = listener;
    for (const data of this.#early.splice(0)) listener(data);
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
    const asked = [this.#local, this.#remote].some((states) => states.get(OPTION.binary) === 'asked');
    if (!asked) this.#settled.resolve();
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
