/**
 * The COM-PORT-OPTION of telnet (RFC 2217): line settings of a serial port at the other end of a network, each of which is
 * acknowledged with the value that holds then.
 */
import { ConfigError, LabError } from '../../errors.ts';

export interface LineSettings {
  baudRate: number;
  dataBits: 5 | 6 | 7 | 8;
  parity: keyof typeof PARITY;
  stopBits: keyof typeof STOP_BITS;
}

export const PARITY = { none: 1, odd: 2, even: 3, mark: 4, space: 5 } as const;
export const STOP_BITS = { 1: 1, 2: 2, 1.5: 3 } as const;

const SET_BAUDRATE = 1;
const SET_DATASIZE = 2;
const SET_PARITY = 3;
const SET_STOPSIZE = 4;
const SET_CONTROL = 5;
const PURGE_DATA = 12;
/** The number of an acknowledgement is that of its request and this. */
const ACKNOWLEDGED = 100;

export const CONTROL = {
  noFlowControl: 1,
  breakOn: 5,
  breakOff: 6,
  dtrOn: 8,
  dtrOff: 9,
  rtsOn: 11,
  rtsOff: 12,
} as const;

const PURGE_BOTH = 3;
const ANSWER_MS = 5000;

interface Waiting {
  command: number;
  resolve: (value: number) => void;
}

/** The requests of one connection; each waits for its acknowledgement. */
export class ComPort {
  readonly #name: string;
  readonly #send: (payload: Buffer) => void;
  #waiting: Waiting[] = [];
  /** Rejects all that wait, when the connection or the option is lost. */
  readonly #lost = Promise.withResolvers<never>();

  constructor(name: string, send: (payload: Buffer) => void) {
    this.#name = name;
    this.#send = send;
    this.#lost.promise.catch(() => undefined);
  }

  /** Takes what the server says in a subnegotiation of this option. */
  take(payload: Buffer): void {
    const command = (payload[0] ?? 0) - ACKNOWLEDGED;
    const at = this.#waiting.findIndex((each) => each.command === command);
    const value = command === SET_BAUDRATE && payload.length >= 5 ? payload.readUInt32BE(1) : payload[1];
    if (at < 0 || value === undefined) return;
    for (const { resolve } of this.#waiting.splice(at, 1)) resolve(value);
  }

  lose(reason: Error): void {
    this.#lost.reject(reason);
  }

  /** Throws ConfigError where the server answers with other settings, LabError (`timeout`) where it does not answer. */
  async configure({ baudRate, dataBits, parity, stopBits }: LineSettings): Promise<void> {
    const baud = Buffer.alloc(4);
    baud.writeUInt32BE(baudRate);
    const wanted = [
      { what: 'baud rate', shown: baudRate, command: SET_BAUDRATE, value: baudRate, bytes: baud },
      ...[
        { what: 'data bits', shown: dataBits, command: SET_DATASIZE, value: dataBits },
        { what: 'parity', shown: parity, command: SET_PARITY, value: PARITY[parity] },
        { what: 'stop bits', shown: stopBits, command: SET_STOPSIZE, value: STOP_BITS[stopBits] },
        {
          what: 'flow control',
          shown: 'none',
          command: SET_CONTROL,
          value: CONTROL.noFlowControl,
        },
      ].map((each) => ({ ...each, bytes: Buffer.of(each.value) })),
    ];
    for (const { what, shown, command, value, bytes } of wanted) {
      const answer = await this.#ask(what, command, bytes);
      if (answer !== value)
        throw new ConfigError(
          `${this.#name}: the server answered ${what} ${told(what, answer)} where ${shown} was asked for`,
          { code: 'line-refused', hint: `set a ${what} that the serial port at the server has` },
        );
    }
  }

  /**
   * Asks for a state of the line. The answer is awaited, not judged: servers tell for some lines what the driver gives
   * back, which is off where it can't be read.
   */
  async control(what: string, value: number): Promise<void> {
    await this.#ask(what, SET_CONTROL, Buffer.of(value));
  }

  /** As control, where a server need not answer. */
  tell(value: number): void {
    this.#send(Buffer.of(SET_CONTROL, value));
  }

  /** Forgets what the server has read or is to send and has not yet. */
  async purge(): Promise<void> {
    await this.#ask('purging', PURGE_DATA, Buffer.of(PURGE_BOTH));
  }

  async #ask(what: string, command: number, bytes: Buffer): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const waiting = { command, resolve };
    const timer = setTimeout(
      () =>
        reject(
          new LabError(`${this.#name}: the server did not answer (${what}) in ${ANSWER_MS / 1000} s`, {
            code: 'absent',
            hint: 'does this port speak RFC 2217? if not, use the cable type telnet or tcp',
          }),
        ),
      ANSWER_MS,
    );
    this.#waiting.push(waiting);
    this.#send(Buffer.concat([Buffer.of(command), bytes]));
    try {
      return await Promise.race([promise, this.#lost.promise]);
    } finally {
      clearTimeout(timer);
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
    }
  }
}

/** A value of the protocol in the words of the configuration. */
function told(what: string, value: number): string {
  const table = what === 'parity' ? PARITY : what === 'stop bits' ? STOP_BITS : {};
  return Object.entries(table).find(([, code]) => code === value)?.[0] ?? String(value);
}
