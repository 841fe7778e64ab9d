/**
 * Takes the ELF kernel out of a bzImage. QEMU starts the ELF by its PVH entry, which saves the guest from unpacking
 * itself: more than two seconds of an emulated processor.
 */

/** Where the compressed kernel lies in a bzImage (Linux x86 boot protocol 2.08: `payload_offset`, `payload_length`). */
export function payloadOf(bzImage: Buffer): { payload: Buffer; compression: 'xz' | 'unknown' } {
  if (bzImage.length < 0x260 || bzImage.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw new RangeError('not a bzImage: no "HdrS" at 0x202');
  }
  if (bzImage.readUInt16LE(0x206) < 0x208) throw new RangeError('boot protocol older than 2.08');
  const setupSectors = bzImage.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const length = bzImage.readUInt32LE(0x24c);
  if (length === 0 || start + length > bzImage.length)
    throw new RangeError('payload lies outside of the file');
  const payload = bzImage.subarray(start, start + length);
  return { payload, compression: payload.toString('hex', 0, 6) === 'fd377a585a00' ? 'xz' : 'unknown' };
}

export function isElf(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes.readUInt32BE(0) === 0x7f454c46;
}
