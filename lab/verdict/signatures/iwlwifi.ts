/** Intel iwlwifi (mvm and dvm): its firmware. Bringing it up, its bus and queues: iwlwifi-hw.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'iwlwifi of Linux 6.1 and 6.12' } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const FOLLOWS = { class: 'fw-timeout', blame: 'product', role: 'consequence', ...SOURCE } as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';
const DUMP = 'Save /sys/class/devcoredump/*/data; note the firmware version and the first words of the dump';
const FAILED = [
  'iwlwifi/sw-error',
  'iwlwifi/sync-cmd',
  'iwlwifi/cmd-timeout',
  'iwlwifi/assert',
  'iwlwifi/dump',
];

export const iwlwifi: readonly Signature[] = [
  {
    ...CRASH,
    id: 'iwlwifi/sw-error',
    ...line('Microcode SW error detected.'),
    meaning: 'The firmware stops at an error',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/assert',
    ...line('SYSASSERT', {
      driver: 'iwlwifi',
      before: '0x(?<code>[0-9A-F]{1,8}) \\| (?:ADVANCED_|IML/ROM )?',
    }),
    meaning: 'The firmware stops at an assertion',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/nmi',
    role: 'symptom',
    ...line(' | NMI_INTERRUPT_', { before: '0x(?<code>[0-9A-F]{8})', after: '(?<reason>\\w{1,30})' }),
    meaning: 'The firmware is stopped by an interrupt that the driver or the chip gave',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/dump',
    role: 'symptom',
    ...line('Start IWL Error Log Dump:'),
    meaning: 'The driver prints the state of a failed firmware',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/wrt',
    role: 'hint',
    confirmedBy: FAILED,
    when: [{ group: 'reason', is: ['4', '2', '7', '8', '13'], means: { role: 'symptom' } }],
    ...line('WRT: Collecting data: ini trigger ', { after: '(?<reason>\\d{1,2}) fired' }),
    meaning: 'The driver collects data of a failed firmware',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/sync-cmd',
    ...line('FW error in SYNC CMD ', { after: '(?<command>\\w{1,50})' }),
    meaning: 'The firmware fails while it works on a command',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/hw-error',
    class: 'pcie-error',
    role: 'symptom',
    ...line('HW error, resetting before reading'),
    meaning: 'The chip can no longer be read: it lost power or its bus',
    next: LINK,
  },
  {
    ...CRASH,
    id: 'iwlwifi/hardware',
    ...line('Hardware error detected.', { driver: 'iwlwifi', after: ' {1,2}Restarting' }),
    meaning: 'The chip reports an error of its hardware',
    next: LINK,
  },
  {
    ...CRASH,
    id: 'iwlwifi/reprobe',
    role: 'symptom',
    ...line('Firmware error during reconfiguration - reprobe!'),
    meaning: 'The firmware fails again while it is set up anew',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/restart',
    role: 'consequence',
    ...line('Failing on timeout while stopping DMA channel '),
    meaning: 'The DMA of the chip does not stop',
    next: LINK,
  },
  {
    ...CRASH,
    id: 'iwlwifi/response-null',
    role: 'symptom',
    ...line('Error: Response NULL in '),
    meaning: 'The firmware answers a command with nothing',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'iwlwifi/ct-kill',
    class: 'thermal',
    literals: ['Microcode CT kill error detected.', 'Device reached critical temperature'],
    pattern: null,
    meaning: 'The chip is too hot and stops',
    next: 'Check cooling; cat /sys/class/hwmon/*/temp*_input',
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/cmd-timeout',
    ...line(': time out after ', { before: 'Error sending (?<command>\\w{1,50})', after: '\\d{1,6}ms' }),
    meaning: 'The firmware does not answer a command',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/enqueue',
    role: 'symptom',
    ...line(': enqueue_hcmd failed: ', {
      before: 'Error sending (?<command>\\w{1,50})',
      after: '-(?<errno>\\d{1,3})',
    }),
    meaning: 'A command can not be given to the chip',
    next: DUMP,
  },
  {
    ...FOLLOWS,
    id: 'iwlwifi/queue-hcmd',
    ...line('Current CMD queue read_ptr '),
    meaning: 'The driver prints where the queue of commands stands',
    next: 'Look for the command that timed out',
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/hw-access',
    when: [
      {
        group: 'reason',
        is: ['ffffffff'],
        means: {
          class: 'pcie-error',
          meaning: 'The chip is gone from the bus: all its registers read as ones',
        },
      },
    ],
    ...line('Timeout waiting for hardware access', { after: ' \\(CSR_GP_CNTRL 0x(?<reason>[0-9a-f]{8})\\)' }),
    meaning: 'The chip does not wake up, and its registers can not be reached',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/fw-chunk',
    ...line('Failed to load firmware chunk!'),
    meaning: 'The firmware could not be loaded into the chip',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/ucode-section',
    role: 'symptom',
    ...line('Could not load the [', { after: '\\d{1,3}\\] uCode section' }),
    meaning: 'The firmware could not be loaded into the chip',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/start-init',
    ...line('Failed to start INIT ucode: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/start-rt',
    ...line('Failed to start RT ucode: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/alive',
    ...line('Could not complete ALIVE transition: '),
    meaning: 'The firmware does not report that it runs',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/pnvm',
    ...line('Timeout waiting for PNVM load!'),
    meaning: 'The firmware does not take its table of regulatory data',
    next: 'Update firmware-iwlwifi: *.pnvm must fit the ucode file',
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/scan',
    role: 'symptom',
    ...line('regular scan timed out', { driver: 'iwlwifi' }),
    meaning: 'The firmware does not end a scan',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/d3',
    literals: ['Timeout entering D3', 'Timeout exiting D3'],
    pattern: null,
    meaning: 'The firmware does not confirm that it sleeps or wakes',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    id: 'iwlwifi/hw-restart',
    literals: ['Timed out waiting for HW restart!', 'Failed to run init config command: '],
    pattern: null,
    meaning: 'The firmware does not come back',
    next: COLD,
  },
];
