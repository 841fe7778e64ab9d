/** Broadcom brcmfmac on SDIO. */
import { kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { SDIO } = kinds('brcmfmac of Linux 6.1 and 6.12');

const HOST =
  'cat /sys/kernel/debug/mmc*/ios; lower the clock (max-frequency), check supply and the 32 kHz clock';

export const brcmfmacSdio: readonly Signature[] = [
  {
    ...SDIO,
    id: 'brcmfmac/backplane',
    ...line('failed backplane access'),
    meaning: 'The chip can not be reached over SDIO',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/cmd53',
    ...line('CMD53 sg block ', { after: '(?:read|write) failed -(?<errno>\\d{1,3})' }),
    meaning: 'A transfer to or from the chip fails on the SDIO bus',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/membytes',
    literals: ['membytes transfer failed', ' membytes at 0x'],
    pattern:
      /membytes transfer failed|error -(?<errno>\d{1,3}) on (?:reading|writing) \d{1,8} membytes at 0x/,
    meaning: 'The memory of the chip can not be reached over SDIO',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/rxheader',
    ...line('RXHEADER FAILED: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'A packet can not be read from the chip',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/terminate',
    rate: { count: 3, withinS: 10 },
    ...line('terminate frame', { before: 'brcmf_sdio_\\w{2,30}: [^\\n]{0,40}' }),
    meaning: 'The driver gives up a packet that came in damaged',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/header',
    rate: { count: 3, withinS: 10 },
    ...line('HW header ', {
      before: 'brcmf_sdio_\\w{2,30}: ',
      after: '(?:checksum|length) (?:error|too long)',
    }),
    meaning: 'A packet came in damaged over SDIO',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/sleep-state',
    ...line('error while changing bus sleep state -', { after: '(?<errno>\\d{1,3})' }),
    meaning: 'The chip does not wake up or go to sleep',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/ctrlframe',
    ...line('sdio ctrlframe tx failed err=-', { after: '(?<errno>\\d{1,3})' }),
    meaning: 'A command can not be written to the chip',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/f1',
    ...line('Failed to enable F1: err=-', { after: '(?<errno>\\d{1,3})' }),
    meaning: 'The function of the chip can not be enabled',
    next: HOST,
  },
  {
    ...SDIO,
    id: 'brcmfmac/oosync',
    ...line('Dongle reports ', { before: 'brcmf_sdio_\\w{2,30}: ', after: '(?:WR|RD)_OOSYNC' }),
    meaning: 'Driver and firmware disagree on where a transfer begins',
    next: HOST,
  },
];
