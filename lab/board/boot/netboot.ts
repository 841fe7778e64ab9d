/** Boots a kernel over the network: loaded by TFTP, proven by its sum, started. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { LabError } from '../../errors.ts';
import type { LoaderConsole, LoaderShell } from './loader-shell.ts';

export interface NetBoot {
  /** Files of this machine; without a device tree the loader's own is used. */
  kernel: string;
  initrd?: string;
  dtb?: string;
  bootargs: string;
  method: 'booti' | 'bootz' | 'bootm';
  /** How the board gets its own address: asks for it, or is given it. */
  network: 'dhcp' | { ipaddr: string };
  /** Address of the TFTP server. */
  serverip: string;
}

/** Variables of U-Boot that hold addresses (docs.u-boot.org, "environment"). */
const ADDRESS = { kernel: 'kernel_addr_r', initrd: 'ramdisk_addr_r', dtb: 'fdt_addr_r' } as const;
type Part = keyof typeof ADDRESS;

const DHCP_MS = 60_000;
/** Slow links and slow flash: a kernel of 30 MB at 1 MB/s. */
const LOAD_MS = 120_000;
const START_MS = 30_000;

/** The names under which a TFTP server must have the files. */
export function filesOf({ kernel, initrd, dtb }: NetBoot): Record<string, string> {
  const paths = [kernel, ...(initrd === undefined ? [] : [initrd]), ...(dtb === undefined ? [] : [dtb])];
  return Object.fromEntries(paths.map((path) => [basename(path), path]));
}

/** Resolves when the kernel has begun. Throws what LoaderShell throws, or LabError `load-corrupt`. */
export async function netBoot(
  shell: LoaderShell,
  port: LoaderConsole,
  boot: NetBoot,
  options: { signal: AbortSignal; progress: (detail: string) => void },
): Promise<void> {
  const { signal, progress } = options;
  if (boot.network === 'dhcp') {
    progress('asking for an address');
    await shell.set({ autoload: 'no' }, signal);
    await shell.check('dhcp', { timeoutMs: DHCP_MS, signal });
  } else await shell.set({ ipaddr: boot.network.ipaddr }, signal);
  await shell.set({ serverip: boot.serverip }, signal);
  let ramdisk = '-';
  for (const part of ['initrd', 'dtb', 'kernel'] as const) {
    const path = boot[part];
    if (path === undefined) continue;
    progress(`loading ${basename(path)}`);
    const size = await load(shell, part, path, signal);
    if (part === 'initrd')
      ramdisk =
        boot.method === 'bootm' ? `\${${ADDRESS.initrd}}` : `\${${ADDRESS.initrd}}:${size.toString(16)}`;
  }
  await shell.set({ bootargs: boot.bootargs }, signal);
  const tree = `\${${boot.dtb === undefined ? 'fdtcontroladdr' : ADDRESS.dtb}}`;
  progress('starting the kernel');
  const from = port.position;
  await port.write(`${boot.method} \${${ADDRESS.kernel}} ${ramdisk} ${tree}\r`);
  const started = ['Starting kernel ...', '] Linux version ', '] Booting Linux on'];
  try {
    await port.expect(started, { timeoutMs: START_MS, signal, from });
  } catch (error) {
    signal.throwIfAborted();
    throw shell.failure(
      boot.method,
      error instanceof LabError ? (error.hint ?? error.message) : String(error),
    );
  }
}

/** Loads one file and compares its sum with that of the file here. Gives its size. */
async function load(shell: LoaderShell, part: Part, path: string, signal: AbortSignal): Promise<number> {
  const name = basename(path);
  const output = await shell.run(`tftpboot \${${ADDRESS[part]}} ${name}`, { timeoutMs: LOAD_MS, signal });
  const bytes = Number(/Bytes transferred = (\d+)/.exec(output.output)?.[1] ?? Number.NaN);
  if (output.exitCode !== 0 || Number.isNaN(bytes)) throw shell.failure(`tftpboot ${name}`, output.output);
  const file = await sumOf(path);
  const said = await shell.run(`crc32 \${${ADDRESS[part]}} ${bytes.toString(16)}`, {
    timeoutMs: LOAD_MS,
    signal,
  });
  const sum = /==> ([0-9a-f]{8})/.exec(said.output)?.[1];
  // A loader without that command must do with the size.
  const differs = sum !== undefined && sum !== file.crc32;
  if (bytes !== file.size || differs)
    throw new LabError(
      `${name} came over damaged: ${bytes} of ${file.size} bytes, crc32 ${sum ?? 'unknown'} in place of ${file.crc32}`,
      {
        code: 'load-corrupt',
        hint: 'was the file changed meanwhile? check cable and switch',
      },
    );
  return bytes;
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
