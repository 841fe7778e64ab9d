/** Realtek's older chips: rtl8xxxu, rtlwifi, and the vendor's drivers (88x2bu, 8812au, 8821cu, 8188eu). */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'rtl8xxxu and rtlwifi of Linux 6.1 and 6.12, 88x2bu-20210702' } as const;
const MISSING = { class: 'fw-missing', blame: 'product', role: 'root', ...SOURCE } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const STALL = { class: 'tx-stall', blame: 'product', role: 'symptom', ...SOURCE } as const;
const USB = { class: 'usb-error', blame: 'lab', role: 'root', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;
const BENIGN = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...SOURCE,
} as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
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

export const rtl: readonly Signature[] = [
  {
    ...MISSING,
    id: 'rtl8xxxu/request',
    ...line('request_firmware(', { driver: 'usb', after: '(?<file>[\\w./-]{1,60})\\) failed' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek; ls /lib/firmware/rtlwifi',
  },
  {
    ...MISSING,
    id: 'rtl8xxxu/data',
    ...line('Firmware data not available'),
    meaning: 'The firmware file is empty',
    next: 'apt install --reinstall firmware-realtek',
  },
  {
    ...TIMEOUT,
    id: 'rtl8xxxu/checksum',
    ...line('Firmware checksum poll timed out'),
    meaning: 'The firmware could not be loaded into the adapter',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl8xxxu/start',
    ...line('Firmware failed to start', { driver: 'usb' }),
    meaning: 'The firmware was loaded and does not start',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl8xxxu/mailbox',
    ...line(': Mailbox busy', { before: 'rtl8xxxu_\\w{4,20}' }),
    meaning: 'The firmware does not take commands',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl8xxxu/rx-poll',
    role: 'symptom',
    ...line(': RX poll timed out (0x05f8)', { before: '\\w{4,30}' }),
    meaning: 'The receiver of the chip does not stop',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl8xxxu/disabling',
    role: 'symptom',
    ...line(': Disabling MAC timed out', { before: '\\w{4,30}' }),
    meaning: 'The chip does not power down',
    next: PORT,
  },
  {
    ...STALL,
    id: 'rtl8xxxu/flush',
    ...line('Failed to flush ', { driver: 'usb', after: '(?:TX queue|FIFO)' }),
    meaning: 'Packets in the queue of the chip are not sent',
    next: PORT,
  },
  {
    ...USB,
    id: 'rtl8xxxu/block',
    ...line('Failed to write block at addr: ', { after: '[0-9a-f]{4} size: [0-9a-f]{4}' }),
    meaning: 'The firmware could not be written to the adapter over USB',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtl8xxxu/power',
    ...line(': Failed power on', { before: '\\w{4,30}' }),
    meaning: 'The chip could not be powered up',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtl8xxxu/endpoints',
    role: 'root',
    ...line('Unsupported USB TX end-points'),
    meaning: 'The adapter is in a mode or of a kind that the driver does not know',
    next: 'lsusb -v: usb_modeswitch may be missing',
  },
  {
    ...PROBE,
    id: 'rtl8xxxu/llt',
    ...line('LLT table init failed'),
    meaning: 'The memory of the chip could not be set up',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtl8xxxu/init',
    ...line('Failed to initialize ', { driver: 'usb', after: '(?:MAC|PHY|RF)' }),
    meaning: 'A part of the chip could not be set up',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtl8xxxu/fatal',
    ...line('Fatal - failed to ', { after: '(?:identify chip|read EFuse|parse EFuse|load firmware)' }),
    meaning: 'The driver gave up bringing the adapter up',
    next: 'The line before it names the step',
  },
  {
    ...BENIGN,
    id: 'rtl8xxxu/efuse',
    ...line('umping efuse ', { before: '[Dd]', after: '(?:for RTL\\w{3,10} )?\\(0x' }),
    meaning: 'The driver prints the calibration data of the adapter',
  },
  {
    ...BENIGN,
    id: 'rtl8xxxu/untested',
    ...line('This Realtek USB WiFi dongle ', { after: '\\(0x[0-9a-f]{1,4}:0x[0-9a-f]{1,4}\\) is untested' }),
    meaning: 'The driver asks for reports of this adapter',
  },
  {
    ...BENIGN,
    id: 'rtl8xxxu/running',
    ...line('Firmware is already running, resetting the MCU'),
    meaning: 'The firmware of an earlier driver is still there',
  },
  {
    ...MISSING,
    id: 'rtlwifi/selected',
    ...line('Selected firmware is not available'),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek; ls /lib/firmware/rtlwifi',
  },
  {
    ...MISSING,
    id: 'rtlwifi/request',
    ...line('Failed to request ', { before: 'rtl\\w{3,10}: ', after: '(?:normal |wowlan )?firmware!' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek',
  },
  {
    ...TIMEOUT,
    id: 'rtlwifi/ready',
    literals: ['Polling FW ready fail', 'Firmware is not ready to run!', 'fw is not ready to run!'],
    pattern: null,
    meaning: 'The firmware was loaded and does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtlwifi/checksum',
    ...line('chksum report fail', { after: '[ !]' }),
    meaning: 'The firmware could not be loaded into the chip',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtlwifi/h2c',
    ...line('Write H2C fail because no trigger for FW INT!'),
    meaning: 'The firmware does not take commands',
    next: COLD,
  },
  {
    ...USB,
    id: 'rtlwifi/vendor-request',
    ...line('usbctrl_vendorreq TimeOut! status:', { after: '(?:0x)?(?<reason>[0-9a-f]{1,8})' }),
    meaning: 'A register of the adapter can not be reached over USB',
    next: PORT,
  },
  {
    ...USB,
    id: 'rtlwifi/urb',
    rate: { count: 3, withinS: 10 },
    ...line('Urb has error status 0x'),
    meaning: 'A transfer of packets fails on the bus',
    next: PORT,
  },
  {
    ...PROBE,
    id: 'rtlwifi/llt',
    ...line('Failed to polling write LLT done at address'),
    meaning: 'The memory of the chip could not be set up',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtlwifi/power',
    literals: ['Failed to init power on!', 'Failed to polling REG_APS_FSMCO'],
    pattern: null,
    meaning: 'The chip could not be powered up',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtlwifi/mac',
    literals: ['Init MAC failed', 'nit mac failed!'],
    pattern: null,
    meaning: 'The chip could not be initialised',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'rtl-vendor/power',
    role: 'root',
    ...line(': Power ON Fail!!', { before: '\\w{4,40}' }),
    meaning: 'The chip could not be powered up',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl-vendor/download',
    ...line('Download Firmware from ', { after: '[^\\n]{1,80} failed' }),
    meaning: 'The firmware could not be loaded into the chip',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl-vendor/h2c',
    ...line('H2C failed', { before: '(?:RTW|RTL871X): [^\\n]{0,60}' }),
    meaning: 'The firmware does not take commands',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'rtl-vendor/c2h',
    role: 'symptom',
    rate: { count: 3, withinS: 10 },
    ...line(' enqueue FAIL!', { before: 'C2H\\([\\w ]{1,8}\\)' }),
    meaning: 'Messages of the firmware are lost',
    next: PORT,
  },
  {
    ...USB,
    id: 'rtl-vendor/write-port',
    literals: ['_simple_write_port fail', 'usb_write_port_complete:', 'usb_write_port_cancel:'],
    pattern:
      /(?:RTW|RTL871X): [^\n]{0,60}_simple_write_port fail|usb_write_port_complete:? [^\n]{0,60}(?:status|EPROTO|ESHUTDOWN)/,
    meaning: 'Packets can not be written to the adapter',
    next: PORT,
  },
  {
    ...USB,
    id: 'rtl-vendor/read-port',
    when: GONE,
    ...line('usb_read_port_complete', { after: '[^\\n]{0,60}status ?:? ?=? ?\\(?-(?<errno>\\d{1,3})' }),
    meaning: 'Packets can not be read from the adapter',
    next: PORT,
  },
  {
    ...USB,
    id: 'rtl-vendor/ctrl-request',
    when: GONE,
    literals: ['usbctrl_vendorreq', 'usb_control_msg'],
    pattern:
      /(?:RTW|RTL871X): [^\n]{0,60}(?:vendorreq|control_msg)[^\n]{0,60}(?:TimeOut|error|fail|status)[^-\n]{0,20}-?(?<errno>\d{0,3})/,
    meaning: 'A register of the adapter can not be reached over USB',
    next: PORT,
  },
  {
    ...BENIGN,
    id: 'rtl-vendor/chatter',
    literals: ['nolinked power save ', 'RTW_ADAPTIVITY_', 'rtw_ndev_notifier_call', 'module init start'],
    pattern: null,
    meaning: 'The driver tells of its states',
  },
];
