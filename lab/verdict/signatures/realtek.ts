/** Realtek rtw88, on PCIe, USB and SDIO. rtw89: rtw89.ts; older chips and drivers: rtl.ts. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { CRASH, FOLLOWS, MISSING, PCIE, PROBE, STALL, TIMEOUT, USB } = kinds('rtw88 of Linux 6.1 and 6.12');

const LPS = 'Turn power saving off: iw dev wlan0 set power_save off, rtw88_core.disable_lps_deep=y';
const LINK = 'lspci -vvv (LnkSta, AER); try rtw88_pci.disable_aspm=y or rtw89_pci.disable_aspm_l1=y';
const PORT =
  "Try another port, cable and a powered hub; the host's log says whether the adapter left the bus";
const STUCK = [
  'rtw88/flush',
  'rtw88/flush-pci',
  'rtw88/density',
  'rtw88/lps-leave',
  'rtw88/h2c',
  'rtw88/beacon-valid',
];
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

export const realtek: readonly Signature[] = [
  {
    ...TIMEOUT,
    id: 'rtw88/tx-report',
    role: 'hint',
    confirmedBy: STUCK,
    ...line('failed to get tx report from firmware', { driver: 'rtw_\\w{4,8}' }),
    meaning: 'The firmware no longer reports what became of sent packets',
    next: 'Count them: a few an hour are noise, a storm means that the radio is stuck; try disable_lps_deep=y',
  },
  {
    ...TIMEOUT,
    id: 'rtw88/lps-leave',
    ...line('firmware failed to leave lps state'),
    meaning: 'The firmware does not wake up from power saving',
    next: LPS,
  },
  {
    ...TIMEOUT,
    id: 'rtw88/density',
    ...line('firmware failed to report density after scan'),
    meaning: 'The firmware does not answer a request for statistics after a scan',
    next: LPS,
  },
  {
    ...TIMEOUT,
    id: 'rtw88/h2c',
    ...line('failed to send h2c command'),
    meaning: 'A command can not be sent to the firmware',
    next: LPS,
  },
  {
    ...FOLLOWS,
    id: 'rtw88/h2c-packet',
    role: 'symptom',
    ...line('failed to send h2c packet'),
    meaning: 'A command can not be sent to the firmware',
    next: LPS,
  },
  {
    ...TIMEOUT,
    id: 'rtw88/beacon-valid',
    ...line('error beacon valid', { driver: 'rtw_\\w{4,8}' }),
    meaning: 'The firmware does not take the page of its templates',
    next: COLD,
  },
  {
    ...FOLLOWS,
    id: 'rtw88/rsvd-page',
    ...line('rsvd page', { driver: 'rtw_\\w{4,8}', before: 'failed to download (?:drv )?' }),
    meaning: 'The firmware does not take the page of its templates',
    next: 'Look for the first failure of the firmware before it',
  },
  {
    ...FOLLOWS,
    id: 'rtw88/leave-ips',
    role: 'symptom',
    ...line('failed to leave i', { after: '(?:dle|ps) state' }),
    meaning: 'The chip does not wake up from being idle',
    next: 'Look for the first failure of the firmware before it',
  },
  {
    ...TIMEOUT,
    id: 'rtw88/poll',
    ...line('failed to poll offset=', {
      after: '0x[0-9a-f]{1,8} mask=0x[0-9a-f]{1,8} value=0x[0-9a-f]{1,8}',
    }),
    meaning: 'A step of the power sequence of the chip does not end',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtw88/mac-power',
    ...line('mac power on failed'),
    meaning: 'The chip could not be powered up',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtw88/power-on',
    ...line('failed to power on mac'),
    meaning: 'The chip could not be powered up',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw88/fw-ready',
    ...line('failed to check fw download ready'),
    meaning: 'The firmware was loaded and does not get ready',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw88/fw-report',
    ...line('failed to check download firmware report'),
    meaning: 'The chip reports a wrong check sum of its firmware',
    next: 'Compare rtw88/*.bin with linux-firmware; on USB try another port',
  },
  {
    ...TIMEOUT,
    id: 'rtw88/fw-validate',
    ...line('failed to validate firmware'),
    meaning: 'The chip refuses its firmware',
    next: 'Compare rtw88/*.bin with linux-firmware',
  },
  {
    ...PROBE,
    id: 'rtw88/fw-download',
    ...line('failed to download firmware', { driver: 'rtw_\\w{4,8}' }),
    meaning: 'The firmware could not be loaded',
    next: COLD,
  },
  {
    ...CRASH,
    id: 'rtw88/crash',
    ...line('firmware crash, start reset and recover'),
    meaning: 'The firmware crashes, and the driver starts it anew',
    next: 'Save /sys/class/devcoredump/*/data',
  },
  {
    ...CRASH,
    id: 'rtw88/fw-dump',
    role: 'consequence',
    ...line(' from fw fifo fail', { before: 'dump fw 0x[0-9a-f]{1,8} \\[\\+0x[0-9a-f]{1,8}\\]' }),
    meaning: 'The memory of a crashed firmware can not be read',
    next: COLD,
  },
  {
    ...STALL,
    id: 'rtw88/flush',
    role: 'consequence',
    ...line('timed out to flush queue ', { after: '(?<queue>\\d{1,2})' }),
    meaning: 'Packets in a hardware queue are not sent',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/rtw88/*; look for lines of the firmware after it',
  },
  {
    ...STALL,
    id: 'rtw88/flush-pci',
    ...line('timed out to flush pci tx ring[', { after: '(?<queue>\\d{1,2})\\]' }),
    meaning: 'Packets in a ring of the bus are not sent',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'rtw88/pci-timeout',
    role: 'symptom',
    ...line('pci bus timeout, check dma status'),
    meaning: 'A DMA transfer of the chip does not end',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'rtw88/dequeue',
    ...line('failed to dequeue ', { driver: 'rtw_\\w{4,8}', after: '\\d{1,5} skb TX queue' }),
    meaning: 'The chip reports more sent packets than it was given',
    next: LINK,
  },
  {
    ...USB,
    id: 'rtw88/usb-register',
    when: GONE,
    ...line(' register 0x', {
      driver: 'rtw_\\w{4,8}',
      before: '(?:read|write)',
      after: '[0-9a-f]{1,8} failed with -(?<errno>\\d{1,3})',
    }),
    meaning: 'A register of the adapter can not be reached over USB',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtw88/chip-info',
    ...line('failed to setup chip information', { driver: 'rtw(?:89)?_\\w{4,8}' }),
    meaning: 'The driver gave up bringing the chip up',
    next: 'The line before it names the step: firmware file, power, efuse',
  },
  {
    ...PROBE,
    id: 'rtw88/efuse',
    ...line('failed to setup chip efuse info'),
    meaning: 'The calibration data of the chip could not be read',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtw88/setup',
    ...line('failed to setup ', {
      driver: 'rtw_\\w{4,8}',
      after: '(?:hci|chip parameters|chip board info|pci resources)',
    }),
    meaning: 'A step of bringing the chip up fails',
    next: 'The line before it names the reason',
  },
  {
    ...PROBE,
    id: 'rtw88/rfe',
    role: 'root',
    ...line(" isn't supported", { before: 'rfe (?<reason>\\d{1,3})' }),
    meaning: 'The calibration data name a front end that the driver does not know',
    next: COLD,
  },
  {
    ...MISSING,
    id: 'rtw88/request',
    ...line('failed to request firmware', { driver: 'rtw(?:89)?_\\w{4,8}' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek; ls /lib/firmware/rtw88 /lib/firmware/rtw89',
  },
  {
    ...MISSING,
    id: 'rtw88/load',
    ...line('failed to load firmware', { driver: 'rtw_\\w{4,8}' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek; ls /lib/firmware/rtw88',
  },
  {
    ...MISSING,
    id: 'rtw88/completion',
    role: 'symptom',
    ...line('failed to wait firmware completion', { driver: 'rtw(?:89)?_\\w{4,8}' }),
    meaning: 'The firmware file was never delivered',
    next: 'apt install firmware-realtek; is the driver built in, and the file in the initramfs?',
  },
  {
    ...TIMEOUT,
    id: 'rtw88/scan-failed',
    role: 'symptom',
    rate: { count: 3, withinS: 120 },
    ...line('HW scan failed', {
      driver: 'rtw(?:89)?_\\w{4,8}',
      after: '(?: with status)?: (?<status>-?\\d{1,3})',
    }),
    meaning: 'The firmware does not scan',
    next: LPS,
  },
];
