/** Resets that only the console tells: the banner of a boot loader or a kernel while a board should be running. */
import { HilError } from '../errors.ts';

const A_KERNEL = 'a kernel that boots';

/** What boot loaders and kernels say first, whose it is, and how far the board has come by it. */
export const BANNERS: readonly {
  literal: string;
  pattern: RegExp;
  name: string;
  stage: 'firmware' | 'bootloader' | 'kernel';
}[] = [
  { literal: 'U-Boot', pattern: /^U-Boot [STV]PL \d{4}\.\d\d/, name: 'U-Boot', stage: 'firmware' },
  { literal: 'U-Boot', pattern: /^U-Boot \d{4}\.\d\d/, name: 'U-Boot', stage: 'bootloader' },
  { literal: 'OpenSBI v', pattern: /^OpenSBI v\d/, name: 'OpenSBI', stage: 'firmware' },
  { literal: 'NOTICE:  BL', pattern: /^NOTICE: {2}BL\d+: /, name: 'Trusted Firmware', stage: 'firmware' },
  { literal: 'barebox ', pattern: /^barebox \d{4}\.\d\d/, name: 'barebox', stage: 'bootloader' },
  { literal: 'CFE version', pattern: /^CFE version \d/, name: 'CFE', stage: 'bootloader' },
  { literal: 'RedBoot', pattern: /^RedBoot\(tm\)/, name: 'RedBoot', stage: 'bootloader' },
  { literal: 'SeaBIOS', pattern: /^SeaBIOS \(version /, name: 'SeaBIOS', stage: 'firmware' },
  { literal: 'iPXE', pattern: /^iPXE \(http/, name: 'iPXE', stage: 'bootloader' },
  {
    literal: 'Starting kernel ...',
    pattern: /^Starting kernel \.\.\.$/,
    name: 'a boot loader',
    stage: 'kernel',
  },
  {
    literal: 'Booting Linux on',
    pattern: /\] Booting Linux on physical CPU/,
    name: A_KERNEL,
    stage: 'kernel',
  },
  { literal: 'Linux version', pattern: /\] Linux version \d/, name: A_KERNEL, stage: 'kernel' },
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
