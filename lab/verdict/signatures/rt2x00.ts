/** Ralink rt2x00 and ZyDAS zd1211rw. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { CRASH, MISSING, PROBE, STALL, TIMEOUT, USB } = kinds('rt2x00 and zd1211rw of Linux 6.1 and 6.12');

const PORT =
  "Try another port, cable and a powered hub; the host's log says whether the adapter left the bus";
const GONE = [
  {
    group: 'errno',
    is: ['19', '108', '2', '104'],
    means: {
      class: 'usb-disconnect',
      role: 'consequence',
      meaning: 'The adapter is gone and can no longer be asked',
    },
  },
] as const satisfies Signature['when'];

export const rt2x00: readonly Signature[] = [
  {
    ...CRASH,
    id: 'rt2x00/watchdog',
    class: 'tx-stall',
    ...line('X hung detected', { before: 'Warning - Watchdog [RT]' }),
    meaning: 'The receiver or transmitter of the chip hangs, and the driver resets it',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/rt2x00*/queue/*',
  },
  {
    ...TIMEOUT,
    id: 'rt2x00/mcu',
    ...line('MCU request failed, no response from hardware'),
    meaning: 'The firmware does not answer a command',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rt2x00/register',
    role: 'symptom',
    ...line('egister access failed, aborting', { before: '(?:BBP/RF|BBP|RF|Indirect) r' }),
    meaning: 'The registers of the radio can not be reached',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rt2x00/state',
    ...line('Device failed to enter state ', { after: '\\d{1,2} \\(-(?<errno>\\d{1,3})\\)' }),
    meaning: 'The chip does not change its power state',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rt2x00/wakeup',
    ...line('Device failed to wakeup'),
    meaning: 'The chip does not wake up',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rt2x00/write-firmware',
    ...line('Failed to write Firmware to device'),
    meaning: 'The firmware could not be written to the chip',
    next: PORT,
  },
  {
    ...USB,
    id: 'rt2x00/vendor-request',
    when: GONE,
    ...line('endor Request 0x', {
      before: 'Error - V',
      after: '[0-9a-f]{2} failed for offset 0x[0-9a-f]{4} with error -(?<errno>\\d{1,3})',
    }),
    meaning: 'A control request to the adapter fails on the bus',
    next: PORT,
  },
  {
    ...STALL,
    id: 'rt2x00/queue-flush',
    ...line(' failed to flush', { before: 'Warning - Queue \\d{1,2}' }),
    meaning: 'Packets in a queue of the chip are not sent',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/rt2x00*/queue/*',
  },
  {
    ...STALL,
    id: 'rt2x00/full-queue',
    rate: { count: 10, withinS: 10 },
    ...line('Dropping frame due to full tx queue ', { after: '(?<queue>\\d{1,2})' }),
    meaning: 'Packets are thrown away because a queue of the chip is full',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/rt2x00*/queue/*',
  },
  {
    ...STALL,
    id: 'rt2x00/arrived-at',
    ...line('Arrived at non-free entry in the non-full queue ', { after: '(?<queue>\\d{1,2})' }),
    meaning: 'The driver has lost count of a queue of the chip',
    next: 'Reload the driver; count them',
  },
  {
    ...MISSING,
    id: 'rt2x00/read-firmware',
    ...line(['Failed to read Firmware', 'Failed to request Firmware'], { before: 'rt2x\\w{1,30}: Error - ' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-misc-nonfree; ls /lib/firmware/rt*.bin',
  },
  {
    ...PROBE,
    id: 'rt2x00/chipset',
    role: 'root',
    ...line('Invalid RT chipset ', { after: '0x[0-9a-f]{1,4}' }),
    meaning: 'The id of the chip can not be read or is not known',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rt2x00/allocate',
    ...line('rt2x00lib_probe_dev: Error - Failed to ', { after: '(?:initialize hw|allocate device)' }),
    meaning: 'The driver gave up bringing the chip up',
    next: 'The lines before it name the step',
  },
  {
    ...MISSING,
    id: 'zd1211/firmware',
    ...line("couldn't load firmware. Error number ", { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-zd1211; ls /lib/firmware/zd1211',
  },
  {
    ...USB,
    id: 'zd1211/upload',
    literals: [
      'USB control request for firmware upload failed.',
      'Could not upload firmware code uph.',
      'control request firmware confirmation failed.',
    ],
    pattern: null,
    meaning: 'The firmware could not be written to the adapter',
    next: PORT,
  },
  {
    ...CRASH,
    id: 'zd1211/beacon',
    class: 'tx-stall',
    literals: ['CR_BCN_FIFO_SEMAPHORE stuck, resetting device', 'TX-stall detected, resetting device'],
    pattern: null,
    meaning: 'The chip hangs, and the driver resets it',
    next: PORT,
  },
];
