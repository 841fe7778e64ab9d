/** A capture of the air for Wireshark and tcpdump: pcapng (draft-ietf-opsawg-pcapng), frames with radiotap headers. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { SentFrame } from './netlink.ts';
import { padded } from './padded.ts';
import { rateOf } from './rates.ts';

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
const RADIOTAP = 127;
const NAME_OPTION = 2;
const NANOSECONDS_OPTION = 9;
/** Of radiotap: rate, channel, signal. */
const PRESENT = (1 << 2) | (1 << 3) | (1 << 5);
const RADIOTAP_BYTES = 15;
const BAND = { low: 0x0080, high: 0x0100 } as const;

/** Each sending radio is an interface of its own, so that it can be told who sent what. */
export class AirCapture {
  readonly #fd: number;
  readonly #limitBytes: number;
  readonly #interfaces = new Map<string, number>();
  #bytes = 0;
  #left = 0;

  /** Throws when the file can't be made. A file of `limitBytes` is not written to any more. */
  constructor(path: string, limitBytes: number) {
    this.#fd = openSync(path, 'w');
    this.#limitBytes = limitBytes;
    const section = Buffer.alloc(16);
    section.writeUInt32LE(BYTE_ORDER, 0);
    section.writeUInt16LE(1, 4);
    // The length of the section is not known.
    section.writeBigInt64LE(-1n, 8);
    this.#block(SECTION, section);
  }

  /** Frames that were left out, the file being full. */
  get left(): number {
    return this.#left;
  }

  /** @param wallNs nanoseconds since 1970 */
  add(radio: string, { frame, frequencyMhz, tries }: SentFrame, signalDbm: number, wallNs: bigint): void {
    if (this.#bytes > this.#limitBytes) {
      this.#left++;
      return;
    }
    const id = this.#interface(radio);
    const length = RADIOTAP_BYTES + frame.length;
    const body = Buffer.alloc(20 + padded(length));
    body.writeUInt32LE(id, 0);
    body.writeUInt32LE(Number(wallNs >> 32n), 4);
    body.writeUInt32LE(Number(wallNs & 0xffffffffn), 8);
    body.writeUInt32LE(length, 12);
    body.writeUInt32LE(length, 16);
    const [first = { index: 0, count: 1, flags: 0 }] = tries;
    body.writeUInt16LE(RADIOTAP_BYTES, 22);
    body.writeUInt32LE(PRESENT, 24);
    // In steps of 500 kbit/s, as far as they go.
    body.writeUInt8(Math.min(255, Math.round(rateOf(first, frequencyMhz) / 500e3)), 28);
    body.writeUInt16LE(frequencyMhz, 30);
    body.writeUInt16LE(frequencyMhz < 3000 ? BAND.low : BAND.high, 32);
    body.writeInt8(signalDbm, 34);
    frame.copy(body, 20 + RADIOTAP_BYTES);
    this.#block(PACKET, body);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #interface(radio: string): number {
    const known = this.#interfaces.get(radio);
    if (known !== undefined) return known;
    const name = Buffer.from(radio);
    const body = Buffer.alloc(8 + 4 + padded(name.length) + 8 + 4);
    body.writeUInt16LE(RADIOTAP, 0);
    body.writeUInt16LE(NAME_OPTION, 8);
    body.writeUInt16LE(name.length, 10);
    name.copy(body, 12);
    const at = 12 + padded(name.length);
    body.writeUInt16LE(NANOSECONDS_OPTION, at);
    body.writeUInt16LE(1, at + 2);
    body.writeUInt8(9, at + 4);
    this.#block(INTERFACE, body);
    const id = this.#interfaces.size;
    this.#interfaces.set(radio, id);
    return id;
  }

  #block(type: number, body: Buffer): void {
    const length = 12 + body.length;
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32LE(type, 0);
    bytes.writeUInt32LE(length, 4);
    body.copy(bytes, 8);
    bytes.writeUInt32LE(length, length - 4);
    writeSync(this.#fd, bytes);
    this.#bytes += length;
  }
}
