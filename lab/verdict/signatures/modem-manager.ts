/** ModemManager. SIM cards: sim.ts; other programs that talk to modems: modem.ts. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const SOURCE = { source: 'ModemManager 1.6 to 1.24' } as const;
const MODEM = { class: 'modem-at-error', blame: 'product', role: 'root', ...SOURCE } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do', ...SOURCE } as const;

/** `[modem0/bearer1] ` and the like. */
const OBJECT = { prefix: '\\[(?<device>modem\\d{1,4})[\\w/-]{0,24}\\] ' } as const;
const REASON = "'?(?<reason>[^\\n]{1,120})";

const STATE = 'mmcli -m 0; mmcli -G DEBUG, then journalctl -u ModemManager';
const RESTART = 'mmcli -m 0 --reset, else one cold power cycle of the modem; then journalctl -u ModemManager';
const SIM_CARD =
  'mmcli -i 0; is the SIM in its slot, unlocked and not used up by wrong PINs? Try no PIN twice';
const NETWORK = 'mmcli -m 0 --3gpp-scan; --signal-get; APN, roaming and plan of the SIM; the antenna';

export const modemManager: readonly Signature[] = [
  {
    ...NOISE,
    role: 'marker',
    id: 'modem-manager/connected',
    ...line(['state changed (connecting -> connected)', 'state changed (registered -> connected)'], OBJECT),
    meaning: 'The modem is connected',
  },
  {
    ...NOISE,
    role: 'marker',
    id: 'modem-manager/state',
    ...line('state changed (', { ...OBJECT, after: '(?<change>[\\w-]{3,20} -> (?<reason>[\\w-]{3,20}))\\)' }),
    meaning: 'The modem changes its state',
    when: [
      {
        group: 'reason',
        is: ['failed'],
        means: {
          class: 'modem-at-error',
          blame: 'product',
          role: 'symptom',
          meaning: 'The modem is given up',
          next: STATE,
        },
      },
      {
        group: 'reason',
        is: ['denied'],
        means: {
          class: 'assoc-fail',
          blame: 'config',
          role: 'root',
          meaning: 'The network refuses the SIM',
          next: NETWORK,
        },
      },
      {
        group: 'change',
        is: ['connected -> registered', 'connected -> searching', 'connected -> enabled'],
        means: {
          class: 'no-data',
          blame: 'lab',
          role: 'symptom',
          meaning: 'The connection of the modem drops',
          next: NETWORK,
        },
      },
    ],
  },
  {
    ...NOISE,
    id: 'modem-manager/other-devices',
    ...line([
      'not supported by any plugin',
      "couldn't check support for device '",
      'unsupported flow control settings in port',
      "couldn't load current bands",
      "couldn't load current allowed/preferred modes",
      "couldn't load supported ",
      "couldn't load list of ",
      "couldn't load Supported ",
      "couldn't load Power State",
      "couldn't load power state",
      "couldn't load manufacturer",
      "couldn't load IMSI",
      "couldn't load operator ",
      "couldn't load Operator ",
      "couldn't load facility locks",
      "couldn't load own numbers",
      "couldn't load SIM identifier",
      "couldn't load preferred networks",
      "couldn't initialize interface: ",
      'error initializing: QMI protocol error (94)',
      'failed to setup threshold values',
      'retrieving signal quality is not supported',
    ]),
    meaning: 'ModemManager looks at a device that is no modem, or at something the modem does not have',
  },
  {
    ...MODEM,
    blame: 'config',
    id: 'modem-manager/create',
    ...line("couldn't create modem for device", {
      ...OBJECT,
      after: "(?: '[^'\\n]{1,120}')?: (?<reason>[^\\n]{1,120})",
    }),
    meaning: 'ModemManager can not use the modem with the ports it finds',
    next: 'lsusb -t: has each port of the modem its driver? mmcli -G DEBUG',
  },
  {
    ...MODEM,
    id: 'modem-manager/at-port',
    ...line([
      'Failed to find primary AT port',
      'Failed to find a data port in the modem',
      'Failed to find primary QMI port',
    ]),
    meaning: 'The modem has no port that takes commands',
    next: 'lsusb -t: has each port of the modem its driver? mmcli -G DEBUG',
  },
  {
    ...MODEM,
    id: 'modem-manager/port-timeout',
    ...line(' consecutive times', { ...OBJECT, before: 'port [\\w/-]{3,24} timed out \\d{1,4}' }),
    meaning: 'A port of the modem stops answering',
    next: RESTART,
  },
  {
    ...MODEM,
    id: 'modem-manager/port-gone',
    ...line('no longer controllable, reprobing', { ...OBJECT, before: "port '[\\w/-]{3,24}' " }),
    meaning: 'The control port of the modem goes away while it is used',
    next: 'Look for a crash of the modem or its drop from the bus',
    role: 'symptom',
  },
  {
    ...MODEM,
    id: 'modem-manager/initialize',
    ...line(
      ["modem couldn't be initialized: ", 'fatal error initializing: ', "couldn't initialize the modem: '"],
      {
        ...OBJECT,
        after:
          '(?:[^\\n]{0,120}(?<reason>SIM not inserted|SIM failure|SIM wrong|SIM PIN required|SIM PUK required))?',
      },
    ),
    meaning: 'The modem can not be set up',
    next: RESTART,
    when: [
      {
        group: 'reason',
        is: ['SIM not inserted', 'SIM failure', 'SIM wrong', 'SIM PIN required', 'SIM PUK required'],
        means: {
          class: 'sim-error',
          blame: 'config',
          meaning: 'The modem can not be set up because of its SIM',
          next: SIM_CARD,
        },
      },
    ],
  },
  {
    ...MODEM,
    id: 'modem-manager/enable',
    ...line('failed enabling modem: ', { ...OBJECT, after: REASON }),
    meaning: 'The modem can not be switched on',
    next: RESTART,
  },
  {
    ...MODEM,
    id: 'modem-manager/connect',
    ...line(["couldn't connect bearer: ", "couldn't connect bearer '"], { ...OBJECT, after: REASON }),
    meaning: 'The modem does not connect',
    next: NETWORK,
    endedBy: { signatures: ['modem-manager/connected'], withinS: 60 },
  },
  {
    ...MODEM,
    class: 'no-data',
    role: 'symptom',
    id: 'modem-manager/attempt',
    ...line('connection attempt #', { ...OBJECT, after: '\\d{1,5} failed: (?<reason>[^\\n]{1,120})' }),
    meaning: 'An attempt to connect fails',
    next: NETWORK,
    endedBy: { signatures: ['modem-manager/connected'], withinS: 60 },
  },
  {
    ...MODEM,
    class: 'no-data',
    role: 'symptom',
    id: 'modem-manager/nothing-received',
    ...line(' bytes, rx: 0 bytes', {
      ...OBJECT,
      before: 'connection #\\d{1,5} finished: duration \\d{2,7}s, tx: \\d{1,12}',
    }),
    meaning: 'A connection of the modem ends in which nothing was received',
    next: 'ip -s link; raw-IP or 802.3 framing: cat /sys/class/net/wwan0/qmi/raw_ip; another APN',
  },
  {
    ...MODEM,
    class: 'assoc-fail',
    blame: 'config',
    id: 'modem-manager/register',
    ...line('registration in network failed: ', { ...OBJECT, after: REASON }),
    meaning: 'The modem does not register with a network',
    next: NETWORK,
  },
  {
    ...MODEM,
    blame: 'config',
    id: 'modem-manager/call-end',
    ...line('call end reason (', {
      ...OBJECT,
      before: '(?:verbose )?',
      after: '\\d{1,5}(?:,-?\\d{1,5})?\\): (?:\\[\\w{2,12}\\] )?(?<reason>[\\w-]{2,60})',
    }),
    meaning: 'The network or the modem ends the connection',
    next: NETWORK,
    when: [
      {
        group: 'reason',
        is: ['generic-client-end', 'client-end', 'regular-deactivation', 'unknown-cause'],
        means: { role: 'benign', meaning: 'The connection is ended on request' },
      },
      {
        group: 'reason',
        is: ['generic-no-service', 'no-service'],
        means: { class: 'assoc-fail', blame: 'lab', meaning: 'The modem is in no network' },
      },
    ],
  },
  {
    ...MODEM,
    role: 'symptom',
    id: 'modem-manager/qmi-failed',
    ...line('QMI operation failed: ', { after: "'?(?<reason>[\\w -]{3,60})" }),
    meaning: 'The modem does not carry out a QMI command',
    next: RESTART,
    when: [
      {
        group: 'reason',
        is: ['Transaction timed out', 'endpoint hangup'],
        means: { class: 'fw-timeout', meaning: 'The modem does not answer a QMI command' },
      },
    ],
  },
  {
    ...MODEM,
    role: 'symptom',
    id: 'modem-manager/qmi-error',
    ...line('QMI protocol error (', { after: "(?<code>\\d{1,5})\\): '(?<reason>\\w{2,40})'" }),
    meaning: 'The modem refuses a QMI command',
    next: STATE,
    when: [
      {
        group: 'reason',
        is: [
          'NoEffect',
          'NotSupported',
          'InvalidQmiCommand',
          'DeviceUnsupported',
          'InformationUnavailable',
          'NotProvisioned',
        ],
        means: { role: 'benign', meaning: 'The modem does not have what is asked for' },
      },
      {
        group: 'reason',
        is: [
          'SimNotInitialized',
          'UimUninitialized',
          'PinBlocked',
          'PinPermanentlyBlocked',
          'IncorrectPin',
          'SimFileNotFound',
        ],
        means: {
          class: 'sim-error',
          blame: 'config',
          role: 'root',
          meaning: 'The SIM can not be used',
          next: SIM_CARD,
        },
      },
    ],
  },
];
