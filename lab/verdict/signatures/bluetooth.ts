/** Bluetooth: the HCI core, its USB and UART transports, bluetoothd. What drivers of chips say: bluetooth-vendor.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const CORE = { source: 'net/bluetooth of Linux 6.1 and 6.12' } as const;
const USB = { source: 'drivers/bluetooth/btusb.c of Linux 6.1 and 6.12' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root', ...CORE } as const;
const SYMPTOM = { class: 'fw-timeout', blame: 'product', role: 'symptom', ...CORE } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do', ...CORE } as const;

const RESET =
  'Read the firmware lines of this hci; unbind and bind its driver, then one cold power cycle; btmon -w trace.snoop';

export const bluetooth: readonly Signature[] = [
  {
    ...TIMEOUT,
    id: 'bluetooth/command-timeout',
    ...line(' tx timeout', { driver: 'Bluetooth:', before: '(?:command|Opcode)(?: 0x[0-9a-f]{4})?' }),
    meaning: 'The Bluetooth controller does not answer a command',
    next: RESET,
  },
  {
    ...SYMPTOM,
    class: 'tx-stall',
    id: 'bluetooth/link-timeout',
    ...line(['link tx timeout', 'killing stalled connection '], { driver: 'Bluetooth:' }),
    meaning: 'The controller no longer sends what is queued for a connection',
    next: 'Distance and interference; btmon -w trace.snoop; look for command timeouts',
  },
  {
    ...SYMPTOM,
    id: 'bluetooth/opcode-failed',
    ...line(' failed: -', {
      driver: 'Bluetooth:',
      before: 'Opcode 0x ?[0-9a-f]{3,4}',
      after: '(?<errno>\\d{1,3})',
    }),
    meaning: 'The Bluetooth controller refuses a command',
    next: RESET,
    when: [
      { group: 'errno', is: ['16', '38', '56', '95', '125'], means: { role: 'benign' } },
      {
        group: 'errno',
        is: ['110'],
        means: { meaning: 'The Bluetooth controller does not answer a command' },
      },
      { group: 'errno', is: ['19', '108', '100', '132'], means: { role: 'consequence' } },
    ],
  },
  {
    ...TIMEOUT,
    class: 'fw-crash',
    id: 'bluetooth/hardware-error',
    ...line(['hardware error 0x', 'Hardware error 0x'], {
      driver: 'Bluetooth:',
      after: '(?<reason>[0-9a-f]{2})',
    }),
    meaning: 'The firmware of the Bluetooth controller reports an error and is restarted',
    next: 'cat /sys/class/devcoredump/*/data > dump; btmon -w trace.snoop; newer firmware',
  },
  {
    ...SYMPTOM,
    class: 'usb-error',
    blame: 'lab',
    id: 'bluetooth/corrupt',
    ...line(['corrupted SCO packet', 'corrupted ACL packet', 'corrupted event packet', 'corrupted event'], {
      driver: 'Bluetooth:',
    }),
    meaning: 'What the Bluetooth controller sends arrives damaged',
    next: 'Another cable or port; newer firmware',
    rate: { count: 3, withinS: 60 },
    ...USB,
  },
  {
    ...SYMPTOM,
    class: 'usb-error',
    blame: 'lab',
    role: 'consequence',
    id: 'bluetooth/urb',
    ...line([' failed to resubmit (', ' submission failed ('], {
      driver: 'Bluetooth:',
      before: 'urb [\\w()]{1,20}',
      after: '-?(?<errno>\\d{1,3})\\)',
    }),
    meaning: 'The Bluetooth controller can not be reached on USB',
    next: 'Look at what the bus says of this device',
    ...USB,
  },
  {
    ...SYMPTOM,
    id: 'bluetooth/usb-reset',
    ...line(
      ['Resetting usb device.', 'last reset failed? Not resetting again', 'Initiating HW reset via gpio'],
      {
        driver: 'Bluetooth:',
      },
    ),
    meaning: 'The driver resets a Bluetooth controller that does not answer',
    next: RESET,
    ...USB,
  },
  {
    ...SYMPTOM,
    id: 'bluetooth/frame',
    ...line('Frame reassembly failed (', { driver: 'Bluetooth:', after: '-?(?<errno>\\d{1,3})\\)' }),
    meaning: 'What the Bluetooth controller sends on its UART arrives garbled',
    next: 'Speed and flow control of the UART: max-speed and uart-has-rtscts of the device tree',
    rate: { count: 3, withinS: 30 },
    source: 'drivers/bluetooth/hci_ldisc.c, hci_serdev.c',
  },
  {
    ...SYMPTOM,
    id: 'bluetooth/baud-rate',
    ...line(['Failed to set baudrate', 'failed to set baudrate'], { driver: 'Bluetooth:' }),
    meaning: 'The speed of the UART to the Bluetooth controller can not be changed',
    next: RESET,
    role: 'consequence',
    source: 'drivers/bluetooth/hci_bcm.c, hci_ldisc.c',
  },
  {
    ...TIMEOUT,
    id: 'bluetooth/attach',
    literals: ['Initialization timed out.', "Can't initialize device: "],
    pattern:
      /Initialization timed out\.|Can't initialize device: (?:Success|Connection timed out|Input\/output error|Invalid argument)/,
    meaning: 'The Bluetooth controller does not answer on its UART',
    next: 'Another program on the UART? Its speed, flow control, the enable GPIO of the chip',
    source: 'hciattach of bluez',
  },
  {
    ...SYMPTOM,
    class: 'rfkill',
    blame: 'config',
    role: 'root',
    id: 'bluetooth/rfkill',
    literals: ['Failed to set mode: Blocked through rfkill'],
    pattern: null,
    meaning: 'Bluetooth is switched off by rfkill',
    next: 'rfkill unblock bluetooth; rfkill list',
    source: 'bluetoothd',
  },
  {
    ...NOISE,
    id: 'bluetooth/noise',
    ...line([
      'command is advertised, but not supported',
      'HCI Set Event Filter command not supported',
      'Reading supported features failed (-16)',
      'Unbranded CSR clone detected; adding workarounds',
      "CSR: Couldn't suspend the device for our Barrot",
      'CSR: Failed to suspend the device for our Barrot',
      'unexpected event for opcode 0x',
      'Malformed MSFT vendor event: 0x',
      'advertising data len corrected',
      'for unknown connection handle ',
      'packet for unknown connection handle',
      'unexpected cc 0x',
      'Ignoring HCI_Connection_Complete for existing connection',
      'Failed to read codec capabilities (',
      'Failed to read MSFT supported features (',
      'No support for _PRR ACPI method',
      'unknown advertising packet type: 0x',
      'SMP security requested but not available',
      'setting interface failed (',
      'Failed to set privacy: Rejected (0x0b)',
      'Sap driver initialization failed',
      'sap-server: Operation not permitted',
    ]),
    meaning: 'Bluetooth says something that needs no care: a missing ability, a late event',
  },
];
