/** Resets that only the console tells: the banner of a boot loader or a kernel while a board should be running. */
import { HilError } from '../errors.ts';

const A_KERNEL = 'a kernel that boots';

/** What boot loaders and kernels say first, and whose it is. */
const BANNERS: readonly { literal: string; pattern: RegExp; name: string }[] = [
  { literal: 'U-Boot', pattern: /^U-Boot (?:SPL |TPL |VPL )?\d{4}\.\d\d/, name: 'U-Boot' },
  { literal: 'OpenSBI v', pattern: /^OpenSBI v\d/, name: 'OpenSBI' },
  { literal: 'NOTICE:  BL', pattern: /^NOTICE: {2}BL\d+: /, name: 'Trusted Firmware' },
  { literal: 'barebox ', pattern: /^barebox \d{4}\.\d\d/, name: 'barebox' },
  { literal: 'CFE version', pattern: /^CFE version \d/, name: 'CFE' },
  { literal: 'RedBoot', pattern: /^RedBoot\(tm\)/, name: 'RedBoot' },
  { literal: 'SeaBIOS', pattern: /^SeaBIOS \(version /, name: 'SeaBIOS' },
  { literal: 'iPXE', pattern: /^iPXE \(http/, name: 'iPXE' },
  { literal: 'Starting kernel ...', pattern: /^Starting kernel \.\.\.$/, name: 'a boot loader' },
  { literal: 'Booting Linux on', pattern: /\] Booting Linux on physical CPU/, name: A_KERNEL },
  { literal: 'Linux version', pattern: /\] Linux version \d/, name: A_KERNEL },
];

/** Whose banner a console line is; null for any other. */
export function bannerOf(line: string): string | null {
  const text = line.trimEnd();
  const banner = BANNERS.find(({ literal, pattern }) => text.includes(literal) && pattern.test(text));
  return banner?.name ?? null;
}

/** Whether the banner is that of a boot loader, which no kernel's log holds. */
export function isBootLoader(banner: string): boolean {
  return banner !== A_KERNEL;
}

/**
 * Whether a board was reset after its console showed a banner: a command may have printed it (`dmesg`), and then the board
 * still answers and runs the boot that it ran. `ask` gives the id of the boot that answers, or throws a HilError.
 */
export async function wasReset(bootId: string | null, ask: () => Promise<string>): Promise<boolean> {
  if (bootId === null) return false;
  try {
    return (await ask()).trim() !== bootId;
  } catch (error) {
    if (error instanceof HilError) return true;
    throw error;
  }
}
