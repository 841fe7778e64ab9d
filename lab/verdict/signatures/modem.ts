/** Modems without ModemManager: AT commands, uqmi, umbim, comgt, qmicli, mbimcli. SIM cards: sim.ts; dialling: ppp.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const OPENWRT = { source: 'qmi.sh, mbim.sh, ncm.sh, 3g.sh of OpenWrt 15 to 24' } as const;
const AT = { source: '3GPP TS 27.007, 27.005, V.250' } as const;
const CLI = { source: 'qmicli, mbimcli, uqmi' } as const;
const MODEM = { class: 'modem-at-error', blame: 'product', role: 'root' } as const;
const REFUSED = { class: 'modem-at-error', blame: 'product', role: 'symptom' } as const;
const NETWORK = { class: 'assoc-fail', blame: 'config', role: 'root' } as const;
const SILENT = { class: 'fw-timeout', blame: 'product', role: 'root' } as const;
const NO_DATA = { class: 'no-data', blame: 'product', role: 'symptom' } as const;

/** What netifd passes on: `netifd: wan (1234): `. */
const CHILD = '(?<device>[\\w.-]{1,20}) \\(\\d{1,7}\\): (?:mbim\\[\\d{1,7}\\] )?';
const PASSED_ON = { prefix: CHILD } as const;

const WHERE =
  'Registration, signal and APN: AT+CREG?, AT+CSQ, AT+CGDCONT?; uqmi -d /dev/cdc-wdm0 --get-serving-system';
const RESTART = 'One cold power cycle of the modem; is another program on its control port?';

