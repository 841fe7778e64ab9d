/** Where a boot begins and ends, and why a board was reset. Ids that start with `boot/begin` open a new boot. */
import type { Signature } from './signature.ts';

const BANNER = {
  class: 'benign',
  blame: 'benign',
  role: 'marker',
  meaning: 'The board boots',
  next: 'Nothing to do where the test asked for it',
} satisfies Partial<Signature>;

const END = {
  class: 'benign',
  blame: 'benign',
  role: 'marker',
  meaning: 'The board is shut down in order',
  next: 'Nothing to do where the test asked for it',
} satisfies Partial<Signature>;

const WATCHDOG = {
  class: 'watchdog-reset',
  blame: 'product',
  role: 'root',
  meaning: 'The watchdog reset the board, so the boot before had hung',
  next: 'Read the end of the boot before: its console, and /sys/fs/pstore on this boot',
} satisfies Partial<Signature>;

export const boot: readonly Signature[] = [
  {
    ...BANNER,
    id: 'boot/begin-linux',
    literals: ['Linux version '],
    pattern: /Linux version \d+\.\d+[^\n]{0,80}\(/,
    source: 'init/version.c',
  },
  {
    ...BANNER,
    id: 'boot/begin-arm',
    literals: ['Booting Linux on physical CPU'],
    pattern: null,
    source: 'arch/arm/kernel/setup.c, arch/arm64/kernel/setup.c',
  },
  {
    ...BANNER,
    id: 'boot/begin-u-boot',
    literals: ['U-Boot SPL ', 'U-Boot TPL ', 'U-Boot 20', 'U-Boot 1.1.'],
    pattern: /U-Boot (?:[ST]PL )?(?:20\d\d\.\d\d|1\.1\.\d)/,
    source: 'U-Boot: include/version.h',
  },
  {
    ...BANNER,
    id: 'boot/begin-firmware',
    literals: [
      'SeaBIOS (version ',
      'OpenSBI v',
      'BdsDxe: starting Boot',
      'BdsDxe: loading Boot',
      'Starting kernel ...',
    ],
    pattern: null,
    source: 'SeaBIOS, OpenSBI, EDK II, U-Boot',
  },
  {
    ...BANNER,
    id: 'boot/begin-trusted-firmware',
    literals: ['NOTICE:  BL1: ', 'NOTICE:  BL2: ', 'NOTICE:  BL31: '],
    pattern: /BL\d\d?: (?:v\d|Booting|Built)/,
    source: 'Trusted Firmware-A: bl1, bl2, bl31',
  },
  {
    ...END,
    id: 'boot/restarting',
    literals: ['reboot: Restarting system', 'reboot: Restarting with command'],
    pattern: null,
    source: 'kernel/reboot.c',
  },
  {
    ...END,
    id: 'boot/power-down',
    literals: [
      'reboot: Power down',
      'reboot: System halted',
      'Power off not available: System halted instead',
    ],
    pattern: null,
    source: 'kernel/reboot.c',
  },
  {
    ...END,
    id: 'boot/shutdown-target',
    literals: [
      'Reached target Reboot',
      'Reached target Power-Off',
      'Reached target System Reboot',
      'procd: - shutdown -',
    ],
    pattern: null,
    source: 'systemd, procd',
  },
  {
    ...WATCHDOG,
    id: 'boot/reset-by-watchdog-u-boot',
    literals: ['Reset cause: ', 'Reset Status: ', 'Reset reason: ', 'Reset Source: '],
    pattern: /Reset (?:cause|[Ss]tatus|reason|Source): [^\n]{0,40}?(?:WDOG|WDT|[Ww]atch ?[Dd]og|WATCHDOG)/,
    // Some chips, such as i.MX, restart by their watchdog even where they are told to.
    role: 'symptom',
    source: 'U-Boot: arch/arm/mach-imx/cpu.c and its like',
  },
  {
    ...WATCHDOG,
    id: 'boot/reset-by-watchdog-at91',
    literals: ['Starting after watchdog reset'],
    pattern: null,
    source: 'drivers/power/reset/at91-reset.c',
  },
  {
    ...WATCHDOG,
    id: 'boot/reset-by-watchdog-x86',
    literals: ['Previous system reset reason ['],
    pattern: /Previous system reset reason \[0x[0-9a-f]{1,8}\]: [^\n]{0,60}watchdog/,
    source: '6.16 arch/x86/kernel/cpu/amd.c',
  },
  {
    ...WATCHDOG,
    id: 'boot/reset-by-watchdog-driver',
    literals: [
      'rebooted by the watchdog',
      'reboot was caused by watchdog',
      'reboot caused by watchdog',
      'reset was caused by watchdog',
      'reset caused by watchdog',
      'system restarted by watchdog',
    ],
    pattern: null,
    source: 'drivers/watchdog',
  },
  {
    id: 'boot/reset-by-heat',
    literals: ['Reset cause: TEMPSENSE', 'Reset cause: Thermal'],
    pattern: null,
    class: 'thermal',
    blame: 'lab',
    role: 'root',
    meaning: 'The chip was too hot and reset itself',
    next: 'Check cooling and the temperature in the lab, then read /sys/class/thermal',
    source: 'U-Boot: arch/arm/mach-imx/cpu.c',
  },
  {
    id: 'boot/watchdog-pretimeout',
    literals: ['watchdog pretimeout event', ': pretimeout event'],
    pattern: /watchdog(?: pretimeout|\d{1,3}: pretimeout) event/,
    class: 'watchdog-reset',
    blame: 'product',
    role: 'root',
    meaning: 'Nothing has fed the watchdog, and it is about to reset the board',
    next: 'Look for what held the CPU or the daemon that feeds it in the minute before',
    source: 'drivers/watchdog/pretimeout_noop.c, pretimeout_panic.c',
  },
  {
    id: 'boot/watchdog-left-running',
    literals: [
      'watchdog did not stop!',
      'nowayout prevents watchdog being stopped!',
      'Unexpected close, not stopping',
    ],
    pattern: null,
    class: 'benign',
    blame: 'benign',
    role: 'benign',
    meaning: 'The watchdog stays armed, as it shall while the board restarts',
    next: 'Nothing to do at a reboot',
    source: 'drivers/watchdog/watchdog_dev.c',
  },
];
