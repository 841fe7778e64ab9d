/** USB host controllers (xHCI, EHCI, OHCI, DWC2, MUSB) and gadgets. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const XHCI = { source: 'drivers/usb/host/xhci*.c of Linux 6.1 and 6.12' } as const;
const ERROR = { class: 'usb-error', blame: 'lab', role: 'root', ...XHCI } as const;
const FOLLOWS = { class: 'usb-error', blame: 'lab', role: 'consequence', ...XHCI } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'root', ...XHCI } as const;
const GADGET = {
  class: 'usb-error',
  blame: 'product',
  role: 'symptom',
  source: 'drivers/usb/dwc2, dwc3',
} as const;
const NOISE = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  ...XHCI,
} as const;

const REBIND =
  'echo ADDRESS > /sys/bus/pci/drivers/xhci_hcd/unbind, then bind; what was plugged in just before? Supply, cable, firmware of the controller';
const ERRNO = '-(?<errno>\\d{1,3})';
const DEFERRED = { group: 'errno', is: ['517'], means: { role: 'benign' } } as const;

export const usbHost: readonly Signature[] = [
  {
    ...ERROR,
    id: 'xhci/dead',
    ...line('xHCI host controller not responding, assume dead'),
    meaning: 'The USB host controller stops answering, and everything on it is lost',
    next: REBIND,
  },
  {
    ...ERROR,
    id: 'usb/host-died',
    ...line('HC died; cleaning up'),
    meaning: 'The USB host controller is given up, and everything on it is lost',
    next: REBIND,
    source: 'drivers/usb/core/hcd.c',
  },
  {
    ...ERROR,
    id: 'xhci/stop-endpoint',
    ...line('xHCI host not responding to stop endpoint command'),
    meaning: 'The USB host controller does not stop an endpoint',
    next: REBIND,
  },
  {
    ...ERROR,
    id: 'xhci/abort',
    ...line(['Abort failed to stop command ring', 'No stop event for abort, ring start fail?'], {
      after: `(?:: ${ERRNO})?`,
    }),
    meaning: 'The USB host controller does not stop its commands',
    next: REBIND,
  },
  {
    ...ERROR,
    id: 'xhci/command-timeout',
    ...line([
      'Timeout while waiting for setup device command',
      'Timeout while waiting for setup address command',
      'Timeout while waiting for setup context command',
      'Timeout while waiting for configure endpoint command',
      'Timeout while waiting for evaluate context command',
      'Timeout waiting for reset device command',
      'Timeout while waiting for a slot',
      'Error while assigning device slot ID',
    ]),
    meaning: 'The USB host controller does not finish a command',
    next: REBIND,
  },
  {
    ...ERROR,
    id: 'xhci/system-error',
    ...line(['WARNING: Host System Error', 'WARNING: Host Controller Error']),
    meaning: 'The USB host controller fails to reach the memory of the machine',
    next: 'Look for DMA and PCIe errors of this controller; lspci -vvv',
  },
  {
    ...ERROR,
    id: 'xhci/halt',
    ...line(
      ['Host halt failed, ', 'Host took too long to start, waited ', 'Controller not ready at resume '],
      {
        after: `(?:${ERRNO})?`,
      },
    ),
    meaning: 'The USB host controller does not change its state',
    next: REBIND,
  },
  {
    ...ERROR,
    id: 'xhci/resume',
    ...line('PCI post-resume error ', { after: ERRNO }),
    meaning: 'The USB host controller does not come back from sleep',
    next: REBIND,
    source: 'drivers/usb/core/hcd-pci.c',
  },
  {
    ...ERROR,
    id: 'xhci/resources',
    ...line('Not enough host controller resources for new device state'),
    meaning: 'The USB host controller has no room for another device',
    next: 'Fewer devices, or another controller: lsusb -t',
  },
  {
    ...PROBE,
    id: 'usb/host-setup',
    ...line(["can't setup: ", 'startup error '], {
      driver: '(?:[a-z]{0,2}hci|dwc2|musb)[\\w-]{0,16}',
      after: ERRNO,
    }),
    meaning: 'The driver of a USB host controller does not start it',
    next: 'Clocks, regulators and PHY of the controller: cat /sys/kernel/debug/devices_deferred; firmware of the card',
    when: [DEFERRED],
    source: 'drivers/usb/core/hcd.c',
  },
  {
    ...FOLLOWS,
    id: 'xhci/status',
    ...line(['USBSTS: HCHalted', 'USBSTS: 0x']),
    meaning: 'The driver prints the state of the dead USB host controller',
    next: 'Read the first line of this controller',
  },
  {
    ...FOLLOWS,
    id: 'xhci/lost-transfer',
    ...line(['ERROR Transfer event TRB DMA ptr not part of current TD', 'ERROR unknown event type ']),
    meaning: 'Driver and USB host controller disagree on what is transferred',
    next: 'Read what the device said before; a newer kernel',
    rate: { count: 5, withinS: 30 },
  },
  {
    ...NOISE,
    id: 'xhci/noise',
    ...line([
      'WARN Set TR Deq Ptr cmd failed',
      'WARN Event TRB for slot ',
      'with no TDs queued',
      'WARN: TRB error on endpoint',
      'WARN Successful completion on short TX',
      'WARN: buffer overrun event for slot',
      'xHC error in resume, USBSTS ',
      'WARN: xHC save state timeout',
      'resume PLC timeout',
      'Trying to add endpoint 0x',
      'supports USB 3.0 SuperSpeed but ',
    ]),
    meaning: 'The xHCI driver says something that stands for nothing by itself',
  },
  {
    ...ERROR,
    id: 'ehci/fatal',
    ...line('fatal error', { driver: '[eo]hci[\\w-]{0,16}' }),
    meaning: 'The USB host controller stops after an error it can not mend',
    next: REBIND,
    source: 'drivers/usb/host/ehci-hcd.c',
  },
  {
    ...ERROR,
    id: 'ehci/halted',
    ...line([
      'force halt; handshake ',
      'host controller halted, very bad!',
      'OHCI Unrecoverable Error, disabled',
    ]),
    meaning: 'The USB host controller halts',
    next: REBIND,
    source: 'drivers/usb/host/ehci-timer.c, uhci-hcd.c, ohci-hcd.c',
  },
  {
    ...ERROR,
    id: 'uhci/error',
    ...line([
      'host system error, PCI problems?',
      'host controller process error, something bad happened!',
      'frame counter not updating; disabled',
    ]),
    meaning: 'The USB host controller reports an error of its own',
    next: REBIND,
    source: 'drivers/usb/host/uhci-hcd.c, ohci-hcd.c',
  },
  {
    ...ERROR,
    id: 'musb/vbus',
    ...line('VBUS_ERROR in ', { after: '(?:a|b)_\\w{2,20}' }),
    meaning: 'The voltage of the USB port falls below what the controller accepts',
    next: 'Measure the 5 V of the port; powered hub',
    source: 'drivers/usb/musb/musb_core.c',
  },
  {
    ...ERROR,
    id: 'dwc2/hang',
    ...line(': HANG! ', { before: 'dwc2_\\w{3,40}' }),
    meaning: 'The USB controller does not finish a reset or a flush',
    next: 'PHY clock and supply of the controller; g-np-tx-fifo-size and dr_mode of the device tree',
    source: 'drivers/usb/dwc2/core.c',
  },
  {
    ...ERROR,
    role: 'symptom',
    id: 'dwc2/channel',
    ...line(['ChHltd set, but reason is unknown', 'FIQ timed out. Data may have been lost']),
    meaning: 'The USB controller stops a transfer and says no reason',
    next: 'Another cable, then another port, then a powered hub',
    source: 'drivers/usb/dwc2/hcd_intr.c, dwc_otg of Raspberry Pi kernels',
  },
  {
    ...GADGET,
    id: 'dwc2/setup-queue',
    ...line('failed queue (', { before: 'dwc2_hsotg_enqueue_setup: ', after: `${ERRNO}\\)` }),
    meaning: 'The gadget can no longer take requests of its host',
    next: 'Unplug and plug the cable; unbind and bind the UDC: echo "" > .../UDC',
  },
  {
    ...GADGET,
    id: 'dwc2/endpoint-timeout',
    ...line(
      ['timeout GINTSTS.', 'timeout DOEPCTL.EPDisable', 'timeout DIEPCTL.EPDisable', 'timeout GRSTCTL.'],
      {
        before: 'dwc2_\\w{3,40}: ',
      },
    ),
    meaning: 'The gadget controller does not stop an endpoint',
    next: 'Unbind and bind the UDC; a newer kernel',
  },
  {
    ...GADGET,
    id: 'dwc3/setup-phase',
    ...line('timed out waiting for SETUP phase'),
    meaning: 'The host does not begin the next request of the gadget in time',
    next: 'Unplug and plug the cable; look at the log of the host',
  },
  {
    ...PROBE,
    id: 'dwc3/core',
    ...line('failed to initialize core', { after: `: ${ERRNO}`, driver: 'dwc3' }),
    meaning: 'The USB controller of the board does not start',
    next: 'PHYs, clocks and resets of its node in the device tree; cat /sys/kernel/debug/devices_deferred',
    when: [DEFERRED],
    source: 'drivers/usb/dwc3/core.c',
  },
  {
    ...PROBE,
    class: 'config-error',
    blame: 'config',
    id: 'gadget/no-controller',
    ...line("couldn't find an available UDC"),
    meaning: 'No USB device controller is free for the gadget',
    next: 'ls /sys/class/udc; dr_mode = "peripheral" or "otg" in the device tree; only one gadget a controller',
    source: 'drivers/usb/gadget/udc/core.c',
  },
  {
    ...PROBE,
    id: 'gadget/start',
    ...line('failed to start ', {
      before: '(?:configfs-gadget|UDC core|udc)[\\w .:-]{0,40}: ',
      after: `[\\w.-]{1,40}: ${ERRNO}`,
    }),
    meaning: 'A gadget does not start',
    next: 'Functions and endpoints of the gadget: ls /sys/kernel/config/usb_gadget/*/functions',
    source: 'drivers/usb/gadget',
  },
];
