/** What an ELF file says of itself (gABI; kernel modules: kernel/module/main.c). Torn files are told, never believed. */

export type Arch = 'x86_64' | 'aarch64' | 'arm' | 'mips' | 'riscv64' | 'other';

export interface Elf {
  arch: Arch;
  /** Content of a section; null where there is none. */
  section(name: string): Buffer | null;
}

/** e_machine (elf.h). */
const MACHINES: Readonly<Record<number, Arch>> = {
  62: 'x86_64',
  183: 'aarch64',
  40: 'arm',
  8: 'mips',
  243: 'riscv64',
};

export function isElf(bytes: Buffer): boolean {
  return bytes.length >= 20 && bytes.readUInt32BE(0) === 0x7f454c46;
}

/** Throws RangeError when it is no ELF file, or is torn. */
export function parseElf(bytes: Buffer): Elf {
  if (!isElf(bytes)) throw new RangeError('no ELF file');
  const wide = bytes[4] === 2;
  const little = bytes[5] === 1;
  const u16 = (at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const u32 = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const word = (at: number): number =>
    wide ? Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)) : u32(at);
  const table = word(wide ? 40 : 32);
  const [size, count, names] = wide ? [u16(58), u16(60), u16(62)] : [u16(46), u16(48), u16(50)];
  const header = (index: number) => {
    const at = table + index * size;
    return wide
      ? { name: u32(at), offset: word(at + 24), size: word(at + 32) }
      : { name: u32(at), offset: u32(at + 16), size: u32(at + 20) };
  };
  const content = (index: number): Buffer => {
    const { offset, size: length } = header(index);
    if (offset + length > bytes.length)
      throw new RangeError('it is torn: a section lies outside of the file');
    return bytes.subarray(offset, offset + length);
  };
  return {
    arch: MACHINES[u16(18)] ?? 'other',
    section: (name) => {
      if (count === 0) return null;
      const texts = content(names);
      for (let index = 0; index < count; index++) {
        const at = header(index).name;
        const end = texts.indexOf(0, at);
        if (texts.toString('latin1', at, end < 0 ? undefined : end) === name) return content(index);
      }
      return null;
    },
  };
}

export interface ModuleFacts {
  name: string;
  arch: Arch;
  /** Kernel that it was built for, the first word of its vermagic. */
  kernelRelease: string;
  /** Empty where its kernel was built without. */
  srcversion: string;
}

/** Of a kernel module (uncompressed); null when it is none. Throws RangeError when it is torn. */
export function moduleFacts(bytes: Buffer): ModuleFacts | null {
  if (!isElf(bytes)) return null;
  const { arch, section } = parseElf(bytes);
  const info = section('.modinfo');
  if (!info) return null;
  const fields = new Map<string, string>();
  for (const text of info.toString('latin1').split('\0')) {
    const at = text.indexOf('=');
    if (at > 0 && !fields.has(text.slice(0, at))) fields.set(text.slice(0, at), text.slice(at + 1));
  }
  const release = (fields.get('vermagic') ?? '').split(' ')[0] ?? '';
  return {
    name: (fields.get('name') ?? '').replaceAll('-', '_'),
    arch,
    kernelRelease: release,
    srcversion: fields.get('srcversion') ?? '',
  };
}
