/** What the air needs to know of a frame of IEEE 802.11, and the one frame that it makes itself. */

/** The parts of a frame's header that say where it goes. Addresses: 12 hexadecimal digits. */
export interface FrameHeader {
  receiver: string;
  /** Null in frames that name none, such as acknowledgements. */
  transmitter: string | null;
  /** To several. */
  group: boolean;
  data: boolean;
}

const TYPE_CONTROL = 1;
const TYPE_DATA = 2;
const QOS = 0x80;
const PROTECTED = 0x40;
/** Of data frames: to and from the distribution system, so that a fourth address follows. */
const BOTH_SYSTEMS = 3;
/** IV and check value of CCMP. */
const CIPHER_BYTES = 16;
/** LLC and SNAP before an IP packet. */
const LLC_BYTES = 8;
const DEAUTHENTICATION = 0xc0;

/** `frame`: at least 10 bytes. */
export function headerOf(frame: Buffer): FrameHeader {
  const type = ((frame[0] ?? 0) >> 2) & 3;
  const named = frame.length >= 16 && type !== TYPE_CONTROL;
  return {
    receiver: frame.toString('hex', 4, 10),
    transmitter: named ? frame.toString('hex', 10, 16) : null,
    group: ((frame[4] ?? 0) & 1) === 1,
    data: type === TYPE_DATA,
  };
}

/** Bytes that a frame carries for the layers above: the IP packet of a data frame, all of any other. */
export function payloadBytes(frame: Buffer): number {
  const [control = 0, flags = 0] = frame;
  if (((control >> 2) & 3) !== TYPE_DATA) return frame.length;
  const header = 24 + ((flags & BOTH_SYSTEMS) === BOTH_SYSTEMS ? 6 : 0) + (control & QOS ? 2 : 0);
  return Math.max(0, frame.length - header - (flags & PROTECTED ? CIPHER_BYTES : 0) - LLC_BYTES);
}

/** As if `from` had sent it to `to`; 802.11w makes stations ignore it. Reason codes: IEEE 802.11-2020, table 9-49. */
export function deauthentication(from: string, to: string, bssid: string, reason: number): Buffer {
  const frame = Buffer.alloc(26);
  frame[0] = DEAUTHENTICATION;
  frame.write(to, 4, 'hex');
  frame.write(from, 10, 'hex');
  frame.write(bssid, 16, 'hex');
  frame.writeUInt16LE(reason, 24);
  return frame;
}
