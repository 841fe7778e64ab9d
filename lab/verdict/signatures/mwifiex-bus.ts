/** Marvell mwifiex: SDIO, PCIe and USB. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { PCIE, SDIO, USB } = kinds('mwifiex of Linux 6.1 and 6.12');

const BUS = 'cat /sys/kernel/debug/mmc*/ios; lower the clock, check the supply; on PCIe: lspci -vvv';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';
const PORT =
  "Try another port, cable and a powered hub; the host's log says whether the adapter left the bus";

export const mwifiexBus: readonly Signature[] = [
  {
    ...SDIO,
    id: 'mwifiex/hw-reset',
    ...line('SDIO HW reset failed: ', { after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The card could not be reset',
    next: COLD,
  },
  {
    ...SDIO,
    id: 'mwifiex/write-iomem',
    ...line('write iomem', {
      before: '(?:host_to_card, |FW download, )',
      after: '\\s?\\(\\d{1,2}\\) failed',
    }),
    meaning: 'Data can not be written to the card',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/read-iomem',
    ...line(': read iomem failed: ', { after: '-?(?<errno>\\d{1,3})' }),
    meaning: 'Data can not be read from the card',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/poll-card',
    ...line('poll card status failed, tries = '),
    meaning: 'The card does not get ready for a transfer',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/cfg-register',
    ...line(['write CFG reg failed', 'read CFG reg failed']),
    meaning: 'The card can not be asked to end a transfer that failed',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/mp-regs',
    ...line('read mp_regs failed'),
    meaning: 'The registers of the card can not be read',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/base-register',
    ...line('register read failed:', { before: 'dev BASE[01] ', after: '\\s?base[01]=' }),
    meaning: 'The registers of the card can not be read while its firmware is loaded',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/mpa',
    ...line('card_to_host_mpa failed: int status='),
    meaning: 'Received packets can not be read from the card',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/function',
    ...line('failed to enable function', { driver: 'mwifiex_sdio' }),
    meaning: 'The SDIO function of the card can not be enabled',
    next: BUS,
  },
  {
    ...SDIO,
    id: 'mwifiex/memory',
    role: 'consequence',
    literals: ['SDIO read memory length err', 'SDIO Write ERR', 'SDIO write err', 'SDIO read err'],
    pattern: null,
    meaning: 'The card can not be reached while it is dumped',
    next: BUS,
  },
  {
    ...PCIE,
    id: 'mwifiex/pcie',
    ...line('failed to assert d', { after: '(?:oor-bell intr|nld-rdy interrupt)' }),
    meaning: 'A register of the card can not be written',
    next: LINK,
  },
  {
    ...PCIE,
    id: 'mwifiex/scratch',
    literals: [
      'Failed to read scratch register 13',
      'Failed to write driver ready signature',
      'failed to read firmware status',
    ],
    pattern: null,
    meaning: 'A register of the card can not be reached',
    next: LINK,
  },
  {
    ...USB,
    id: 'mwifiex/bulk',
    ...line('usb_bulk_msg for ', { after: '[rt]x failed: -(?<errno>\\d{1,3})' }),
    meaning: 'A transfer to or from the card fails on the bus',
    next: PORT,
  },
  {
    ...USB,
    id: 'mwifiex/data-sync',
    ...line('_data_sync: failed: ', { before: '(?:read|write)', after: '-(?<errno>\\d{1,3})' }),
    meaning: 'The firmware can not be loaded over USB',
    next: PORT,
  },
];
