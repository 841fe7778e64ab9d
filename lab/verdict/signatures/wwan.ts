/** Drivers of modems on USB: network (QMI, MBIM, NCM), control channels, serial ports. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const NET = { source: 'drivers/net/usb of Linux 3.18 to 6.12' } as const;
const SERIAL = { source: 'drivers/usb/serial, drivers/usb/class' } as const;
const WRONG = { class: 'wrong-driver', blame: 'config', role: 'root', ...NET } as const;
const PROBE = { class: 'probe-fail', blame: 'product', role: 'symptom', ...NET } as const;
const FOLLOWS = { class: 'usb-error', blame: 'lab', role: 'consequence', ...SERIAL } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do', ...SERIAL } as const;
const MARKER = { ...NOISE, role: 'marker' } as const;

/** The name of the network interface, after the one of the USB interface. */
const NETDEV = '(?:(?<= )[\\w.-]{1,15}: )?';
const ERRNO = '-(?<errno>\\d{1,3})';
const TREE =
  'lsusb -t and lsusb -v: which driver has which interface? Another bConfigurationValue or usb_modeswitch; the table of the driver';
const BUS = 'Look at what the USB bus says of this device, and whether the modem restarted';
const DRIVERS = ['qmi_wwan', 'cdc_mbim', 'huawei_cdc_ncm', 'cdc_ncm', 'sierra_net', 'qcserial'];
const NETS = ['qmi_wwan', 'cdc_mbim', 'huawei_cdc_ncm', 'cdc_ncm', 'cdc_ether', 'rndis_host', 'sierra_net'];

