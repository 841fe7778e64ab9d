/** Qualcomm ath10k, with Candela's ath10k-ct. ath11k and ath12k: ath11k.ts. */
import { kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { BENIGN, CRASH, FOLLOWS, MISSING, PROBE, STALL, TIMEOUT } = kinds(
  'ath10k, ath11k and ath12k of Linux 6.1 and 6.12',
);

const ATH = 'ath1[0-2]k(?:_(?:pci|ahb|sdio|usb|snoc|wifi7_pci))?';
const ERRNO = '-(?<errno>\\d{1,3})';
const COLD = 'Cut the power of the slot for 10 s and try again';
const DUMP = 'Save /sys/class/devcoredump/*/data; note the line "firmware ver" of this boot';
const FILES =
  'ls /lib/firmware/ath1?k; apt install firmware-atheros; compare the hw directory with the chip of the log';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';

export const ath10k: readonly Signature[] = [
  {
    ...TIMEOUT,
    id: 'ath10k/wmi-timeout',
    ...line('wmi command ', { after: '(?<command>\\d{1,6}) timeout' }),
    meaning: 'The firmware does not take a command',
    next: `The number is a WMI command id (wmi.h). ${DUMP}`,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    rate: { count: 3, withinS: 10 },
    id: 'ath10k/swba-overrun',
    ...line('SWBA overrun on vdev ', { after: '\\d{1,3}, skipped (?:old|new) beacon' }),
    meaning: 'The firmware no longer sends the beacons it is given',
    next: 'Count them: a storm comes before a command timeout; try a lower beacon rate or fewer BSSs',
  },
  {
    ...TIMEOUT,
    id: 'ath10k/initialized-event',
    ...line('failed to receive initialized event from target'),
    meaning: 'The chip does not come up after a reset',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/unified-ready',
    ...line('failed to receive ', {
      driver: ATH,
      after: '(?:unified ready event|control response completion|service ready)',
    }),
    meaning: 'The firmware was started and does not report ready',
    next: `${COLD}; then try another firmware version`,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/unified-ready-event',
    ...line(['wmi unified ready event not received', 'wmi service ready event not received']),
    meaning: 'The firmware was started and does not report ready',
    next: `${COLD}; then try another firmware version`,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/reset',
    ...line('failed to ', { driver: ATH, after: '(?:cold|warm) reset(?: attempt \\d of \\d)?: ' }),
    role: 'symptom',
    meaning: 'The chip does not come out of a reset',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/target-init',
    ...line(['failed to wait for target init', 'failed to wait for target after cold reset']),
    meaning: 'The chip does not come up after a reset',
    next: COLD,
  },
  {
    ...TIMEOUT,
    class: 'pcie-error',
    id: 'ath10k/wake',
    ...line(['failed to wake target for ', 'failed to wake up target: ', 'failed to wake up device : ']),
    meaning: 'The chip does not wake up, and its registers can not be reached',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/htc',
    literals: [
      'failed to receive control response completion',
      'ctl_resp never came in',
      'Service connect timeout',
      'htt version request timed out',
      'htt target version request timed out',
    ],
    pattern: null,
    meaning: 'The firmware does not answer while its channels are set up',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'ath10k/bmi',
    ...line('bmi communication timeout'),
    meaning: 'The boot code of an SDIO chip does not answer',
    next: 'cat /sys/kernel/debug/mmc*/ios; check the supply and reset of the card',
  },
  {
    ...TIMEOUT,
    id: 'ath10k/target-info',
    ...line('could not get target info (', { after: ERRNO }),
    meaning: 'The boot code of the chip does not answer',
    next: COLD,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'ath10k/peer-response',
    ...line('in receiving ', { before: 'Timeout ', after: '(?:peer|vdev) delete response' }),
    meaning: 'The firmware does not confirm that a station or interface was removed',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'ath10k/scan-abort',
    literals: ['failed to receive scan abort', 'failed to receive scan start'],
    pattern: null,
    meaning: 'The firmware does not end a scan',
    next: DUMP,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'ath10k/vdev-setup',
    literals: ['failed to synchronize setup for vdev', 'failed to synchronise setup for vdev'],
    pattern: null,
    meaning: 'The firmware does not confirm that an interface was started or stopped',
    next: 'Look for a command timeout or crash before it',
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    rate: { count: 3, withinS: 60 },
    id: 'ath10k/survey',
    ...line('bss channel survey timed out'),
    meaning: 'The firmware does not answer requests for channel statistics, again and again',
    next: 'Look whether a command timeout follows; a single one says nothing',
  },
  {
    ...FOLLOWS,
    id: 'ath10k/shut-down',
    literals: ['ath10k_pci ', 'ath10k_ahb ', 'ath10k_sdio ', 'ath10k_snoc ', 'ath11k_pci ', 'ath12k_pci '],
    pattern: /ath1[0-2]k_[a-z]{3,5} (?<device>[0-9a-z:.-]{5,30}): [^\n]{1,100}[:(] ?-108/,
    meaning: 'The driver refuses work because the firmware is down',
    next: 'Look for the first failure of the firmware before it',
  },
  {
    ...CRASH,
    id: 'ath10k/crash',
    ...line('firmware crashed! (guid '),
    meaning: 'The firmware crashes',
    next: DUMP,
  },
  {
    ...CRASH,
    id: 'ath10k/crash-reset',
    ...line(['firmware crashed during chip reset', 'device has crashed during init']),
    meaning: 'The firmware crashes while the chip is brought up',
    next: COLD,
  },
  {
    ...CRASH,
    id: 'ath10k/sdio-crash',
    ...line('firmware crashed', { driver: 'ath10k_(?:sdio|snoc|usb)', after: '\\s{0,2}$' }),
    meaning: 'The firmware crashes',
    next: DUMP,
  },
  {
    ...CRASH,
    role: 'symptom',
    id: 'ath10k/wedged',
    ...line('device is wedged, will not restart'),
    meaning: 'The firmware crashed again before it was recovered, and the driver gives up',
    next: COLD,
  },
  {
    ...MISSING,
    id: 'ath10k/no-firmware',
    ...line('Failed to find firmware-N.bin (', { after: '[^\\n]{0,90}: -(?<errno>\\d{1,3})' }),
    meaning: 'None of the firmware files that fit the chip is there',
    next: FILES,
  },
  {
    ...MISSING,
    role: 'symptom',
    id: 'ath10k/fetch',
    ...line('could not fetch firmware files (', { after: ERRNO }),
    meaning: 'The firmware files of the chip could not be read',
    next: FILES,
  },
  {
    ...MISSING,
    role: 'hint',
    confirmedBy: ['ath10k/probe-fw', 'ath10k/init-core', 'ath11k/board-data'],
    id: 'ath10k/board-data',
    ...line([
      'failed to fetch board data for ',
      'failed to fetch board file: ',
      'failed to fetch board-2.bin or board.bin',
    ]),
    meaning: 'No board data fits this board',
    next: 'Compare bus=...,variant= of the line with the names in board-2.bin (ath10k-bdencoder -i)',
  },
  {
    ...STALL,
    id: 'ath10k/flush',
    ...line('failed to flush transmit queue', {
      after: '(?: \\(skip (?<skip>\\d) ar-state (?<state>\\d)\\)|, data pkts pending \\d{1,6})',
    }),
    meaning: 'Packets in the queue of the firmware are not sent',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/ath10k/fw_stats; check the signal of the peer',
  },
  {
    ...PROBE,
    id: 'ath10k/init-core',
    ...line('could not init core', { after: ':? \\(?-(?<errno>\\d{1,3})' }),
    meaning: 'The driver gives up bringing the chip up',
    next: `The line before it names the step. ${COLD}`,
  },
  {
    ...PROBE,
    id: 'ath10k/probe-fw',
    ...line('could not probe fw (', { after: ERRNO }),
    meaning: 'The driver gives up starting the firmware',
    next: 'The line before it names the step: a missing file (-2) or a chip that does not answer (-110)',
  },
  {
    ...PROBE,
    id: 'ath10k/setup-step',
    ...line(
      [
        'could not power on hif bus',
        'could not start HIF',
        'failed to start HIF: ',
        'could not init HTC',
        'could not connect wmi',
        'could not execute otp',
        'failed to start firmware: ',
        'failed to initialize qmi :',
        'could not register to mac80211',
        'failed to create pdev core:',
      ],
      { driver: ATH, after: '[^\\n-]{0,20}-(?<errno>\\d{1,3})' },
    ),
    meaning: 'A step of bringing the chip up fails',
    next: 'The line before it names the reason',
  },
  {
    ...BENIGN,
    id: 'ath10k/service-id',
    ...line('unsupported HTC service id: '),
    meaning: 'The firmware offers a service that the driver does not know',
  },
  {
    ...BENIGN,
    id: 'ath10k/incomplete',
    ...line(' support is incomplete, don', { before: 'ath10k (?:SDIO|USB)' }),
    meaning: 'The driver says that its support of this bus is not complete',
  },
  {
    ...BENIGN,
    id: 'ath10k/slow-wakeup',
    ...line('which is unusually long, otherwise it works normally'),
    meaning: 'The chip took long to wake up once',
  },
];
