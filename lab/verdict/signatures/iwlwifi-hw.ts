/** Intel iwlwifi: bringing the card up, its bus and queues. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { BENIGN, MISSING, PCIE, PROBE, STALL } = kinds('iwlwifi of Linux 6.1 and 6.12');

const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';
const DUMP = 'Save /sys/class/devcoredump/*/data; note the firmware version and the first words of the dump';
const FILES = 'apt install firmware-iwlwifi; ls /lib/firmware/iwlwifi-*';

export const iwlwifiHw: readonly Signature[] = [
  {
    ...PCIE,
    id: 'iwlwifi/transaction',
    role: 'symptom',
    ...line('iwlwifi transaction failed, dumping registers'),
    meaning: 'The chip can not be reached over PCIe',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'iwlwifi/dead-bus',
    ...line(['Skip fw error dump since bus is dead', 'Read failed at 0x'], { driver: 'iwlwifi' }),
    meaning: 'The chip is gone from the bus',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'iwlwifi/master-disable',
    role: 'consequence',
    ...line('Master Disable Timed Out, 100 usec'),
    meaning: 'The chip does not stop its transfers',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'iwlwifi/removed',
    role: 'symptom',
    literals: ['Device gone - attempting removal', 'Device gone - scheduling removal'],
    pattern: null,
    meaning: 'The chip is gone from the bus and the driver removes it',
    next: LINK,
  },
  {
    ...STALL,
    id: 'iwlwifi/queue-stuck',
    ...line(' is stuck ', {
      driver: 'iwlwifi',
      before: 'Queue (?<queue>\\d{1,3})',
      after: '\\d{1,6} \\d{1,6}',
    }),
    meaning: 'Packets in a queue of the chip are not sent',
    next: DUMP,
  },
  {
    ...STALL,
    id: 'iwlwifi/queue-stuck-fifo',
    ...line('active on fifo ', {
      before: 'Queue (?<queue>\\d{1,3}) is (?:in)?',
      after: '\\d{1,2} and stuck for \\d{1,6} ms',
    }),
    meaning: 'Packets in a queue of the chip are not sent',
    next: DUMP,
  },
  {
    ...STALL,
    id: 'iwlwifi/flush',
    ...line('fail to flush all tx fifo queues Q '),
    meaning: 'Packets in a queue of the chip are not sent',
    next: DUMP,
  },
  {
    ...MISSING,
    id: 'iwlwifi/no-firmware',
    ...line('no suitable firmware found!', { driver: 'iwlwifi' }),
    meaning: 'None of the firmware versions that the driver can use is there',
    next: FILES,
  },
  {
    ...MISSING,
    id: 'iwlwifi/minimum',
    role: 'consequence',
    ...line('minimum version required: ', { after: '(?<file>[\\w./-]{1,60})' }),
    meaning: 'None of the firmware versions that the driver can use is there',
    next: FILES,
  },
  {
    ...MISSING,
    id: 'iwlwifi/api',
    ...line('Driver unable to support your firmware API.'),
    meaning: 'The firmware file is of a version that the driver can not use',
    next: FILES,
  },
  {
    ...PROBE,
    id: 'iwlwifi/run-init',
    ...line('Failed to run INIT ucode: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware fails while it is set up',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'iwlwifi/no-config',
    class: 'no-driver',
    blame: 'config',
    role: 'root',
    ...line('No config found for PCI dev ', { after: '(?<reason>[0-9a-f]{4}/[0-9a-f]{4})' }),
    meaning: 'The driver does not know this card',
    next: 'Use a newer kernel',
  },
  {
    ...PROBE,
    id: 'iwlwifi/prepare',
    role: 'root',
    ...line('Error while preparing HW: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The chip does not get ready',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'iwlwifi/init-nic',
    ...line('Unable to init nic', { driver: 'iwlwifi' }),
    meaning: 'The chip could not be set up',
    next: COLD,
  },
  {
    ...BENIGN,
    id: 'iwlwifi/yoyo',
    literals: ['Direct firmware load for iwl-debug-yoyo.bin', 'failed to load iwl-debug-yoyo.bin'],
    pattern: null,
    meaning: 'A file for debugging that nobody has is not there',
  },
];