export const wwan: readonly Signature[] = [
  {
    ...MARKER,
    id: 'wwan/registered',
    ...line(
      NETS.map((name) => `register '${name}' at `),
      { before: NETDEV },
    ),
    meaning: 'The network interface of a modem appears',
  },
  {
    ...MARKER,
    id: 'wwan/serial-attached',
    ...line('converter now attached to ttyUSB', { before: '\\w[\\w ()./-]{2,60}' }),
    meaning: 'A serial port of a modem appears',
  },
  {
    ...MARKER,
    id: 'wwan/acm-attached',
    ...line(': USB ACM device', { before: 'ttyACM\\d{1,3}' }),
    meaning: 'A serial port of a modem appears',
  },
  {
    ...FOLLOWS,
    class: 'usb-disconnect',
    id: 'wwan/serial-gone',
    ...line([' now disconnected from ttyUSB', ' now disconnected from ttyACM'], {
      before: '\\w[\\w ()./-]{2,60}',
    }),
    meaning: 'A serial port goes away with its device or its driver',
    next: BUS,
  },
  {
    ...PROBE,
    id: 'wwan/probe',
    literals: DRIVERS.flatMap((name) => [
      `${name}: probe of `,
      `probe with driver ${name} failed with error`,
    ]),
    pattern: new RegExp(
      '(?<=(?:(?<module>[a-z_]{6,16}): probe of )?)(?<device>\\d{1,3}-[\\d.]{1,20}:[\\d.]{3,6}):? ' +
        '(?:probe with driver [a-z_]{6,16} )?failed with error -(?<errno>\\d{1,3})',
    ),
    meaning: 'The driver finds no modem where its table of devices says there is one',
    next: TREE,
  },
  {
    ...WRONG,
    role: 'hint',
    id: 'qmi_wwan/union',
    ...line('bogus CDC Union: master='),
    meaning: 'The interface that qmi_wwan is bound to is not the one with the control channel',
    next: TREE,
    confirmedBy: ['wwan/probe'],
  },
  {
    ...PROBE,
    id: 'qmi_wwan/subdriver',
    ...line('subdriver registration failed'),
    meaning: 'The control channel of the modem does not come up',
    next: TREE,
  },
  {
    ...PROBE,
    class: 'config-error',
    blame: 'config',
    id: 'qmi_wwan/running',
    ...line('Cannot change a running device', { before: NETDEV }),
    meaning: 'The framing of the modem is changed while its interface is up, which has no effect',
    next: 'ip link set wwan0 down; echo Y > /sys/class/net/wwan0/qmi/raw_ip; ip link set wwan0 up',
  },
  {
    ...WRONG,
    id: 'cdc_ncm/descriptors',
    ...line([
      'CDC Union missing and no IAD found',
      'NCM or ECM functional descriptors missing',
      'MBIM functional descriptor missing',
      'CDC descriptors missing',
    ]),
    meaning: 'The driver is bound to an interface that is not what it drives',
    next: TREE,
  },
  {
    ...PROBE,
    id: 'cdc_ncm/parameters',
    ...line(['failed GET_NTB_PARAMETERS', 'SET_NTB_FORMAT failed', 'failed SET_CRC_MODE'], {
      before: NETDEV,
    }),
    meaning: 'The modem does not answer when its network interface is set up',
    next: 'One cold power cycle of the modem; another configuration: bConfigurationValue',
  },
  {
    ...PROBE,
    id: 'cdc_ncm/bind',
    ...line('bind() failure', { before: NETDEV }),
    meaning: 'The driver gives up on the network interface of the modem',
    next: TREE,
  },
  {
    ...WRONG,
    id: 'qcserial/layout',
    ...line(['unknown number of interfaces: ', 'unsupported device layout type: ']),
    meaning: 'The modem has another set of interfaces than the table of qcserial says',
    next: TREE,
    ...SERIAL,
  },
  {
    ...WRONG,
    role: 'symptom',
    id: 'usbserial/generic',
    ...line('usb-serial driver is only for testing', { before: 'The "generic" ' }),
    meaning: 'No driver knows the modem, so that the generic serial driver was forced on it',
    next: 'A newer kernel; its ids into the table of option: echo VID PID > /sys/bus/usb-serial/drivers/option1/new_id',
    source: 'drivers/usb/serial/generic.c',
  },
  {
    ...PROBE,
    class: 'usb-error',
    id: 'wwan/set-interface',
    ...line('Could not set interface, error ', { after: ERRNO }),
    meaning: 'An interface of the modem does not take its setting',
    next: BUS,
    ...SERIAL,
  },
  {
    ...PROBE,
    class: 'fw-crash',
    role: 'root',
    id: 'wwan/download-mode',
    ...line([
      'New USB device found, idVendor=05c6, idProduct=9008',
      'Product: QHSUSB__BULK',
      'Product: QUSB_BULK_CID',
      'Product: QHSUSB_DLOAD',
      'Product: QUSB__BULK',
    ]),
    meaning: 'The modem is in the download mode of its boot ROM: its firmware is broken or has crashed',
    next: 'One cold power cycle; if it comes back like this, its firmware has to be written again',
    source: 'USB names of Qualcomm chips',
  },
  {
    ...PROBE,
    class: 'no-data',
    role: 'consequence',
    id: 'usbnet/kevent',
    ...line(' may have been dropped', { before: `${NETDEV}kevent \\w{1,24}` }),
    meaning: 'Events of the modem come faster than they are handled',
    next: 'ip -s link: do the counters move? A few such lines are noise',
    rate: { count: 20, withinS: 60 },
  },
  {
    ...PROBE,
    class: 'no-data',
    id: 'usbnet/nothing-received',
    ...line('stop stats: rx/tx 0/', { before: NETDEV, after: '[1-9]\\d{1,12}' }),
    meaning: 'Data was sent to the modem, and none came back',
    next: 'ip -s link; raw-IP or 802.3 framing: cat /sys/class/net/wwan0/qmi/raw_ip; another APN',
  },
  {
    ...FOLLOWS,
    id: 'cdc-wdm/urb',
    ...line(['usb_submit_urb failed with result ', 'Tx URB error: ', 'Error in flush path: '], {
      before: '(?:\\w{3,30} - )?',
      after: ERRNO,
    }),
    meaning: 'The control channel of the modem is gone',
    next: BUS,
    source: 'drivers/usb/class/cdc-wdm.c',
  },
  {
    ...FOLLOWS,
    role: 'symptom',
    id: 'cdc-wdm/stall',
    ...line('Stall on int endpoint'),
    meaning: 'The modem refuses what it is sent on its control channel',
    next: 'Restart the modem manager; one cold power cycle of the modem',
    source: 'drivers/usb/class/cdc-wdm.c',
  },
  {
    ...FOLLOWS,
    id: 'wwan/urb-status',
    ...line(
      ['nonzero urb status received: ', 'nonzero urb status: ', 'nonzero write bulk status received: '],
      {
        before: '(?:\\w{3,40} ?-? )?',
        after: `(?:${ERRNO})?`,
      },
    ),
    meaning: 'A serial port or control channel of the modem breaks off',
    next: BUS,
  },
  {
    ...FOLLOWS,
    id: 'wwan/serial-urb',
    ...line(
      [
        'resubmit read urb failed.',
        'option_instat_callback: error ',
        'nonzero status: -',
        'urb stopped: -',
        'failed submission with -',
        'usb_submit_urb(ctrl irq) failed',
        'usb_submit_urb(read bulk) failed: ',
      ],
      { before: '(?:(?!tty)\\w{3,40}(?:: | - ))?(?:urb \\d{1,2} )?' },
    ),
    meaning: 'A serial port of the modem breaks off',
    next: BUS,
  },
  {
    ...NOISE,
    id: 'wwan/noise',
    ...line([
      'This device cannot do calls on its own. It is not a modem.',
      'failed to set dtr/rts',
      'Zero length descriptor references',
      'unexpected notification 0x',
      'setting rx_max = ',
      'setting tx_max = ',
      'open: enable queueing (rx ',
      'Setting NTB Input Size failed',
    ]),
    meaning: 'A driver of a modem says something that needs no care',
  },
];