export const modem: readonly Signature[] = [
  {
    ...REFUSED,
    ...AT,
    id: 'modem/cme-error',
    ...line('+CME ERROR:', { after: ' ?(?<reason>[\\w/ -]{1,60})' }),
    meaning: 'The modem refuses a command',
    next: WHERE,
    when: [
      {
        group: 'reason',
        is: ['4', '14', 'operation not supported', 'Operation not supported'],
        means: { role: 'benign', meaning: 'The modem does not have what is asked for, or not yet' },
      },
      {
        group: 'reason',
        is: ['10', '11', '12', '13', '15', '16', '17', '18'],
        means: {
          class: 'sim-error',
          blame: 'config',
          role: 'root',
          meaning: 'The SIM is missing, locked or does not work',
          next: 'AT+CPIN?; is the SIM in its slot? A wrong PIN three times blocks it',
        },
      },
      {
        group: 'reason',
        is: ['30', '31', '32', 'no network service', 'No network service', 'network timeout'],
        means: { class: 'assoc-fail', blame: 'lab', role: 'root', meaning: 'The modem is in no network' },
      },
      {
        group: 'reason',
        is: ['103', '106', '107', '111', '112', '113', '132', '133', '134'],
        means: {
          class: 'assoc-fail',
          blame: 'config',
          role: 'root',
          meaning: 'The network refuses the SIM or its APN',
        },
      },
    ],
  },
  {
    ...REFUSED,
    ...AT,
    id: 'modem/cms-error',
    ...line('+CMS ERROR:', { after: ' ?(?<reason>[\\w/ -]{1,60})' }),
    meaning: 'The modem refuses a command about messages',
    next: 'AT+CPIN?, AT+CSCA?',
    when: [
      {
        group: 'reason',
        is: ['310', '311', '312', '313', '315', '316', '317', '318'],
        means: {
          class: 'sim-error',
          blame: 'config',
          role: 'root',
          meaning: 'The SIM is missing, locked or does not work',
        },
      },
    ],
  },
  {
    ...MODEM,
    ...OPENWRT,
    id: 'modem/at-command',
    ...line(
      [
        'Timeout running AT-command',
        'Error running AT-command',
        'Failed to get modem information',
        'Failed to initialize modem',
        'Failed to configure modem',
        'Failed to set operating mode',
      ],
      PASSED_ON,
    ),
    meaning: 'The modem does not carry out a command of its set-up',
    next: RESTART,
  },
  {
    ...MODEM,
    ...OPENWRT,
    id: 'modem/connect',
    ...line(
      [
        'Unable to connect IPv4',
        'Unable to connect IPv6',
        'Unable to obtain client ID',
        'Failed to connect to network',
      ],
      PASSED_ON,
    ),
    meaning: 'The modem does not connect',
    next: WHERE,
  },
  {
    ...MODEM,
    ...OPENWRT,
    id: 'modem/connect-command',
    literals: ['): Failed to connect', '"Call failed"', '"Policy mismatch"'],
    pattern: new RegExp(
      `(?:Failed to connect\\s*$|"Call failed"|"Policy mismatch")(?<=${CHILD}(?:Failed to connect\\s*|"[CP]\\w{3,5} \\w{6,8}"))`,
    ),
    meaning: 'The modem does not connect',
    next: WHERE,
  },
  {
    ...NETWORK,
    ...OPENWRT,
    id: 'modem/registration',
    ...line(
      [
        'Network registration failed',
        'Subscriber registration failed',
        'Failed to attach to network',
        'Unable to set PLMN',
      ],
      PASSED_ON,
    ),
    meaning: 'The modem does not register with a network',
    next: WHERE,
  },
  {
    ...SILENT,
    ...OPENWRT,
    id: 'modem/silent',
    ...line(
      [
        'Failed to read modem caps',
        '"Failed to connect to service"',
        '"Request canceled"',
        'timed out waiting for the modem to get exported',
      ],
      PASSED_ON,
    ),
    meaning: 'The modem does not answer on its control channel',
    next: RESTART,
  },
  {
    ...NO_DATA,
    ...OPENWRT,
    role: 'root',
    id: 'modem/no-address',
    ...line(
      ['Failed to obtain IP address', 'No data link!', 'failed to retrieve mandatory IP settings'],
      PASSED_ON,
    ),
    meaning: 'The modem connects, but gets no address',
    next: WHERE,
  },
  {
    ...NO_DATA,
    ...OPENWRT,
    class: 'no-driver',
    blame: 'config',
    id: 'modem/no-device',
    ...line(
      [
        'The specified control device does not exist',
        'Control device not valid',
        'No control device specified',
        'The interface could not be found.',
        'Failed to find matching interface',
        'modem not detected at sysfs path',
      ],
      PASSED_ON,
    ),
    meaning: 'The modem that the network configuration names is not there',
    next: 'ls /dev/cdc-wdm* /dev/ttyUSB*; lsusb -t; uci show network',
    endedBy: { signatures: ['wwan/registered', 'netifd/up'], withinS: 60 },
  },
  {
    ...MODEM,
    ...OPENWRT,
    class: 'no-driver',
    blame: 'config',
    id: 'modem/unsupported',
    literals: ['): Unsupported modem', 'but is missing this required driver attribute'],
    pattern: new RegExp(
      `(?:Unsupported modem|Device only supports raw-ip mode)(?<=${CHILD}(?:Unsupported modem|Device only supports raw-ip mode))`,
    ),
    meaning: 'The script or driver of OpenWrt does not know this kind of modem',
    next: 'cat /etc/gcom/ncm.json; another protocol for it: qmi, mbim, ncm; a newer kernel',
  },
  {
    ...REFUSED,
    ...OPENWRT,
    id: 'modem/bring-up',
    ...line('mbim bringup failed, retry in '),
    meaning: 'The script that connects the modem begins again',
    next: 'Read the lines of this script before',
  },
  {
    ...SILENT,
    ...CLI,
    id: 'modem/cli-timeout',
    ...line([
      'error: operation failed: Transaction timed out',
      'CID allocation failed in the CTL client',
      "couldn't open the QmiDevice: ",
      "couldn't open the MbimDevice: ",
    ]),
    meaning: 'The modem does not answer on its control channel',
    next: RESTART,
  },
  {
    ...REFUSED,
    ...CLI,
    id: 'modem/cli-refused',
    ...line('error: operation failed: ', { after: '(?<reason>[\\w -]{3,60})' }),
    meaning: 'The modem refuses what it is asked',
    next: WHERE,
    when: [
      {
        group: 'reason',
        is: ['SimNotInserted', 'BadSim', 'PinRequired', 'PinDisabled', 'NotInitialized'],
        means: {
          class: 'sim-error',
          blame: 'config',
          role: 'root',
          meaning: 'The SIM is missing, locked or does not work',
        },
      },
      {
        group: 'reason',
        is: ['NotRegistered', 'ProviderNotVisible', 'PacketServiceDetached', 'NotAttached'],
        means: { class: 'assoc-fail', blame: 'lab', role: 'root', meaning: 'The modem is in no network' },
      },
    ],
  },
  {
    ...NO_DATA,
    ...OPENWRT,
    role: 'hint',
    id: 'modem/nothing-comes',
    // No device: the address is asked for on an interface of its own, wan_4.
    literals: ['Connected, starting DHCP', '): Setting up '],
    pattern: /Connected, starting DHCP|\(\d{1,7}\): Setting up (?:ww|usb|eth)\w{1,12}/,
    meaning: 'The modem says it is connected, but nothing comes over its network interface',
    next: 'ip -s link: does rx stay 0? raw-IP or 802.3 framing, another APN; tcpdump -i wwan0',
    confirmedBy: ['dhcp/discover', 'dhcp/no-lease'],
    endedBy: { signatures: ['dhcp/lease', 'netifd/up-4'], withinS: 120 },
  },
];
