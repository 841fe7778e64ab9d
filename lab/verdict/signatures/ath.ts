/** Qualcomm Atheros ath9k, ath9k_htc, wcn36xx and carl9170. ath10k and later: ath10k.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'ath9k, wcn36xx and carl9170 of Linux 6.1 and 6.12' } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const USB = { class: 'usb-error', blame: 'lab', role: 'root', ...SOURCE } as const;
const MISSING = { class: 'fw-missing', blame: 'product', role: 'root', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;
const PCIE = { class: 'pcie-error', blame: 'product', role: 'root', ...SOURCE } as const;
const STALL = { class: 'tx-stall', blame: 'product', role: 'symptom', ...SOURCE } as const;
const BENIGN = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...SOURCE,
} as const;
const FOLLOWS = { class: 'fw-timeout', blame: 'product', role: 'consequence', ...SOURCE } as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';
const PORT =
  "Try another port, cable and a powered hub; the host's log says whether the adapter left the bus";
const REMOTE = 'cat /sys/class/remoteproc/*/{name,state}; look for a crash of the remote processor before it';

export const ath: readonly Signature[] = [
  {
    ...CRASH,
    id: 'ath9k-htc/panic',
    ...line('ath: firmware panic! ', { after: '(?<reason>exccause|bad epid)' }),
    meaning: 'The firmware of the adapter crashes',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'ath9k-htc/unresponsive',
    ...line('ath9k_htc: Target is unresponsive'),
    meaning: 'The firmware of the adapter was loaded and does not answer',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'ath9k-htc/htc',
    literals: ['HTC start timeout', 'HTC credit config timeout', 'Service connection timeout for: '],
    pattern: null,
    meaning: 'The firmware of the adapter does not answer while it is set up',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'ath9k-htc/wmi',
    ...line(' for WMI command: ', { before: 'Timeout waiting', after: '(?<command>\\w{1,40})' }),
    meaning: 'The firmware of the adapter does not answer a command',
    next: PORT,
  },
  {
    ...USB,
    id: 'ath9k-htc/download',
    ...line('ath9k_htc: Firmware - ', { after: '(?<file>[\\w./-]{1,60}) download failed' }),
    meaning: 'The firmware could not be written to the adapter',
    next: PORT,
  },
  {
    ...USB,
    id: 'ath9k-htc/urbs',
    literals: ['ath9k_htc: Unable to allocate URBs', 'ath9k_htc: USB reboot failed'],
    pattern: null,
    meaning: 'The adapter does not take transfers',
    next: PORT,
  },
  {
    ...MISSING,
    id: 'ath9k-htc/no-firmware',
    ...line('no suitable firmware found!', { driver: 'usb' }),
    meaning: 'No firmware file of the adapter is there',
    next: 'apt install firmware-ath9k-htc; ls /lib/firmware/ath9k_htc',
  },
  {
    ...PROBE,
    id: 'ath9k-htc/init',
    literals: ['ath9k_htc: Unable to initialize HTC services', 'ath9k_htc: Failed to initialize the device'],
    pattern: null,
    meaning: 'The adapter could not be set up',
    next: PORT,
  },
  {
    ...CRASH,
    id: 'ath9k/chip-reset',
    ...line('Chip reset failed', { before: 'ath: phy\\d{1,3}: ' }),
    meaning: 'The chip could not be reset',
    next: COLD,
  },
  {
    ...CRASH,
    id: 'ath9k/reset-channel',
    role: 'symptom',
    ...line('Unable to reset ', {
      before: 'ath: phy\\d{1,3}: ',
      after: '(?:channel|hardware|device)[^\\n]{0,20}[;,] reset status -(?<errno>\\d{1,3})',
    }),
    meaning: 'The chip could not be reset for a channel',
    next: COLD,
  },
  {
    ...PCIE,
    id: 'ath9k/wakeup',
    ...line('Failed to wakeup in ', { after: '\\d{1,6}us' }),
    meaning: 'The chip does not wake up, and its registers can not be reached',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'ath9k/srev',
    ...line('Failed to read SREV register'),
    meaning: 'The registers of the chip can not be reached',
    next: LINK,
  },
  {
    ...PROBE,
    id: 'ath9k/hw-init',
    ...line('Unable to initialize hardware; initialization status: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The chip could not be set up',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'ath9k/device-init',
    ...line('ailed to initialize device', { driver: 'ath9k', before: '[Ff]', after: '\\s{0,2}$' }),
    meaning: 'The driver gave up bringing the chip up',
    next: 'The lines before it name the step',
  },
  {
    ...PROBE,
    id: 'ath9k/owl-caldata',
    role: 'root',
    class: 'fw-missing',
    ...line('failed to request caldata (', { after: '-(?<errno>\\d{1,3})\\)' }),
    meaning: 'The calibration data of the radio could not be read',
    next: 'Check the partition with the calibration data and what the device tree says of it',
  },
  {
    ...PROBE,
    id: 'ath9k/eeprom',
    role: 'root',
    class: 'fw-missing',
    ...line('Unable to load EEPROM file '),
    meaning: 'The calibration data of the radio could not be read',
    next: 'Check the partition with the calibration data',
  },
  {
    ...STALL,
    id: 'ath9k/tx-hung',
    ...line('tx hung, resetting the chip'),
    meaning: 'Packets in a queue of the chip are not sent, and the chip is reset',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/ath9k/{reset,queues}',
  },
  {
    ...STALL,
    id: 'ath9k/tx-dma',
    ...line('Failed to stop TX DMA, queues=0x', { after: '(?<queue>[0-9a-f]{3})' }),
    meaning: 'Packets in a queue of the chip are not sent, and it can not be stopped',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/ath9k/{reset,queues,interference}',
  },
  {
    ...STALL,
    id: 'ath9k/rx-dma',
    rate: { count: 3, withinS: 60 },
    ...line('DMA failed to stop in ', { after: '\\d{1,3} ms AR_CR=0x' }),
    meaning: 'The receiver of the chip can not be stopped',
    next: 'With DMAR or AMD-Vi lines near it: a fault of the IOMMU; else count them',
  },
  {
    ...STALL,
    id: 'ath9k/rx-idle',
    rate: { count: 3, withinS: 60 },
    ...line('RX failed to go idle in 10 ms'),
    meaning: 'The receiver of the chip can not be stopped',
    next: 'Count them; look for a reset after it',
  },
  {
    ...BENIGN,
    id: 'ath9k/unable-idle',
    ...line('spectral scan wait failed'),
    meaning: 'A measurement of the spectrum was not finished',
  },
  {
    ...TIMEOUT,
    id: 'wcn36xx/smd-timeout',
    ...line('Timeout! No SMD response to req ', { after: '(?<command>\\d{1,4}) in \\d{1,6}ms' }),
    meaning: 'The firmware does not answer a command',
    next: REMOTE,
  },
  {
    ...TIMEOUT,
    id: 'wcn36xx/hal-tx',
    ...line('HAL TX failed for req ', { after: '(?<command>\\d{1,4})' }),
    meaning: 'A command can not be sent to the firmware: its channel is gone',
    next: REMOTE,
  },
  {
    ...CRASH,
    id: 'wcn36xx/response',
    role: 'symptom',
    ...line(' response failed err=', {
      before: '(?:wcn36xx: )?(?:ERROR )?(?<command>(?:hal_|process_)\\w{3,40})',
      after: '-?(?<errno>\\d{1,3})',
    }),
    meaning: 'The firmware refuses a command',
    next: REMOTE,
  },
  {
    ...FOLLOWS,
    id: 'wcn36xx/sending',
    ...line('ending hal_', { before: 'ERROR [Ss]', after: '\\w{3,40} failed' }),
    meaning: 'A command can not be sent to the firmware',
    next: REMOTE,
  },
  {
    ...MISSING,
    id: 'wcn36xx/nv',
    ...line('Failed to load nv file ', { after: '(?<file>[\\w./-]{1,60}): -(?<errno>\\d{1,3})' }),
    meaning: 'The calibration file of the radio could not be read',
    next: 'ls /lib/firmware/wlan/prima',
  },
  {
    ...PROBE,
    id: 'wcn36xx/start',
    ...line('Failed to ', {
      before: 'wcn36xx[^\\n]{0,20} ',
      after: '(?:push NV to chip|start chip|open smd channel: )',
    }),
    meaning: 'The radio could not be started',
    next: REMOTE,
  },
  {
    ...PROBE,
    id: 'wcn36xx/channel',
    literals: ['failed to open WLAN_CTRL channel', 'DXE init failed'],
    pattern: null,
    meaning: 'The radio could not be started',
    next: REMOTE,
  },
  {
    ...STALL,
    id: 'wcn36xx/flush',
    ...line('Failed to flush hardware tx queues'),
    meaning: 'Packets in the queues of the chip are not sent',
    next: REMOTE,
  },
  {
    ...CRASH,
    id: 'carl9170/restart',
    ...line(' restart device ', { before: 'usb \\d{1,3}-[\\d.]{1,20}:', after: '\\(\\d{1,2}\\)' }),
    meaning: 'The driver starts the adapter anew because its firmware failed',
    next: PORT,
  },
  {
    ...CRASH,
    id: 'carl9170/trap',
    literals: ['malformed firmware trap:', 'firmware trap '],
    pattern: /(?:malformed )?firmware trap(?:s:|:| \()/,
    meaning: 'The firmware of the adapter stops at a trap',
    next: PORT,
  },
  {
    ...USB,
    id: 'carl9170/register',
    ...line(' failed (', {
      before: '(?:writing reg 0x[0-9a-f]{1,8} \\(val 0x[0-9a-f]{1,8}\\)|reading regs)',
      after: '-(?<errno>\\d{1,3})\\)',
    }),
    meaning: 'A register of the adapter can not be reached',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'carl9170/failed-restart',
    ...line('Failed to restart device (', { after: '-?\\d{1,3}\\)' }),
    meaning: 'The adapter does not come back after a restart',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'carl9170/no-response',
    literals: [' no command feedback', 'timeout waiting for command response', 'carl9170 cmd timeout'],
    pattern: null,
    meaning: 'The firmware of the adapter does not answer a command',
    next: PORT,
  },
  {
    ...MISSING,
    id: 'carl9170/firmware',
    ...line(['firmware not found.', 'damaged firmware ('], { driver: 'usb' }),
    meaning: 'The firmware file is not there or is damaged',
    next: 'apt install firmware-linux-free; ls /lib/firmware/carl9170-1.fw',
  },
];
