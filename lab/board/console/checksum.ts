/** The sums by which a board proves its output: `md5sum`, or POSIX `cksum` where there is none. */
import { createHash } from 'node:crypto';

/** Shell: the sum of standard input. A tool that is missing reads nothing, so the next one gets it all. */
export const SUM_COMMAND = '{ md5sum || cksum; } 2>/dev/null';

/** Whether what SUM_COMMAND printed is the sum of these bytes. */
export function proves(printed: string, bytes: Buffer): boolean {
  const md5 = /^([0-9a-f]{32}) {2}-$/.exec(printed);
  if (md5) return createHash('md5').update(bytes).digest('hex') === md5[1];
  const cksum = /^(\d+) (\d+)(?: -)?$/.exec(printed);
  return cksum !== null && Number(cksum[2]) === bytes.length && Number(cksum[1]) === posixSum(bytes);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let sum = index << 24;
  for (let bit = 0; bit < 8; bit++) sum = sum & 0x80000000 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  return sum >>> 0;
});

/** The CRC of POSIX cksum: the bytes, then their number from its lowest byte up, complemented. */
export function posixSum(bytes: Buffer): number {
  let sum = 0;
  const add = (byte: number) => {
    sum = ((sum << 8) ^ (TABLE[((sum >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  };
  for (const byte of bytes) add(byte);
  for (let length = bytes.length; length > 0; length = Math.floor(length / 256)) add(length & 0xff);
  return ~sum >>> 0;
}
