/** Broadcom b43. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { CRASH, MISSING, PROBE, STALL } = kinds('b43 of Linux 6.1 and 6.12');

export const b43: readonly Signature[] = [
  {
    ...CRASH,
    id: 'b43/panic',
    ...line('Whoopsy, firmware panic! Reason: ', { after: '(?<reason>\\d{1,5})' }),
    meaning: 'The firmware crashes',
    next: 'Update the firmware with b43-fwcutter',
  },
  {
    ...CRASH,
    id: 'b43/dma',
    ...line('Fatal DMA error: 0x'),
    meaning: 'The DMA engine of the chip reports an error',
    next: 'modprobe b43 pio=1 to compare',
  },
  {
    ...STALL,
    id: 'b43/dma-reset',
    ...line('reset timed out', { before: 'DMA [RT]X ' }),
    meaning: 'The DMA engine of the chip does not stop',
    next: COLD,
  },
  {
    ...MISSING,
    id: 'b43/file',
    ...line('Firmware file "', { after: '(?<file>[\\w./-]{1,60})" not found' }),
    meaning: 'The firmware file could not be read',
    next: 'apt install firmware-b43-installer',
  },
  {
    ...MISSING,
    id: 'b43/go-to',
    role: 'consequence',
    literals: ['You must go to https://wireless.wiki.kernel.org', 'You must go to http'],
    pattern: null,
    meaning: 'The firmware of b43 is not installed',
    next: 'apt install firmware-b43-installer',
  },
  {
    ...PROBE,
    id: 'b43/phy',
    role: 'root',
    blame: 'config',
    ...line('FOUND UNSUPPORTED PHY ', { after: '\\(?[^\\n]{0,60}' }),
    meaning: 'The driver does not know the radio of this card',
    next: 'Use the driver wl (broadcom-sta-dkms) or another card',
  },
];
