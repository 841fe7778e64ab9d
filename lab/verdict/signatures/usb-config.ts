/** Configurations of USB devices, and dongles that stay a disc with drivers. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const CABLE = 'Another cable, then another port, then a powered hub; lsusb -t; uhubctl to cycle the port';
const ERRNO = '-(?<errno>\\d{1,3})';
const ERROR = {
  class: 'usb-error',
  blame: 'lab',
  role: 'root',
  source: 'drivers/usb/core/config.c',
} as const;
const CONFIG = {
  class: 'wrong-usb-config',
  blame: 'config',
  role: 'root',
  source: 'drivers/usb/core/generic.c, message.c',
} as const;
const NOISE = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
  source: 'drivers/usb/core of Linux 6.1 and 6.12',
} as const;
/** The device or the whole controller is gone already. */
const GONE = {
  group: 'errno',
  is: ['19', '108'],
  means: { role: 'consequence', meaning: 'The device or its host controller is already gone' },
} as const;

const ENUMERATED = { signatures: ['usb/new-device'], withinS: 6 } as const;

/** Vendors of modems and radios whose first face is a disc with their drivers. */
const DONGLES =
  '(?:HUAWEI|ZTE|ONDA|Sierra|SWI|NOVATEL|Novatel|Option|GTM|USBModem|Qualcomm|Vodafone|ALCATEL|Alcatel|MBB|D-Link|T-Mobile|HSDPA|HSPA|LTE|4G|Mobile|CELOT|LG|PANTECH|Pantech|Quectel|Fibocom|SIMCOM|Telit|Realtek|RALINK|Ralink|MediaTek|MEDIATEK|Generic|TP-LINK|TP-Link)';

export const usbConfig: readonly Signature[] = [
  {
    ...ERROR,
    id: 'usb/read-config',
    ...line('unable to read config index ', { after: `\\d{1,3}(?: descriptor/\\w{1,8}: ${ERRNO})?` }),
    meaning: 'The descriptors of a configuration can not be read',
    next: CABLE,
    when: [GONE],
    endedBy: ENUMERATED,
    source: 'drivers/usb/core/config.c',
  },
  {
    ...ERROR,
    id: 'usb/read-configs',
    ...line("can't read configurations, error ", { after: ERRNO }),
    meaning: 'Enumeration ends because the configurations of the device can not be read',
    next: CABLE,
    when: [GONE],
    endedBy: ENUMERATED,
  },
  {
    ...ERROR,
    id: 'usb/short-config',
    ...line([' descriptor too short (expected ', 'too few configurations; '], { after: '' }),
    meaning: 'The device sends less of its descriptors than it announces',
    next: 'lsusb -v -d VID:PID; another cable; the firmware of the device',
    source: 'drivers/usb/core/config.c',
  },
  {
    ...NOISE,
    id: 'usb/odd-descriptors',
    ...line([
      'has an invalid interface number: ',
      'has no interface number ',
      'has an invalid interface descriptor of length',
      'has a duplicate endpoint with address',
      ' has invalid maxpacket ',
      ' has an invalid bInterval ',
      'Duplicate descriptor for config ',
      'has an endpoint descriptor with address',
      'different from the interface descriptor',
    ]),
    meaning: 'The device describes itself in an odd way that the kernel mends',
  },
  {
    ...CONFIG,
    id: 'usb/set-config',
    ...line("can't set config #", { after: `\\d{1,3}(?:, error ${ERRNO})?` }),
    meaning: 'The device does not take its configuration',
    next: 'cat /sys/bus/usb/devices/*/bConfigurationValue; lsusb -v; write another value to bConfigurationValue',
    when: [
      GONE,
      {
        group: 'errno',
        is: ['71', '110', '32', '62', '84'],
        means: {
          class: 'usb-error',
          blame: 'lab',
          meaning: 'The device does not answer while its configuration is set',
          next: CABLE,
        },
      },
      {
        group: 'errno',
        is: ['28'],
        means: { blame: 'lab', meaning: 'The bus has no bandwidth left for the configuration' },
      },
    ],
  },
  {
    ...CONFIG,
    blame: 'lab',
    id: 'usb/bus-power',
    ...line('due to insufficient available bus power', { before: 'rejected \\d{1,2} configurations? ' }),
    meaning: 'No configuration is used because the port gives too little current for it',
    next: 'Powered hub between board and device',
  },
  {
    ...CONFIG,
    id: 'usb/no-config',
    ...line('no configuration chosen from '),
    meaning: 'The kernel finds no configuration of the device it can use',
    next: 'lsusb -v -d VID:PID; write a value to bConfigurationValue',
  },
  {
    ...CONFIG,
    id: 'usb/disc-mode',
    literals: ['CD-ROM            '],
    pattern: new RegExp(`(?:scsi|sr) (?:host)?[\\d:]{1,16}:? {0,2}CD-ROM {12}${DONGLES}[^\\n]{0,40} PQ: \\d`),
    meaning: 'A modem or radio shows only the disc with its drivers, not its real face',
    next: 'usb_modeswitch -v VID -p PID (package usb-modeswitch), or eject /dev/sr0; lsusb must show another product id',
    endedBy: {
      signatures: ['wwan/registered', 'wwan/serial-attached', 'wwan/acm-attached'],
      withinS: 90,
    },
    source: 'drivers/scsi/scsi_scan.c',
  },
  {
    ...NOISE,
    role: 'marker',
    id: 'usb/storage',
    ...line('USB Mass Storage device detected'),
    meaning: 'A disc is found on USB, which a modem is too before its mode switch',
    source: 'drivers/usb/storage/usb.c',
  },
  {
    class: 'wrong-usb-config',
    blame: 'config',
    role: 'root',
    id: 'usb/modeswitch-disabled',
    literals: ['usb_modeswitch: switching disabled, no action for '],
    pattern: /no action for (?<device>[\da-f]{4}:[\da-f]{4})/,
    meaning: 'The mode switch of dongles is turned off',
    next: 'DisableSwitching=0 in /etc/usb_modeswitch.conf, then plug the dongle in again',
    source: 'usb_modeswitch of Debian 12',
  },
  {
    class: 'usb-error',
    blame: 'lab',
    role: 'symptom',
    id: 'usb/uas-abort',
    ...line('uas_eh_abort_handler ', { before: '(?:tag#\\d{1,4} )?' }),
    meaning: 'A disc does not finish what it is asked',
    next: 'usb-storage.quirks=VID:PID:u, another cable or port',
    source: 'drivers/usb/storage/uas.c',
  },
  {
    class: 'usb-error',
    blame: 'lab',
    role: 'consequence',
    id: 'usb/uas-command',
    ...line('cmd cmplt err ', { after: ERRNO }),
    meaning: 'A command to a disc ends with an error',
    next: 'Look for what the host controller says before it',
    source: 'drivers/usb/storage/uas.c',
  },
  {
    class: 'usb-error',
    blame: 'lab',
    role: 'consequence',
    id: 'usb/usbfs-control',
    ...line('USBDEVFS_CONTROL failed cmd ', { after: `[^\\n]{0,120} ret ${ERRNO}` }),
    meaning: 'A program talks to a device that does not answer',
    next: 'Look at what the bus says of this device',
    source: 'drivers/usb/core/devio.c',
  },
];
