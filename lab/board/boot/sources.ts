/** From where a boot loader loads files into memory, and how: by TFTP, by HTTP, from a USB stick. */
import { z } from 'zod';
import type { LoaderShell } from './loader-shell.ts';

export const Network = z.union([z.literal('dhcp'), z.strictObject({ ipaddr: z.string().min(1) })]);

/** Where the files are. */
export const BootSource = z.discriminatedUnion('by', [
  z.strictObject({
    by: z.enum(['tftp', 'http']),
    /** How the board gets its own address: asks for it, or is given it. */
    network: Network.default('dhcp'),
    /** Address of the server. */
    serverip: z.string().min(1),
    /** Port of the lab's own server, which is up at `serverip` while it is needed; null: another one serves there. */
    port: z.int().min(0).max(65_535).nullable(),
    /** Comes before the names of files there. */
    prefix: z.string().default(''),
  }),
  z.strictObject({
    by: z.literal('usb'),
    /** Device and partition, as the loader numbers them. */
    device: z.string().regex(/^\d+:\d+$/, 'expected a device and a partition, such as 0:1'),
  }),
]);
export type BootSource = z.output<typeof BootSource>;

export interface SourceOptions {
  signal: AbortSignal;
  progress: (detail: string) => void;
}

const DHCP_MS = 60_000;
const USB_MS = 60_000;

/** Makes the board ready to load. Throws what LoaderShell.check throws. */
export async function openSource(
  shell: LoaderShell,
  source: BootSource,
  { signal, progress }: SourceOptions,
): Promise<void> {
  if (source.by === 'usb') {
    progress('looking for the USB stick');
    const output = await shell.check('usb start', { timeoutMs: USB_MS, signal });
    if (/\b0 Storage Device\(s\) found/.test(output)) throw shell.failure('usb start', output);
    return;
  }
  if (source.network === 'dhcp') {
    progress('asking for an address');
    await shell.set({ autoload: 'no' }, signal);
    await shell.check('dhcp', { timeoutMs: DHCP_MS, signal });
  } else await shell.set({ ipaddr: source.network.ipaddr }, signal);
  await shell.set({ serverip: source.serverip }, signal);
}

/** U-Boot's command that loads a file to an address (docs.u-boot.org: tftpboot, wget, load). */
export function loadCommand(source: BootSource, address: string, name: string): string {
  if (source.by === 'usb') return `load usb ${source.device} ${address} ${name}`;
  const path = `${source.prefix}${name}`;
  return source.by === 'tftp' ? `tftpboot ${address} ${path}` : `wget ${address} ${source.serverip}:/${path}`;
}
