/**
 * The messages by which the kernel gives the frames of mac80211_hwsim away and takes them: generic netlink, as
 * drivers/net/wireless/mac80211_hwsim.h of Linux has it. All numbers are little-endian: the boards' machines are.
 */
import { LabError } from '../../errors.ts';
import { padded } from './padded.ts';

/** One try of sending: a rate of the table (see rates.ts), how often, and of what kind the rate is. */
export interface RateTry {
  /** -1: none. */
  index: number;
  count: number;
  /** Bits of enum hwsim_tx_rate_flags; 0 where the kernel says nothing. */
  flags: number;
}

/** A frame that a radio sends. */
export interface SentFrame {
  /** Second address of the radio, by which hwsim knows it: 12 hexadecimal digits. */
  radio: string;
  frame: Buffer;
  /** It waits to hear whether the frame was acknowledged. */
  wantsStatus: boolean;
  frequencyMhz: number;
  tries: RateTry[];
  cookie: bigint;
}

const HEADER = 16;
const GENL_HEADER = 4;
const CONTROLLER = 0x10;
const GET_FAMILY = 3;
const COMMAND = { register: 1, frame: 2, txInfo: 3 } as const;
const ATTRIBUTE = {
  receiver: 1,
  transmitter: 2,
  frame: 3,
  flags: 4,
  rxRate: 5,
  signal: 6,
  txInfo: 7,
  cookie: 8,
  frequency: 19,
  txInfoFlags: 21,
} as const;
const FAMILY_NAME = 2;
const FAMILY_ID = 1;
const ERROR = 2;
const REQUEST = 1;
const ACK = 4;
/** Flags of a frame (HWSIM_TX_*). */
const WANTS_STATUS = 1;
const ACKNOWLEDGED = 4;
/** Rates of a frame's tries (IEEE80211_TX_MAX_RATES). */
const MAX_TRIES = 4;

export type KernelMessage =
  | { kind: 'family'; id: number }
  /** The answer to a request with the same sequence number: 0, or a negative errno. */
  | { kind: 'answer'; sequence: number; errno: number }
  | { kind: 'frame'; sent: SentFrame }
  | { kind: 'other' };

interface Attribute {
  type: number;
  data: Buffer;
}

/** To be written; a number is 32 bits wide. */
interface Part {
  type: number;
  data: Buffer | number;
}

/** Asks for the number that `MAC80211_HWSIM` has in this kernel. */
export function familyRequest(sequence: number): Buffer {
  const name = Buffer.from('MAC80211_HWSIM\0');
  return message({ type: CONTROLLER, command: GET_FAMILY, version: 1, sequence, flags: REQUEST }, [
    { type: FAMILY_NAME, data: name },
  ]);
}

/** All radios of the board give their frames to us from now on, and to nobody else. */
export function registerRequest(family: number, sequence: number): Buffer {
  return message({ type: family, command: COMMAND.register, version: 1, sequence, flags: REQUEST | ACK }, []);
}

/** A frame for a radio. `rxRate`: index among the legacy rates of its band; it knows no other. */
export function receivedFrame(
  family: number,
  radio: Buffer,
  {
    frame,
    rxRate,
    signalDbm,
    frequencyMhz,
  }: { frame: Buffer; rxRate: number; signalDbm: number; frequencyMhz: number },
): Buffer {
  return message({ type: family, command: COMMAND.frame, version: 1, sequence: 0, flags: REQUEST }, [
    { type: ATTRIBUTE.receiver, data: radio },
    { type: ATTRIBUTE.frame, data: frame },
    { type: ATTRIBUTE.rxRate, data: rxRate },
    { type: ATTRIBUTE.signal, data: signalDbm },
    { type: ATTRIBUTE.frequency, data: frequencyMhz },
  ]);
}

/** What became of a frame that a radio has sent, for its rate control. */
export function sentStatus(
  family: number,
  radio: Buffer,
  {
    cookie,
    acknowledged,
    tries,
    signalDbm,
  }: { cookie: bigint; acknowledged: boolean; tries: readonly RateTry[]; signalDbm: number },
): Buffer {
  const info = Buffer.alloc(2 * MAX_TRIES, 0);
  for (let place = 0; place < MAX_TRIES; place++) {
    const { index, count } = tries[place] ?? { index: -1, count: 0 };
    info.writeInt8(index, 2 * place);
    info.writeUInt8(Math.min(count, 255), 2 * place + 1);
  }
  const cookieBytes = Buffer.alloc(8);
  cookieBytes.writeBigUInt64LE(cookie);
  return message({ type: family, command: COMMAND.txInfo, version: 1, sequence: 0, flags: REQUEST }, [
    { type: ATTRIBUTE.transmitter, data: radio },
    { type: ATTRIBUTE.flags, data: WANTS_STATUS | (acknowledged ? ACKNOWLEDGED : 0) },
    { type: ATTRIBUTE.signal, data: signalDbm },
    { type: ATTRIBUTE.txInfo, data: info },
    { type: ATTRIBUTE.cookie, data: cookieBytes },
  ]);
}

