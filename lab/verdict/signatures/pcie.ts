/** PCI Express: error reporting, hot plug, power states. Faults of DMA: iommu.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const AER = { source: 'drivers/pci/pcie/aer.c of Linux 6.1, 6.12 and later' } as const;
const ERROR = { class: 'pcie-error', blame: 'product', role: 'root', ...AER } as const;
const SYMPTOM = { class: 'pcie-error', blame: 'product', role: 'symptom', ...AER } as const;
const FOLLOWS = { class: 'pcie-error', blame: 'product', role: 'consequence', ...AER } as const;
const NOISE = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  source: 'drivers/pci of Linux 6.1 and 6.12',
} as const;
const MARKER = { ...NOISE, role: 'marker' } as const;

const LINK =
  'lspci -vvv -s ADDRESS (LnkSta, AESta); reseat the card, another slot, pcie_aspm=off, a slower link; measure the 3.3 V';
/** Corrected errors are common; only many of them say that the link is bad. */
const MANY = { count: 6, withinS: 60 } as const;

export const pcie: readonly Signature[] = [
  {
    ...ERROR,
    id: 'pcie/uncorrected',
    ...line(['PCIe Bus Error: severity=Uncorrect', 'PCIE Bus Error: severity=Uncorrect'], {
      before: '(?:AER: )?',
      after: '(?:ed|able)(?: \\((?<reason>[\\w-]{5,12})\\))?',
    }),
    meaning: 'A transfer on PCI Express fails and can not be repeated',
    next: LINK,
  },
  {
    ...ERROR,
    id: 'pcie/uncorrected-message',
    ...line(['AER: Uncorrect', 'AER: Multiple Uncorrect'], {
      after: '(?:ed|able) \\((?<reason>[\\w-]{5,12})\\) error (?:message )?received',
    }),
    meaning: 'A device reports an error on PCI Express that can not be mended',
    next: LINK,
  },
  {
    ...SYMPTOM,
    id: 'pcie/corrected',
    ...line(['PCIe Bus Error: severity=Correct', 'PCIE Bus Error: severity=Correct'], {
      before: '(?:AER: )?',
    }),
    meaning: 'Transfers on PCI Express are repeated again and again, for the link is bad',
    next: LINK,
    rate: MANY,
  },
  {
    ...SYMPTOM,
    id: 'pcie/corrected-message',
    ...line([
      'AER: Corrected error received',
      'AER: Multiple Corrected error received',
      'AER: Correctable error message received',
      'AER: Multiple Correctable error message received',
    ]),
    meaning: 'A device reports repeated transfers on PCI Express again and again',
    next: LINK,
    rate: MANY,
  },
  {
    ...SYMPTOM,
    id: 'pcie/firmware-report',
    // No device: both ends of a link report, and together they are many.
    literals: ['AER: aer_status: 0x'],
    pattern: null,
    meaning: 'The firmware of the machine reports errors on PCI Express again and again',
    next: LINK,
    rate: MANY,
  },
  {
    ...ERROR,
    id: 'pcie/firmware-uncorrected',
    ...line('aer_uncor_severity: 0x', { before: '(?:AER: )?' }),
    meaning: 'The firmware of the machine reports an error on PCI Express that can not be mended',
    next: LINK,
  },
  {
    ...FOLLOWS,
    id: 'pcie/error-detail',
    ...line('error status/mask=', { before: '(?:AER: )?(?:  )?device \\[[0-9a-f:]{9}\\] ' }),
    meaning: 'The registers of an error on PCI Express are printed',
    next: LINK,
    rate: MANY,
  },
  {
    ...FOLLOWS,
    id: 'pcie/recovery-failed',
    ...line(['device recovery failed', "can't recover (no error_detected callback)"], {
      before: '(?:AER: )?',
    }),
    meaning: 'A device is not brought back after an error on PCI Express',
    next: 'echo 1 > /sys/bus/pci/devices/ADDRESS/remove, then rescan; else power-cycle',
    source: 'drivers/pci/pcie/err.c',
  },
  {
    ...MARKER,
    id: 'pcie/recovered',
    ...line('device recovery successful', { before: '(?:AER: )?' }),
    meaning: 'A device is brought back after an error on PCI Express',
  },
  {
    ...ERROR,
    id: 'pcie/containment',
    ...line('containment event, status:', { before: '(?:DPC: )?' }),
    meaning: 'The port switches its link off after an error',
    next: LINK,
    source: 'drivers/pci/pcie/dpc.c',
  },
  {
    ...ERROR,
    id: 'pcie/link-down',
    ...line('): Link Down', { before: '(?:pciehp: )?Slot\\([\\w-]{1,20}' }),
    meaning: 'The card of a slot drops from PCI Express',
    next: LINK,
    source: 'drivers/pci/hotplug/pciehp_ctrl.c',
  },
  {
    ...SYMPTOM,
    id: 'pcie/card-absent',
    ...line('): Card not present', { before: '(?:pciehp: )?Slot\\([\\w-]{1,20}' }),
    meaning: 'A slot no longer sees its card',
    next: LINK,
    source: 'drivers/pci/hotplug/pciehp_ctrl.c',
  },
  {
    ...ERROR,
    blame: 'lab',
    id: 'pcie/power-fault',
    ...line('): Power fault', { before: '(?:pciehp: )?Slot\\([\\w-]{1,20}' }),
    meaning: 'The power of a slot fails',
    next: 'Measure the supply of the slot; a card that takes too much?',
    source: 'drivers/pci/hotplug/pciehp_hpc.c',
  },
  {
    ...MARKER,
    id: 'pcie/link-up',
    ...line(['): Link Up', '): Card present'], { before: '(?:pciehp: )?Slot\\([\\w-]{1,20}' }),
    meaning: 'A card is plugged into a slot, or comes back',
  },
  {
    ...ERROR,
    id: 'pcie/no-link-active',
    ...line(['Data Link Layer Link Active not set in ', 'retraining failed'], { before: '(?:pciehp: )?' }),
    meaning: 'The link to a card does not come up',
    next: LINK,
    source: 'drivers/pci/pci.c, quirks.c',
  },
  {
    ...ERROR,
    id: 'pcie/not-ready',
    ...line('not ready ', { after: '\\d{1,7}ms after (?<reason>[\\w ]{2,30}); ' }),
    meaning: 'A device does not answer after a reset or after sleep',
    next: LINK,
    endedBy: { signatures: ['pcie/ready'], withinS: 130 },
    source: 'drivers/pci/pci.c',
  },
  {
    ...MARKER,
    id: 'pcie/ready',
    ...line('ms after ', { before: '(?<!not )ready \\d{1,7}' }),
    meaning: 'A device answers after a reset or after sleep',
  },
  {
    ...ERROR,
    id: 'pcie/power-state',
    ...line(['Unable to change power state from ', "can't change power state from "], {
      after: '(?<reason>[\\w ]{2,20} to D\\w{1,5})',
    }),
    meaning: 'A device on PCI Express can not be reached to wake it or send it to sleep',
    next: 'echo on > /sys/bus/pci/devices/ADDRESS/power/control; pcie_aspm=off; one cold power cycle',
    source: 'drivers/pci/pci.c',
  },
  {
    ...SYMPTOM,
    id: 'pcie/power-refused',
    ...line(['efused to change power state, currently in D', 'efused to change power state from '], {
      before: '[Rr]',
    }),
    meaning: 'A device on PCI Express stays in its power state',
    next: 'echo on > /sys/bus/pci/devices/ADDRESS/power/control; pcie_aspm=off; one cold power cycle',
    source: 'drivers/pci/pci.c',
  },
  {
    ...ERROR,
    class: 'probe-fail',
    id: 'pcie/no-memory-window',
    ...line(["can't enable device: BAR ", "; can't enable device"]),
    meaning: 'A device gets no addresses, so that its driver can not use it',
    next: 'pci=realloc, the ranges of the bridge in the device tree; lspci -vvv',
    source: 'drivers/pci/setup-res.c',
  },
  {
    ...FOLLOWS,
    id: 'pcie/hotplug-add',
    ...line('Cannot add device at ', { before: '(?:pciehp: )?' }),
    meaning: 'What comes back in a slot can not be added',
    next: 'Look at what this slot said before',
    source: 'drivers/pci/hotplug/pciehp_pci.c',
  },
  {
    ...NOISE,
    id: 'pcie/noise',
    ...line([
      'Timeout on hotplug command 0x',
      'available PCIe bandwidth, limited by ',
      'PME: Spurious native interrupt!',
      "can't disable ASPM; OS doesn't have ASPM control",
      'invalid VPD tag ',
      'Phy link never came up',
      'PCIe link training gen1 timeout!',
      'no card, disable it (RST & CLK)',
      'error containment capabilities: ',
      'RP PIO log size ',
      'nable wakeup from D3',
    ]),
    meaning: 'PCI says something that needs no care: a capability, an empty slot, a window that nothing uses',
  },
];
