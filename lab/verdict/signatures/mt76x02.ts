/** MediaTek mt76x0, mt76x2 and mt7601u, and what mt76 says of USB and SDIO. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'mt76 and mt7601u of Linux 6.1 and 6.12' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const USB = { class: 'usb-error', blame: 'lab', role: 'root', ...SOURCE } as const;
const SDIO = { class: 'sdio-error', blame: 'product', role: 'root', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
const PORT =
  'Try another port, cable and a powered hub; dmesg of the host says whether the device left the bus';
const HOST = 'cat /sys/kernel/debug/mmc*/ios; lower the clock (max-frequency) and check pull-ups and supply';

/** What became of a transfer that failed: the device is gone, or it does not answer. */
const TRANSFER = [
  {
    group: 'errno',
    is: ['19', '108', '2', '104'],
    means: {
      class: 'usb-disconnect',
      role: 'consequence',
      meaning: 'The device is gone and can no longer be asked',
    },
  },
  {
    group: 'errno',
    is: ['110'],
    means: {
      class: 'fw-timeout',
      blame: 'product',
      role: 'root',
      meaning: 'The device does not answer a control request',
    },
  },
] as const satisfies Signature['when'];

export const mt76x02: readonly Signature[] = [
  {
    id: 'mt76x02/restarted',
    literals: ['Firmware running!'],
    pattern: /mt76x[02]\w? \S{1,20}: Firmware running!/,
    class: 'tx-stall',
    blame: 'product',
    // Loaded anew without a word on a command that failed: of the watchdog's reasons only a queue that hangs is left.
    role: 'hint',
    confirmedBy: ['mac80211/hardware-restart'],
    confirmedWithinS: 5,
    meaning: 'The driver finds a transmit queue that does not move, and starts the chip anew',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/mt76/{tx_hang_reset,xmit-queues,reset}',
    ...SOURCE,
  },
  {
    ...CRASH,
    id: 'mt76x02/mac-error',
    ...line('MAC error detected'),
    meaning: 'The MAC of an mt76x02 reports an error',
    next: 'Count them: one now and then is survived, a series ends in a restart',
  },
  {
    ...CRASH,
    class: 'tx-stall',
    role: 'symptom',
    id: 'mt76x02/mac-stop',
    ...line('MAC stop failed'),
    meaning: 'The MAC of an mt76x02 does not stop',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mt76x2/start',
    ...line('irmware failed to start', { driver: 'mt76x[02][eu]', before: '[Ff]' }),
    meaning: 'The firmware of an mt76x0 or mt76x2 was loaded and does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'mt76x2/rom-semaphore',
    ...line('ould not get hardware semaphore for ', { before: '[Cc]' }),
    meaning: 'The chip does not let the driver load its patch: it is in an unknown state',
    next: COLD,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'mt76x2/load',
    ...line('ailed to load ', { driver: 'mt76x[02][eu]', before: '[Ff]', after: '(?:ROM patch|firmware)' }),
    meaning: 'The chip does not take its patch or firmware',
    next: COLD,
  },
  {
    ...CRASH,
    class: 'tx-stall',
    role: 'symptom',
    rate: { count: 3, withinS: 60 },
    id: 'mt76x02/dma-stop',
    ...line('X DMA did not stop', { before: '(?:Warning: )?[RT]' }),
    meaning: 'The DMA engine does not stop, again and again',
    next: COLD,
  },
  {
    ...CRASH,
    class: 'tx-stall',
    role: 'symptom',
    rate: { count: 3, withinS: 60 },
    id: 'mt76x02/mac-did-not-stop',
    ...line(' did not stop!', { before: '(?:Warning: )?MAC [RT]X' }),
    meaning: 'The MAC does not stop, again and again',
    next: COLD,
  },
  {
    ...PROBE,
    role: 'root',
    id: 'mt76x02/pll',
    ...line('PLL and XTAL check failed', { before: '(?:Error: )?' }),
    meaning: 'The clock of the radio does not start',
    next: `Check the supply of the adapter. ${COLD}`,
  },
  {
    ...PROBE,
    role: 'root',
    id: 'mt76x02/bbp',
    ...line('Error: BBP is not ready'),
    meaning: 'The baseband of the radio does not get ready',
    next: COLD,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'mt76x02/rf',
    ...line(' failed:', {
      before: 'Error: RF (?:read|write) [0-9a-f]{1,3}:[0-9a-f]{1,3}',
      after: '-(?<errno>\\d{1,3})',
    }),
    meaning: 'A register of the radio can not be reached',
    next: PORT,
  },
  {
    ...USB,
    id: 'mt76/vendor-request',
    role: 'symptom',
    ...line('endor request req:', {
      before: '[Vv]',
      after: '[0-9a-f]{2} off:[0-9a-f]{4} failed:-(?<errno>\\d{1,3})',
    }),
    meaning: 'A control request to the adapter fails on the bus',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...USB,
    rate: { count: 3, withinS: 10 },
    id: 'mt76/urb',
    ...line('x urb failed: ', { before: '[rt]', after: '-(?<errno>\\d{1,3})' }),
    meaning: 'Transfers of packets fail on the bus',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...USB,
    id: 'mt76/urb-submit',
    ...line('urb submit failed:', { before: '(?:tx |Error: TX )', after: '-(?<errno>\\d{1,3})' }),
    role: 'symptom',
    meaning: 'A packet can not be handed to the bus',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...USB,
    role: 'symptom',
    id: 'mt7601u/urb-submit',
    ...line(['Error: submit RX URB failed:', 'Error: TX URB submit failed:', 'Error: submit URB dir:'], {
      after: '[^\\n-]{0,20}-(?<errno>\\d{1,3})',
    }),
    meaning: 'A transfer can not be handed to the bus',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...CRASH,
    class: 'tx-stall',
    role: 'symptom',
    id: 'mt76/pending-tx',
    ...line('timed out waiting for pending tx'),
    meaning: 'Packets that were handed to the adapter never come back',
    next: 'Read the lines before it: a failed request or a reset names the reason',
  },
  {
    ...USB,
    id: 'mt792xu/transport',
    ...line('USB transport access failed (', { after: '-(?<errno>\\d{1,3})\\), queueing device reset' }),
    meaning: 'The adapter can not be reached over USB, and the driver resets it',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'mt76/power-on',
    ...line('Timeout for power on'),
    meaning: 'The adapter does not power up its Wi-Fi part',
    next: `${COLD}; then another port`,
  },
  {
    ...TIMEOUT,
    id: 'mt76x02u/mcu-resp',
    ...line('rror: MCU resp ', { before: '[Ee]', after: '(?:urb failed:-(?<errno>\\d{1,3})|evt:)' }),
    role: 'symptom',
    meaning: 'The answer of the firmware to a command is missing or of another command',
    next: PORT,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'mt7601u/mcu-timeout',
    ...line(['_mcu_wait_resp timed out', '_mcu_wait_response timed out'], {
      before: '[Ee]rror: mt76\\w{1,6}',
    }),
    meaning: 'The firmware does not answer a command',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'mt76x02u/mcu-failed',
    ...line('error: mt76x02u_mcu_', { after: '\\w{1,30} (?:failed with -(?<errno>\\d{1,3})|timed out)' }),
    meaning: 'A command could not be sent to the firmware of the adapter, or is not answered',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...TIMEOUT,
    role: 'symptom',
    id: 'mt7601u/mcu-send',
    ...line('Error: send MCU cmd failed:', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'A command could not be sent to the firmware of the adapter',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...TIMEOUT,
    id: 'mt7601u/upload',
    ...line('irmware upload ', {
      before: '(?:Error: )?[Ff]',
      after: '(?:timed out|(?:urb )?failed: ?-(?<errno>\\d{1,3}))',
    }),
    meaning: 'The firmware could not be loaded into the adapter',
    next: PORT,
    when: TRANSFER,
  },
  {
    ...PROBE,
    role: 'root',
    id: 'mt7601u/register-timeout',
    ...line('Error: Time out with reg '),
    class: 'fw-timeout',
    meaning: 'A register of the adapter does not get the value that is waited for',
    next: COLD,
  },
  {
    ...SDIO,
    id: 'mt76s/ownership',
    ...line('ownership ', { before: 'Cannot (?:get|set) ', after: '(?:from|to) device' }),
    class: 'fw-timeout',
    meaning: 'The card does not wake up or go to sleep when the driver asks for it',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'mt76s/data',
    literals: ['sdio read data failed:', 'sdio write failed: -'],
    pattern: /sdio (?:read data|write) failed: ?-(?<errno>\d{1,3})/,
    meaning: 'Packets can not be read from or written to the card',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'mt76s/register',
    literals: [
      'failed reading d2hrm1r [err=',
      'failed reading h2dsm0r [err=',
      'failed setting read mode [err=',
      'failed setting write mode [err=',
      'failed setting write value [err=',
    ],
    pattern: /failed (?:reading|setting) [\w ]{4,12} \[err=-(?<errno>\d{1,3})\]/,
    meaning: 'A register of the card can not be reached over SDIO',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'mt76s/mailbox',
    literals: ['query whisr timeout', 'mailbox ACK not cleared'],
    pattern: null,
    class: 'fw-timeout',
    meaning: 'The firmware of the card does not answer a request for a register',
    next: HOST,
  },
];
