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

/** Whether it is a plain arm64 kernel, as U-Boot's `booti` takes it (Linux, Documentation/arm64/booting.rst). */
export function isArm64Image(bytes: Buffer): boolean {
  return bytes.length > 64 && bytes.toString('latin1', 0x38, 0x3c) === 'ARM\x64';
}

const EHDR = { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shnum: 60, shstrndx: 62 } as const;
const PHDR = { type: 0, offset: 8, filesz: 32 } as const;
const PT_LOAD = 1;
const PAGE = 4096n;

/**
 * A copy of an ELF64 kernel without the zeros that its segments end in (Debian's spells out 23 MB of them): a loader
 * fills what a segment has in memory and not in the file with zeros anyway. QEMU keeps the file in its memory for the
 * next reset, so this makes each board as much smaller. The table of sections, which no loader reads, goes too. Throws
 * RangeError when the file is torn.
 */
export function withoutZeroTails(elf: Buffer): Buffer {
  const out = Buffer.from(elf);
  let end = 64n;
  const first = elf.readBigUInt64LE(EHDR.phoff);
  const size = BigInt(elf.readUInt16LE(EHDR.phentsize));
  const count = elf.readUInt16LE(EHDR.phnum);
  for (let index = 0n; index < count; index++) {
    const header = Number(first + index * size);
    const offset = elf.readBigUInt64LE(header + PHDR.offset);
    let length = elf.readBigUInt64LE(header + PHDR.filesz);
    if (offset + length > elf.length) throw new RangeError('a segment lies outside of the file');
    if (elf.readUInt32LE(header + PHDR.type) === PT_LOAD) {
      let last = Number(offset + length);
      while (last > offset && elf[last - 1] === 0) last--;
      const used = ((BigInt(last) - offset + PAGE - 1n) / PAGE) * PAGE;
      if (used < length) length = used;
      out.writeBigUInt64LE(length, header + PHDR.filesz);
    }
    if (offset + length > end) end = offset + length;
    if (BigInt(header) + size > end) end = BigInt(header) + size;
  }
  out.writeBigUInt64LE(0n, EHDR.shoff);
  out.writeUInt16LE(0, EHDR.shnum);
  out.writeUInt16LE(0, EHDR.shstrndx);
  return out.subarray(0, Number(end));
}
