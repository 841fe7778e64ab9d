/** TFTP packets (RFC 1350, options of RFC 2347, 2348, 2349 and 7440). Whatever comes is parsed or null. */

export interface ReadRequest {
  name: string;
  mode: string;
  options: Map<string, string>;
}

export const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, optionAck: 6 } as const;
export const ERROR = { undefined: 0, notFound: 1, access: 2, illegal: 4, options: 8 } as const;

export function opcodeOf(packet: Buffer): number | null {
  return packet.length >= 2 ? packet.readUInt16BE(0) : null;
}

export function parseReadRequest(packet: Buffer): ReadRequest | null {
  if (opcodeOf(packet) !== OPCODE.read || packet.at(-1) !== 0) return null;
  const words = packet.toString('latin1', 2, packet.length - 1).split('\0');
  const [name, mode, ...rest] = words;
  if (name === undefined || name === '' || mode === undefined || rest.length % 2 !== 0) return null;
  const options = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 2) options.set((rest[at] ?? '').toLowerCase(), rest[at + 1] ?? '');
  return { name, mode: mode.toLowerCase(), options };
}

/** The number of an acknowledged block; null for any other packet. */
export function parseAck(packet: Buffer): number | null {
  return opcodeOf(packet) === OPCODE.ack && packet.length >= 4 ? packet.readUInt16BE(2) : null;
}

export function parseError(packet: Buffer): string | null {
  if (opcodeOf(packet) !== OPCODE.error || packet.length < 5) return null;
  return packet.toString('latin1', 4).replace(/\0.*$/s, '');
}

/** `block` counts from 1 on without end; on the wire it wraps. */
export function dataPacket(block: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(OPCODE.data, 0);
  head.writeUInt16BE(block & 0xffff, 2);
  return Buffer.concat([head, content]);
}

export function errorPacket(code: number, message: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(OPCODE.error, 0);
  head.writeUInt16BE(code, 2);
  return Buffer.concat([head, Buffer.from(`${message}\0`, 'latin1')]);
}

export function optionAckPacket(options: ReadonlyMap<string, string>): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(OPCODE.optionAck, 0);
  const words = [...options].flat();
  return Buffer.concat([head, Buffer.from(words.map((word) => `${word}\0`).join(''), 'latin1')]);
}

export interface Agreed {
  blockSize: number;
  windowSize: number;
  timeoutMs: number;
  /** What is to be acknowledged; empty where nothing was asked for. */
  answer: Map<string, string>;
}

/** What is agreed to of the options asked for; those that make no sense are left out, as RFC 2347 has it. */
export function agree(options: ReadonlyMap<string, string>, fileSize: number): Agreed {
  const agreed: Agreed = { blockSize: 512, windowSize: 1, timeoutMs: 1000, answer: new Map() };
  const within = (name: string, low: number, high: number): number | null => {
    const text = options.get(name) ?? '';
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= low && value <= high ? value : null;
  };
  const blockSize = within('blksize', 8, 65464);
  if (blockSize !== null) {
    agreed.blockSize = blockSize;
    agreed.answer.set('blksize', String(blockSize));
  }
  const windowSize = within('windowsize', 1, 65535);
  if (windowSize !== null) {
    // More in flight than this gains nothing, and costs memory.
    agreed.windowSize = Math.min(windowSize, 64);
    agreed.answer.set('windowsize', String(agreed.windowSize));
  }
  const timeout = within('timeout', 1, 255);
  if (timeout !== null) {
    agreed.timeoutMs = timeout * 1000;
    agreed.answer.set('timeout', String(timeout));
  }
  if (options.has('tsize')) agreed.answer.set('tsize', String(fileSize));
  return agreed;
}
