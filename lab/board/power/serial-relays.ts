/** Relay boards on a serial port, as data: the bytes (in hex) that switch a channel. `{n}`: its number; `{sum}`: all bytes added. */

export interface SerialRelay {
  title: string;
  baudRate: number;
  on: string;
  off: string;
  /** The first channel's number on the wire. */
  first: number;
}

export const SERIAL_RELAYS = {
  /** A0, channel, state, sum: the common USB boards with a CH340. */
  lcus: {
    title: 'LCUS-1 to LCUS-8',
    baudRate: 9600,
    on: 'a0 {n} 01 {sum}',
    off: 'a0 {n} 00 {sum}',
    first: 1,
  },
  /** FF, channel, state. */
  kmtronic: { title: 'KMtronic', baudRate: 9600, on: 'ff {n} 01', off: 'ff {n} 00', first: 1 },
  /** `relay on N` and `relay off N` in ASCII, ended by a carriage return. */
  numato: {
    title: 'Numato',
    baudRate: 9600,
    on: '72 65 6c 61 79 20 6f 6e 20 {digit} 0d',
    off: '72 65 6c 61 79 20 6f 66 66 20 {digit} 0d',
    first: 0,
  },
} as const satisfies Record<string, SerialRelay>;

/** The bytes of a command for a channel (1 is the first). */
export function relayBytes(command: string, channel: number, first: number): Buffer {
  const number = channel - 1 + first;
  const bytes: number[] = [];
  for (const word of command.trim().split(/\s+/)) {
    if (word === '{n}') bytes.push(number);
    else if (word === '{digit}') bytes.push(...Buffer.from(String(number)));
    else if (word === '{sum}') bytes.push(bytes.reduce((sum, byte) => sum + byte, 0) & 0xff);
    else bytes.push(Number.parseInt(word, 16));
  }
  return Buffer.from(bytes);
}