/** One datagram of the kernel. Throws LabError (code `bad-netlink`) when it is none. */
export function parseMessage(datagram: Buffer, family: number): KernelMessage {
  if (datagram.length < HEADER) throw bad(`a message of ${datagram.length} bytes`);
  const type = datagram.readUInt16LE(4);
  const sequence = datagram.readUInt32LE(8);
  if (type === ERROR) {
    if (datagram.length < HEADER + 4) throw bad('an answer without its number');
    return { kind: 'answer', sequence, errno: datagram.readInt32LE(HEADER) };
  }
  if (datagram.length < HEADER + GENL_HEADER) return { kind: 'other' };
  if (type === CONTROLLER) {
    const id = attributes(datagram).find((each) => each.type === FAMILY_ID)?.data;
    return id === undefined || id.length < 2 ? { kind: 'other' } : { kind: 'family', id: id.readUInt16LE() };
  }
  if (type !== family || datagram[HEADER] !== COMMAND.frame) return { kind: 'other' };
  return { kind: 'frame', sent: frameOf(attributes(datagram)) };
}

function frameOf(all: readonly Attribute[]): SentFrame {
  const need = (type: number, length: number): Buffer => {
    const data = all.find((each) => each.type === type)?.data;
    if (data === undefined || data.length < length) throw bad(`a frame without its attribute ${type}`);
    return data;
  };
  const rates = need(ATTRIBUTE.txInfo, 2);
  const kinds = all.find((each) => each.type === ATTRIBUTE.txInfoFlags)?.data;
  const tries: RateTry[] = [];
  for (let place = 0; 2 * place + 1 < rates.length && place < MAX_TRIES; place++) {
    const index = rates.readInt8(2 * place);
    if (index < 0) break;
    // Each is an index and 16 bits of flags, packed.
    const flags =
      kinds !== undefined && kinds.length >= 3 * place + 3 ? kinds.readUInt16LE(3 * place + 1) : 0;
    tries.push({ index, count: rates.readUInt8(2 * place + 1), flags });
  }
  return {
    radio: need(ATTRIBUTE.transmitter, 6).toString('hex', 0, 6),
    frame: need(ATTRIBUTE.frame, 10),
    wantsStatus: (need(ATTRIBUTE.flags, 4).readUInt32LE() & WANTS_STATUS) !== 0,
    frequencyMhz: need(ATTRIBUTE.frequency, 4).readUInt32LE(),
    tries,
    cookie: need(ATTRIBUTE.cookie, 8).readBigUInt64LE(),
  };
}

function attributes(datagram: Buffer): Attribute[] {
  const found: Attribute[] = [];
  let at = HEADER + GENL_HEADER;
  while (at + 4 <= datagram.length) {
    const length = datagram.readUInt16LE(at);
    if (length < 4 || at + length > datagram.length) throw bad(`an attribute of ${length} bytes`);
    found.push({ type: datagram.readUInt16LE(at + 2), data: datagram.subarray(at + 4, at + length) });
    at += padded(length);
  }
  return found;
}

function message(
  head: { type: number; command: number; version: number; sequence: number; flags: number },
  parts: readonly Part[],
): Buffer {
  let length = HEADER + GENL_HEADER;
  for (const { data } of parts) length += typeof data === 'number' ? 8 : 4 + padded(data.length);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(head.type, 4);
  bytes.writeUInt16LE(head.flags, 6);
  bytes.writeUInt32LE(head.sequence, 8);
  bytes[HEADER] = head.command;
  bytes[HEADER + 1] = head.version;
  let at = HEADER + GENL_HEADER;
  for (const { type, data } of parts) {
    const size = typeof data === 'number' ? 4 : data.length;
    bytes.writeUInt16LE(4 + size, at);
    bytes.writeUInt16LE(type, at + 2);
    if (typeof data === 'number') bytes.writeInt32LE(data, at + 4);
    else data.copy(bytes, at + 4);
    at += 4 + padded(size);
  }
  return bytes;
}

function bad(what: string): LabError {
  return new LabError(`the radio driver of a board sent ${what}`, { code: 'bad-netlink' });
}
