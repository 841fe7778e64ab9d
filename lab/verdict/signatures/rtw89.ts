/** Realtek rtw89. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'rtw89 of Linux 6.1 and 6.12' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...SOURCE } as const;
const FOLLOWS = { class: 'fw-timeout', blame: 'product', role: 'consequence', ...SOURCE } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root', ...SOURCE } as const;
const STALL = { class: 'tx-stall', blame: 'product', role: 'symptom', ...SOURCE } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...SOURCE } as const;
const PCIE = { class: 'pcie-error', blame: 'product', role: 'root', ...SOURCE } as const;
const MISSING = { class: 'fw-missing', blame: 'product', role: 'root', ...SOURCE } as const;
const BENIGN = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...SOURCE,
} as const;

const COLD = 'Take the power away for 10 s and try again: a warm reboot keeps the state of the chip';
const PS = 'Turn power saving off: iw dev wlan0 set power_save off, rtw89_core.disable_ps_mode=y';
const LINK = 'lspci -vvv (LnkSta, AER); try rtw88_pci.disable_aspm=y or rtw89_pci.disable_aspm_l1=y';

export const rtw89: readonly Signature[] = [
  {
    ...TIMEOUT,
    id: 'rtw89/h2c-registers',
    ...line('FW does not process h2c registers'),
    meaning: 'The firmware does not take commands',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/c2h-reg',
    ...line('c2h reg timeout'),
    meaning: 'The firmware does not answer a command',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/xtal',
    ...line('xtal si not ready(', { after: '(?<reason>[RW])\\)' }),
    meaning: 'The bus to the crystal and radio of the chip is dead',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/rf-busy',
    ...line([' rf busy swsi', 'read swsi busy']),
    meaning: 'The bus to the radio of the chip stays busy',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/ps-ack',
    rate: { count: 3, withinS: 300 },
    ...line('firmware failed to ack for ', { after: '(?:entering|leaving) ps mode' }),
    meaning: 'The firmware does not confirm a change of power saving',
    next: PS,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/fw-path',
    ...line(' path ready', { driver: 'rtw89_\\w{4,8}', before: '\\[ERR\\](?:FWDL|H2C)' }),
    meaning: 'The firmware can not be loaded: the chip does not get ready for it',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/download',
    role: 'symptom',
    ...line('download firmware fail', { driver: 'rtw89_\\w{4,8}' }),
    meaning: 'The firmware could not be loaded',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'rtw89/checksum',
    literals: ['fw checksum fail', 'fw security fail'],
    pattern: null,
    meaning: 'The chip refuses its firmware',
    next: 'Compare rtw89/*.bin with linux-firmware',
  },
  {
    ...TIMEOUT,
    id: 'rtw89/err-status',
    ...line('Polling FW err status fail'),
    meaning: 'The firmware does not report its state during a recovery',
    next: COLD,
  },
  {
    ...FOLLOWS,
    id: 'rtw89/h2c',
    ...line('failed to send h2c', { driver: 'rtw89_\\w{4,8}' }),
    meaning: 'A command can not be sent to the firmware',
    next: 'Look for the first failure of the firmware before it',
  },
  {
    ...CRASH,
    id: 'rtw89/ser',
    ...line('SER catches error: 0x', { after: '(?<reason>[0-9a-f]{1,8})' }),
    meaning: 'The chip reports an error and recovers by itself',
    next: 'The number is in enum mac_ax_err_info (mac.h); count them, and save /sys/class/devcoredump/*/data',
  },
  {
    ...CRASH,
    id: 'rtw89/ser-unknown',
    ...line('SER cannot recognize error: 0x', { after: '(?<reason>[0-9a-f]{1,8})' }),
    meaning: 'The chip reports an error that the driver does not know',
    next: 'Update the driver; compare rtw89/*.bin with linux-firmware',
  },
  {
    ...CRASH,
    id: 'rtw89/backtrace',
    role: 'symptom',
    ...line('FW backtrace invalid ', { after: '(?:address|key|size)' }),
    meaning: 'The firmware crashes and its trace can not be read',
    next: COLD,
  },
  {
    ...CRASH,
    id: 'rtw89/ser-dma',
    role: 'symptom',
    ...line(' rcvy pci st', { before: 'lv1', after: '(?:op|art) dma fail' }),
    meaning: 'The chip could not be recovered: its DMA does not stop or start',
    next: COLD,
  },
  {
    ...STALL,
    id: 'rtw89/flush',
    ...line('timed out to flush queues'),
    meaning: 'Packets in the queues of the chip are not sent',
    next: 'cat /sys/kernel/debug/ieee80211/phy*/rtw89/mac_reg_dump; look for SER before and after',
  },
  {
    ...STALL,
    id: 'rtw89/txwd',
    ...line('No busy txwd pages available'),
    meaning: 'The chip reports packets that were never given to it',
    next: LINK,
  },
  {
    ...PROBE,
    id: 'rtw89/mac-init',
    ...line('mac init fail, ret:', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The chip could not be initialised',
    next: COLD,
  },
  {
    ...PCIE,
    id: 'rtw89/dma-idle',
    role: 'symptom',
    literals: ['ll pcie dma all idle', 'pci dmach busy', 'reset bdram busy', 'rxdma ch busy'],
    pattern: null,
    meaning: 'The DMA engine of the chip does not become idle',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'rtw89/rxbd',
    rate: { count: 3, withinS: 10 },
    ...line([' RXBD info: ', 'failed to deliver RXBD skb'], {
      driver: 'rtw89_\\w{4,8}',
      before: '(?:failed to update \\d{1,3}|)',
    }),
    meaning: 'Received packets are described wrong by the chip',
    next: LINK,
  },
  {
    ...MISSING,
    id: 'rtw89/suitable',
    ...line('no suitable firmware found', { driver: 'rtw89_\\w{4,8}' }),
    meaning: 'The firmware file has no part for this revision of the chip',
    next: 'Update firmware-realtek',
  },
  {
    ...MISSING,
    id: 'rtw89/recognize',
    ...line('failed to recognize firmware', { driver: 'rtw89_\\w{4,8}' }),
    meaning: 'The firmware file is not one for this driver',
    next: 'Update firmware-realtek, or the driver: newer formats need newer kernels',
  },
  {
    ...MISSING,
    id: 'rtw89/early',
    role: 'hint',
    confirmedBy: ['rtw88/chip-info', 'rtw89/recognize', 'rtw88/request'],
    ...line('failed to early request firmware: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-realtek; ls /lib/firmware/rtw89',
  },
  {
    ...BENIGN,
    id: 'rtw89/dav',
    literals: ['failed to read dav efuse', 'failed to dump efuse dav'],
    pattern: null,
    meaning: 'The chip has no second block of calibration data',
  },
];
