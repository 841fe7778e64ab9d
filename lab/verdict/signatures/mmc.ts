/** MMC, SD and SDIO: the core, command queues and host controllers. What drivers of radios say of SDIO is theirs. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const CORE = { source: 'drivers/mmc/core of Linux 6.1 and 6.12' } as const;
const SDHCI = { source: 'drivers/mmc/host/sdhci.c of Linux 6.1 and 6.12' } as const;
const ERROR = { class: 'sdio-error', blame: 'product', role: 'root' } as const;
const SYMPTOM = { class: 'sdio-error', blame: 'product', role: 'symptom' } as const;
const FOLLOWS = { class: 'sdio-error', blame: 'product', role: 'consequence' } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do', ...CORE } as const;

const SIGNAL =
  'cat /sys/kernel/debug/mmc*/ios; a lower max-frequency, shorter wires, pull-ups, the supply and reset of the card; one cold power cycle';
const ERRNO = '-(?<errno>\\d{1,3})';

export const mmc: readonly Signature[] = [
  {
    ...NOISE,
    role: 'marker',
    id: 'mmc/new-card',
    ...line(' card at address ', { before: 'new [\\w -]{2,40}' }),
    meaning: 'A card is found',
  },
  {
    ...ERROR,
    ...CORE,
    id: 'mmc/initialise',
    ...line(' whilst initialising ', { before: `error ${ERRNO}`, after: '(?<reason>\\w{2,8}) card' }),
    meaning: 'A card does not come up',
    next: SIGNAL,
    when: [
      { group: 'errno', is: ['123'], means: { role: 'benign' } },
      {
        group: 'errno',
        is: ['84'],
        means: { meaning: 'A card does not come up, for its answers arrive garbled' },
      },
      { group: 'errno', is: ['110'], means: { meaning: 'A card does not come up, for it does not answer' } },
    ],
    endedBy: { signatures: ['mmc/new-card'], withinS: 10 },
  },
  {
    ...ERROR,
    ...CORE,
    id: 'mmc/soldered-card',
    ...line('Failed to initialize a non-removable card'),
    meaning: 'A card that is part of the board does not come up',
    next: SIGNAL,
  },
  {
    ...ERROR,
    ...CORE,
    id: 'mmc/busy',
    ...line([
      'Card stuck being busy! ',
      'Card stuck in wrong state! ',
      'Card stuck in programming state! ',
      'card never left busy state',
    ]),
    meaning: 'A card stays busy and takes no more commands',
    next: SIGNAL,
  },
  {
    ...ERROR,
    ...CORE,
    id: 'mmc/reset',
    ...line('reset card, got error ', { before: 'tried to (?:HW|SW) ', after: ERRNO }),
    meaning: 'A card does not come back after a reset',
    next: SIGNAL,
  },
  {
    ...ERROR,
    ...CORE,
    blame: 'lab',
    id: 'mmc/block',
    literals: [' requesting status', ' transferring data, sector ', ' sending r/w cmd command, card status '],
    pattern:
      /(?<device>mmcblk\d{1,2})\w{0,8}: (?:error -(?<errno>\d{1,3})|timed out) (?:requesting|transferring|sending)/,
    meaning: 'The storage card of the board does not read or write',
    next: 'Another SD card; its supply and contacts; the kernel is told from a network boot whether the card is to blame',
    source: 'drivers/mmc/core/block.c up to Linux 5.x',
  },
  {
    ...ERROR,
    ...CORE,
    blame: 'lab',
    id: 'mmc/block-recovery',
    literals: [': recovery failed!', 'card not responding to status requests', ': unable to get card status'],
    pattern: /(?<device>mmc(?:blk)?\d{1,2})\w{0,8}: /,
    meaning: 'The storage card of the board is given up',
    next: 'Another SD card; its supply and contacts',
    source: 'drivers/mmc/core/block.c',
  },
  {
    ...SYMPTOM,
    ...CORE,
    id: 'mmc/tuning',
    ...line(
      [
        'tuning execution failed: ',
        'Tuning failed, falling back to fixed',
        'Tuning timeout, falling back to fixed',
      ],
      {
        after: `(?:${ERRNO})?`,
      },
    ),
    meaning: 'No sampling point is found at which data of a card arrives whole',
    next: SIGNAL,
  },
  {
    ...SYMPTOM,
    ...CORE,
    id: 'mmc/voltage',
    ...line([
      'Signal voltage switch failed, power cycling card',
      'Switching to 1.8V signalling voltage failed',
      'Switching to 3.3V signalling voltage failed',
      'Problem switching card into high-speed mode!',
      '1.8V regulator output did not become stable',
      '3.3V regulator output did not become stable',
    ]),
    meaning: 'A card does not change its voltage or speed',
    next: 'vqmmc-supply of the device tree, no-1-8-v; the regulator of the slot',
  },
  {
    ...ERROR,
    ...CORE,
    id: 'mmc/queue-recovery',
    ...line('running CQE recovery'),
    meaning: 'The command queue of a card hangs and is restarted',
    next: `${SIGNAL}; without command queue: supports-cqe off`,
    source: 'drivers/mmc/core/core.c',
  },
  {
    ...ERROR,
    id: 'mmc/queue-timeout',
    ...line([
      'cqhci: timeout for tag ',
      'cqhci: error IRQ status: 0x',
      'cqhci: Failed to halt',
      'cqhci: Failed to clear tasks',
    ]),
    meaning: 'The command queue of a card does not finish a task',
    next: SIGNAL,
    source: 'drivers/mmc/host/cqhci-core.c',
  },
  {
    ...FOLLOWS,
    id: 'mmc/register-dump',
    ...line([' SDHCI REGISTER DUMP ', ' CQHCI REGISTER DUMP '], { before: '(?:sdhci|cqhci): ={3,20}' }),
    meaning: 'The registers of the card controller are printed after an error',
    next: 'Read the line before the dump; the register names what went wrong: Int stat, Present, Cmd',
    source: 'drivers/mmc/host/sdhci.c, cqhci-core.c',
  },
  {
    ...FOLLOWS,
    id: 'mmc/queue-spurious',
    ...line('cqhci: spurious TCN for tag '),
    meaning: 'The command queue finishes a task that nobody waits for',
    next: 'Read what the card said before',
    source: 'drivers/mmc/host/cqhci-core.c',
  },
  {
    ...ERROR,
    ...SDHCI,
    id: 'sdhci/timeout',
    ...line(['Timeout waiting for hardware interrupt.', 'Timeout waiting for hardware cmd interrupt.']),
    meaning: 'A card or its controller does not answer a command',
    next: SIGNAL,
  },
  {
    ...ERROR,
    ...SDHCI,
    id: 'sdhci/interrupt',
    ...line(['Got command interrupt 0x', 'Got data interrupt 0x', 'Unexpected interrupt 0x'], {
      after: '[0-9a-f]{8}(?: even though no | ?\\.|$)',
    }),
    meaning: 'The card controller reports an event that nothing was asked for',
    next: SIGNAL,
  },
  {
    ...ERROR,
    ...SDHCI,
    id: 'sdhci/hang',
    literals: [
      ' never completed.',
      'Internal clock never stabilised',
      'PLL clock never stabilised',
      'Controller never released inhibit bit(s)',
    ],
    pattern:
      /(?<device>mmc\d{1,2}): (?:Reset 0x[\da-f]{1,2} never completed|\w{3,10} clock never|Controller never)/,
    meaning: 'The card controller does not do what it is told',
    next: 'Clock, power domain and reset of the controller; one cold power cycle',
  },
  {
    ...ERROR,
    ...SDHCI,
    id: 'sdhci/dma',
    ...line('ADMA error: 0x'),
    meaning: 'The card controller fails to read or write the memory of the machine',
    next: 'sdhci.debug_quirks=0x40 turns DMA off; look for faults of an IOMMU',
  },
  {
    ...ERROR,
    id: 'mmc/host-timeout',
    ...line([
      'Timeout sending command (cmd 0x',
      'aborting cmd/data/mrq',
      'timeout waiting for hardware interrupt (CMD',
      'data error, sending stop command',
    ]),
    meaning: 'A card controller waits for an answer that does not come',
    next: SIGNAL,
    source: 'drivers/mmc/host: dw_mmc.c, mtk-sd.c, tmio_mmc_core.c, sunxi-mmc.c',
  },
  {
    ...NOISE,
    role: 'marker',
    id: 'mmc/removed',
    literals: [' removed'],
    pattern: /(?<device>mmc\d{1,2}): (?:SDIO |SD )?card [\da-f]{4} removed/,
    meaning: 'A card is taken out, or its driver has it reset',
  },
  {
    ...NOISE,
    id: 'mmc/noise',
    ...line([
      'unknown CIS tuple 0x',
      'nvalid maximum block size, assuming 512 bytes',
      'host does not support reading read-only switch',
      'cannot verify signal voltage switch',
      'problem reading SD Status register',
      'could not read SD Status register',
      'card claims to support voltages below defined range',
    ]),
    meaning: 'The MMC core says something that needs no care',
  },
];
