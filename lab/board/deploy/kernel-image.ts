/**
 * What a kernel image says of itself: vmlinux, arm64 Image, x86 bzImage, zImage, uImage, and those packed with gzip (Linux:
 * Documentation/arch/arm64/booting.rst, x86/boot.rst; U-Boot: image.h). What is torn or unknown says nothing; nothing is
 * believed before the board that runs it says the same.
 */
import { gunzipSync } from 'node:zlib';
import { type Arch, isElf, parseElf } from './elf.ts';

export interface KernelFacts {
  /** Null where the image does not tell. */
  arch: Arch | null;
  /** `uname -r` and `uname -v` of it; null where they are packed in a way that we can't look into. */
  release: string | null;
  build: string | null;
}

const UNKNOWN: KernelFacts = { arch: null, release: null, build: null };
/** Of a uImage, by its number (U-Boot: image.h, IH_ARCH_*). */
const UIMAGE_ARCH: Readonly<Record<number, Arch>> = {
  2: 'arm',
  5: 'mips',
  22: 'aarch64',
  24: 'x86_64',
  26: 'riscv64',
};

export function kernelFacts(image: Buffer): KernelFacts {
  const head = (at: number) => (image.length >= at + 4 ? image.readUInt32BE(at) : 0);
  if (head(0) >>> 8 === 0x1f8b08) return unpacked(image, UNKNOWN.arch);
  if (head(0) === 0x27051956) {
    const inner = kernelFacts(image.subarray(64));
    return { ...inner, arch: UIMAGE_ARCH[image[29] ?? 0] ?? inner.arch };
  }
  if (isElf(image)) return { arch: elfArch(image), ...banner(image) };
  if (head(0x38) === 0x41524d64) return { arch: 'aarch64', ...banner(image) };
  if (head(0x202) === 0x48647253) return { arch: 'x86_64', ...bzImageVersion(image) };
  if (head(0x24) === 0x18286f01) {
    const at = image.indexOf(Buffer.from([0x1f, 0x8b, 0x08]));
    return at < 0 ? { ...UNKNOWN, arch: 'arm' } : unpacked(image.subarray(at), 'arm');
  }
  return { arch: null, ...banner(image) };
}

function elfArch(image: Buffer): Arch | null {
  try {
    return parseElf(image).arch;
  } catch {
    return null; // torn
  }
}

function unpacked(packed: Buffer, arch: Arch | null): KernelFacts {
  try {
    // What follows the packed kernel in a zImage is none of it.
    const inner = kernelFacts(gunzipSync(packed, { maxOutputLength: MOST_BYTES }));
    return { ...inner, arch: inner.arch ?? arch };
  } catch {
    return { ...UNKNOWN, arch };
  }
}

const MOST_BYTES = 256 * 1024 * 1024;

/** The text that `uname` takes its answers from (Linux: init/version.c). */
function banner(image: Buffer): Pick<KernelFacts, 'release' | 'build'> {
  for (let at = image.indexOf(BANNER); at >= 0; at = image.indexOf(BANNER, at + 1)) {
    const text = image.toString('latin1', at, at + 600);
    const [, release, build] = /^Linux version (\S{1,64}) \([^\n\0]*\) (#\d[^\n\0]*)/.exec(text) ?? [];
    if (release !== undefined && build !== undefined) return { release, build: build.trim() };
  }
  return { release: null, build: null };
}

const BANNER = Buffer.from('Linux version ');

/** `6.1.0 (user@host) #1 SMP ...`, at the place that the header names. */
function bzImageVersion(image: Buffer): Pick<KernelFacts, 'release' | 'build'> {
  const at = image.readUInt16LE(0x20e) + 0x200;
  const text = image.toString('latin1', at, at + 300).split('\0', 1)[0] ?? '';
  const [, release = null, build = null] = /^(\S+) \(.*?\) (#\d.*)$/.exec(text) ?? [];
  return { release, build };
}
