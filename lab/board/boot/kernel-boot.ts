/** Boots another kernel than the board's own, once: loaded by its boot loader, proven by its sum, started. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { ConfigError, LabError } from '../../errors.ts';
import type { LoaderConsole, LoaderShell } from './loader-shell.ts';
import { type BootSource, loadCommand, openSource, type SourceOptions } from './sources.ts';

export interface KernelFiles {
  /** Files of this machine; from a USB stick: on the stick. A FIT has all in one, the kernel. */
  kernel: string;
  initrd?: string;
  /** Without one the loader's own is used. */
  dtb?: string;
}

export interface KernelBoot extends KernelFiles {
  bootargs: string;
  method: 'booti' | 'bootz' | 'bootm';
  /** Of a FIT; default: the one it names itself. */
  configuration?: string;
  source: BootSource;
}

/** Variables of U-Boot that hold addresses (docs.u-boot.org, "environment"), the first that is set counts. */
const ADDRESS = {
  kernel: ['kernel_addr_r', 'loadaddr'],
  /** Its parts are copied from there to where they run, which is near the address of a bare kernel. */
  fit: ['fit_addr_r', 'ramdisk_addr_r', 'loadaddr'],
  initrd: ['ramdisk_addr_r'],
  dtb: ['fdt_addr_r'],
} as const;
type Part = keyof typeof ADDRESS;

/** Slow links and slow flash: a kernel of 30 MB at 1 MB/s. */
const LOAD_MS = 120_000;
const START_MS = 30_000;
const FDT_MAGIC = 0xd00dfeed;

/** The names under which a server must have the files. */
export function filesOf({ kernel, initrd, dtb }: KernelFiles): Record<string, string> {
  const paths = [kernel, initrd, dtb].filter((path) => path !== undefined);
  return Object.fromEntries(paths.map((path) => [basename(path), path]));
}

/** Whether a file of this machine is a FIT: a flattened tree of images (docs.u-boot.org, "FIT"). */
async function isFit(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return bytesRead === 4 && buffer.readUInt32BE(0) === FDT_MAGIC;
}

/** Resolves when the kernel has begun. Throws what LoaderShell throws, or LabError `load-corrupt`. */
export async function bootKernel(
  shell: LoaderShell,
  port: LoaderConsole,
  boot: KernelBoot,
  options: SourceOptions,
): Promise<void> {
  const { signal, progress } = options;
  const { source, kernel, initrd, dtb, bootargs, configuration } = boot;
  const fit = source.by === 'usb' ? /\.(?:itb|fit)$/.test(kernel) : await isFit(kernel);
  if (configuration !== undefined && !fit)
    throw new ConfigError(`${basename(kernel)} is no FIT, so it has no configuration ${configuration}`);
  await openSource(shell, source, options);
  const load = async (part: Part, path: string): Promise<{ address: string; size: number }> => {
    progress(`loading ${basename(path)}`);
    return await loadFile(shell, source, part, path, signal);
  };
  const ramdisk = initrd === undefined ? null : await load('initrd', initrd);
  const tree = dtb === undefined ? null : await load('dtb', dtb);
  const image = await load(fit ? 'fit' : 'kernel', kernel);
  await shell.set({ bootargs }, signal);
  const treeAt = tree?.address ?? (fit ? undefined : await shell.get('fdtcontroladdr', signal));
  const from = port.position;
  progress('starting the kernel');
  const method = fit ? 'bootm' : boot.method;
  const words = [
    method,
    `${image.address}${configuration === undefined ? '' : `#${configuration}`}`,
    ...(ramdisk
      ? // A wrapped ramdisk has its size with it.
        [method === 'bootm' ? ramdisk.address : `${ramdisk.address}:${ramdisk.size.toString(16)}`]
      : treeAt
        ? ['-']
        : []),
    ...(treeAt ? [treeAt] : []),
  ];
  await port.write(`${words.join(' ')}\r`);
  const started = ['Starting kernel ...', '] Linux version ', '] Booting Linux on'];
  try {
    await port.expect(started, { timeoutMs: START_MS, signal, from });
  } catch (error) {
    signal.throwIfAborted();
    throw shell.failure(method, error instanceof LabError ? (error.hint ?? error.message) : String(error));
  }
}

/** Loads one file and compares its sum with that of the file here; one of a stick is believed. */
async function loadFile(
  shell: LoaderShell,
  source: BootSource,
  part: Part,
  path: string,
  signal: AbortSignal,
): Promise<{ address: string; size: number }> {
  const address = await addressOf(shell, part, signal);
  const name = source.by === 'usb' ? path : basename(path);
  const command = loadCommand(source, address, name);
  await shell.check(command, { timeoutMs: LOAD_MS, signal });
  const said = await shell.get('filesize', signal);
  const size = said !== null && /^[0-9a-f]{1,8}$/i.test(said) ? Number.parseInt(said, 16) : Number.NaN;
  if (Number.isNaN(size)) throw shell.failure(command, `filesize=${said ?? ''}`);
  if (source.by === 'usb') return { address, size };
  const file = await sumOf(path);
  const output = await shell.run(`crc32 ${address} ${size.toString(16)}`, { timeoutMs: LOAD_MS, signal });
  const sum = /==> ([0-9a-f]{8})/.exec(output.output)?.[1];
  // A loader without that command must do with the size.
  if (size !== file.size || (sum !== undefined && sum !== file.crc32))
    throw new LabError(
      `${name} came over damaged: ${size} of ${file.size} bytes, crc32 ${sum ?? 'unknown'} in place of ${file.crc32}`,
      { code: 'load-corrupt', hint: 'was the file changed meanwhile? check cable and switch' },
    );
  return { address, size };
}

/** Literal: a variable that is not set would drop out of a command without a word. */
async function addressOf(shell: LoaderShell, part: Part, signal: AbortSignal): Promise<string> {
  for (const name of ADDRESS[part]) {
    const value = await shell.get(name, signal);
    if (value !== null && /^(?:0x)?[0-9a-f]{1,16}$/i.test(value)) return value;
  }
  throw new ConfigError(`the boot loader has no address for the ${part}: ${ADDRESS[part].join(', ')}`, {
    code: 'no-address',
    hint: `set ${ADDRESS[part][0]} in its environment`,
  });
}

/** Of a file, in one pass. */
export async function sumOf(path: string): Promise<{ size: number; crc32: string }> {
  let [size, sum] = [0, 0];
  for await (const chunk of createReadStream(path)) {
    size += chunk.length;
    sum = crc32(chunk, sum);
  }
  return { size, crc32: sum.toString(16).padStart(8, '0') };
}
