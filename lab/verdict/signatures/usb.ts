/** The USB core: hubs and enumeration. Configurations: usb-config.ts; host controllers and gadgets: usb-host.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const HUB = { source: 'drivers/usb/core/hub.c of Linux 6.1 and 6.12' } as const;
const ERROR = { class: 'usb-error', blame: 'lab', role: 'root', ...HUB } as const;
const SYMPTOM = { class: 'usb-error', blame: 'lab', role: 'symptom', ...HUB } as const;
const NOISE = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  source: 'drivers/usb/core of Linux 6.1 and 6.12',
} as const;

const CABLE = 'Another cable, then another port, then a powered hub; lsusb -t; uhubctl to cycle the port';
const ERRNO = '-(?<errno>\\d{1,3})';
/** The device or the whole controller is gone already. */
const GONE = {
  group: 'errno',
  is: ['19', '108'],
  means: { role: 'consequence', meaning: 'The device or its host controller is already gone' },
} as const;
const ENUMERATED = { signatures: ['usb/new-device'], withinS: 6 } as const;

export const usb: readonly Signature[] = [
  {
    ...NOISE,
    role: 'marker',
    id: 'usb/new-device',
    ...line('New USB device found, idVendor='),
    meaning: 'A USB device is enumerated',
  },
  {
    ...ERROR,
    id: 'usb/descriptor-read',
    ...line('device descriptor read/', { after: `\\w{1,6}(?:, error ${ERRNO})?` }),
    meaning: 'The device does not answer the first requests of enumeration',
    next: CABLE,
    when: [GONE],
    endedBy: ENUMERATED,
  },
  {
    ...ERROR,
    id: 'usb/address',
    ...line('device not accepting address ', { after: `\\d{1,3}(?:, error ${ERRNO})?` }),
    meaning: 'The device does not take the address it is given',
    next: CABLE,
    when: [GONE],
    endedBy: ENUMERATED,
  },
  {
    ...ERROR,
    id: 'usb/setup',
    ...line('Device not responding to setup ', { after: '(?:address|context)?' }),
    meaning: 'The device does not answer while its address is set',
    next: CABLE,
    endedBy: ENUMERATED,
    source: 'drivers/usb/host/xhci.c',
  },
  {
    ...ERROR,
    id: 'usb/enumerate',
    ...line('unable to enumerate USB device'),
    meaning: 'The hub gives up on what is plugged into a port',
    next: CABLE,
  },
  {
    ...SYMPTOM,
    id: 'usb/power-cycle',
    ...line('attempt power cycle'),
    meaning: 'The hub cycles the power of a port whose device does not enumerate',
    next: CABLE,
  },
  {
    ...ERROR,
    class: 'usb-disconnect',
    id: 'usb/emi',
    ...line('disabled by hub (EMI?), re-enabling'),
    meaning: 'The hub switches a port off after line errors, so that its device drops from the bus',
    next: 'Shorter or shielded cable, distance to radios and motors; check the supply of the hub',
  },
  {
    ...ERROR,
    id: 'usb/over-current',
    ...line(['over-current condition', 'over-current change', 'Over-current condition on port']),
    meaning: 'A port takes more current than the hub gives',
    next: 'Powered hub, or a device with its own supply; measure the current of the port',
  },
  {
    ...NOISE,
    id: 'usb/over-current-protection',
    ...line('over-current protection'),
    meaning: 'A hub says how it guards its ports',
  },
  {
    ...SYMPTOM,
    class: 'usb-disconnect',
    id: 'usb/disconnect',
    ...line(['USB disconnect, device number ', 'USB disconnect, address ']),
    meaning: 'A device drops from the bus',
    next: 'What did the log, the power switch and the modem do just before? Else cable, hub, supply',
  },
  {
    ...SYMPTOM,
    id: 'usb/resets',
    ...line(
      [
        'reset high-speed USB device number ',
        'reset full-speed USB device number ',
        'reset low-speed USB device number ',
        'reset SuperSpeed USB device number ',
        'reset SuperSpeed Gen 1 USB device number ',
        'reset SuperSpeed Plus Gen 2 USB device number ',
        'reset SuperSpeed Plus Gen 2x1 USB device number ',
      ],
      {},
    ),
    meaning: 'A driver resets its device again and again',
    next: 'Read what the driver says before each reset; another cable or port; usbcore.autosuspend=-1',
    rate: { count: 4, withinS: 60 },
  },
  {
    ...ERROR,
    id: 'usb/port-reset',
    ...line(['cannot reset (err = ', 'cannot warm reset (err = '], { after: ERRNO }),
    meaning: 'A port can not be reset',
    next: CABLE,
    when: [GONE],
  },
  {
    ...ERROR,
    id: 'usb/bad-cable',
    ...line('annot enable. Maybe the USB cable is bad?'),
    meaning: 'A port does not come up after its reset',
    next: CABLE,
  },
  {
    ...SYMPTOM,
    id: 'usb/hub-status',
    ...line(
      ['hub_ext_port_status failed (err = ', 'hub_port_status failed (err = ', 'cannot disable (err = '],
      {
        after: ERRNO,
      },
    ),
    meaning: 'A hub does not tell the state of its ports',
    next: CABLE,
    when: [GONE],
  },
  {
    ...ERROR,
    id: 'usb/hub-config',
    ...line(
      [
        "config failed, can't read hub descriptor",
        "config failed, can't get hub status",
        "config failed, hub doesn't have any ports!",
        'config failed, hub has too many ports!',
      ],
      { after: `(?: \\(err ${ERRNO}\\))?` },
    ),
    meaning: 'A hub can not be set up, so that nothing behind it appears',
    next: CABLE,
    when: [GONE],
  },
  {
    ...SYMPTOM,
    id: 'usb/hub-power',
    ...line('insufficient power available to use all downstream ports'),
    meaning: 'A hub without a supply of its own can not feed all its ports',
    next: 'Give the hub its power supply',
  },
  {
    ...SYMPTOM,
    id: 'usb/string',
    ...line('string descriptor 0 read error: ', { after: ERRNO }),
    meaning: 'The names of the device can not be read',
    next: CABLE,
    when: [
      {
        group: 'errno',
        is: ['22', '32', '61', '75'],
        means: { role: 'benign', meaning: 'The device has no names' },
      },
      GONE,
    ],
    source: 'drivers/usb/core/message.c',
  },
  {
    ...SYMPTOM,
    id: 'usb/resume',
    ...line(["can't resume, status ", 'reset_resume error '], { after: ERRNO }),
    meaning: 'The device does not come back from sleep',
    next: 'echo on > /sys/bus/usb/devices/.../power/control; usbcore.quirks=VID:PID:b',
    when: [GONE],
  },
  {
    ...ERROR,
    id: 'usb/bandwidth',
    ...line(['Not enough bandwidth for new device state', 'Not enough bandwidth for altsetting']),
    meaning: 'The bus has no bandwidth left for the device',
    next: 'Other port or controller: lsusb -t shows what shares the bus',
    source: 'drivers/usb/host/xhci.c, drivers/usb/core/message.c',
  },
  {
    ...NOISE,
    id: 'usb/noise',
    ...line([
      'not running at top speed; connect to a high speed hub',
      'root hub lost power or was reset',
      'device-initiated U1 failed',
      'device-initiated U2 failed',
      'string descriptor 0 malformed',
      ' did not claim interface ',
    ]),
    meaning: 'The USB core says something that needs no care',
  },
];
