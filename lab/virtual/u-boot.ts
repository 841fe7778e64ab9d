/**
 * U-Boot as the firmware of a virtual board: where Debian has it, and the environment the lab gives it in the second flash.
 * The environment is a CRC-32, little endian, over `name=value` texts that each end in NUL (U-Boot, tools/mkenvimage.c).
 */
import { open, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { ConfigError } from '../errors.ts';

export const U_BOOT = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';

/** Throws ConfigError when the lab machine has no U-Boot. */
export async function requireUBoot(): Promise<void> {
  if ((await stat(U_BOOT).catch(() => null)) !== null) return;
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  throw new ConfigError(`virtual arm64 boards start with U-Boot, and ${U_BOOT} does not exist`, {
    code: 'missing-tool',
    hint: `${sudo}apt-get install -y --no-install-recommends u-boot-qemu`,
  });
}

/** Both as QEMU's `virt` and Debian's build of U-Boot for it have them (CONFIG_ENV_SIZE). */
const FLASH_BYTES = 64 * 1024 * 1024;
const ENVIRONMENT_BYTES = 0x40000;

/**
 * In the 256 MiB from 0x40000000 on: kernel, initrd and device tree where U-Boot's own defaults have them or beyond, the
 * crash log where nobody writes, and U-Boot itself at the top.
 */
const ADDRESSES = { kernel: '0x40400000', initrd: '0x44000000', tree: '0x4c000000', crashLog: '0x4b000000' };
/** The board, and the server, in QEMU's user network. */
export const GUEST_NETWORK = { ipaddr: '10.0.2.15', serverip: '10.0.2.2' };
const IN_PLACE = '0xffffffffffffffff';

/** Lets Linux find the crash log of before a reset (Linux, bindings/reserved-memory/ramoops.yaml). */
const ADD_CRASH_LOG = [
  'fdt addr $fdtcontroladdr',
  'fdt move $fdtcontroladdr $fdt_addr_r 0x100000',
  'fdt mknode / reserved-memory',
  // Without quotes U-Boot's shell takes what follows # for a comment.
  'fdt set /reserved-memory "#address-cells" <2>',
  'fdt set /reserved-memory "#size-cells" <2>',
  'fdt set /reserved-memory ranges',
  'fdt mknode /reserved-memory ramoops',
  'fdt set /reserved-memory/ramoops compatible ramoops',
  `fdt set /reserved-memory/ramoops reg <0 ${ADDRESSES.crashLog} 0 0x100000>`,
  'fdt set /reserved-memory/ramoops record-size <0x10000>',
];

/**
 * What a board needs that fetches these files of QEMU's TFTP server; U-Boot then has none of its own defaults. The
 * addresses are those of QEMU's user network; without `ethaddr` Linux would be given another one than the port of SSH
 * leads to.
 */
export function environment(boot: {
  kernel: string;
  initrd: string;
  arguments: string;
}): Record<string, string> {
  return {
    ethaddr: '52:54:00:12:34:56',
    ipaddr: GUEST_NETWORK.ipaddr,
    netmask: '255.255.255.0',
    serverip: GUEST_NETWORK.serverip,
    bootdelay: '1',
    kernel_addr_r: ADDRESSES.kernel,
    ramdisk_addr_r: ADDRESSES.initrd,
    fdt_addr_r: ADDRESSES.tree,
    initrd_high: IN_PLACE,
    fdt_high: IN_PLACE,
    bootargs: boot.arguments,
    crashlog: ADD_CRASH_LOG.join(' && '),
    bootcmd: [
      `tftpboot $kernel_addr_r ${boot.kernel}`,
      `tftpboot $ramdisk_addr_r ${boot.initrd}`,
      // A board without a place for its crash log is better than none.
      'setenv tree $fdtcontroladdr; run crashlog && setenv tree $fdt_addr_r',
      'booti $kernel_addr_r $ramdisk_addr_r:$filesize $tree',
    ].join('; '),
  };
}

/** The bytes of an environment. Throws ConfigError when it is too large, or a name or value can't be in it. */
export function environmentImage(variables: Readonly<Record<string, string>>): Buffer {
  for (const [name, value] of Object.entries(variables)) {
    if (!/^[^=\0]+$/.test(name) || value.includes('\0'))
      throw new ConfigError(`${JSON.stringify(name)} can't be a variable of U-Boot`, {
        code: 'bad-environment',
      });
  }
  const texts = Object.entries(variables).map(([name, value]) => `${name}=${value}\0`);
  const data = Buffer.alloc(ENVIRONMENT_BYTES - 4);
  const text = Buffer.from(`${texts.join('')}\0`);
  if (text.length > data.length)
    throw new ConfigError(`an environment of ${text.length} bytes is too large for U-Boot`, {
      code: 'bad-environment',
    });
  text.copy(data);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(data));
  return Buffer.concat([checksum, data]);
}

/** Writes a flash that holds an environment and nothing else; what it does not fill takes no space on the host. */
export async function writeFlash(path: string, variables: Readonly<Record<string, string>>): Promise<void> {
  const image = environmentImage(variables);
  await using file = await open(path, 'w', 0o600);
  await file.write(image, 0, image.length, 0);
  await file.truncate(FLASH_BYTES);
}
