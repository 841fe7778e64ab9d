/** What mac80211 says of a link: authentication, association, deauthentication, beacons. Its devices: mac80211-device.ts. */
import type { Signature } from './signature.ts';

const PRINTED = 'net/mac80211/mlme.c';

const DENIED = {
  class: 'assoc-fail',
  blame: 'config',
  role: 'symptom',
  next: 'Read the log of the access point of the same second; compare its limits, filters and security with those of the station',
  source: PRINTED,
} satisfies Partial<Signature>;

const TIMED_OUT = {
  pattern: null,
  class: 'assoc-fail',
  blame: 'product',
  role: 'symptom',
  next: 'Does a scan still find the access point? Then sending fails: watch the air, /proc/interrupts, and the log of the access point',
  endedBy: { signatures: ['mac80211/associated'], withinS: 10 },
  source: PRINTED,
} satisfies Partial<Signature>;

/** Reason codes of IEEE 802.11-2020, table 9-49, as an access point sends them. */
const BY_ACCESS_POINT = [
  {
    group: 'reason',
    is: ['3', '8'],
    means: { blame: 'lab', meaning: 'The access point leaves, or sends the station away' },
  },
  { group: 'reason', is: ['4'], means: { meaning: 'The access point has not heard the station for long' } },
  { group: 'reason', is: ['5', '17'], means: { blame: 'lab' } },
  {
    group: 'reason',
    is: ['6', '7'],
    means: { meaning: 'The access point does not know the station any more, as after a restart of it' },
  },
  {
    group: 'reason',
    is: ['15', '16', '2'],
    means: {
      class: 'handshake-timeout',
      meaning: 'The access point waits in vain for a frame of the key handshake',
    },
  },
  { group: 'reason', is: ['14'], means: { meaning: 'Frames of the station fail the check of TKIP' } },
  {
    group: 'reason',
    is: ['23'],
    means: { class: 'assoc-fail', blame: 'config', meaning: '802.1X refuses the station' },
  },
  {
    group: 'reason',
    is: ['34'],
    means: { meaning: 'The station acknowledges too few frames of the access point' },
  },
] satisfies Signature['when'];

const BY_SELF = {
  class: 'assoc-fail',
  blame: 'product',
  role: 'symptom',
  meaning: 'The station itself gives up a link that was being set up',
  next: 'Read the log of wpa_supplicant of the same second',
  when: [
    { group: 'reason', is: ['3', '8', '36'], means: { role: 'benign' } },
    {
      group: 'reason',
      is: ['4'],
      means: { class: 'beacon-loss', meaning: 'The station hears the access point no more' },
    },
    {
      group: 'reason',
      is: ['15', '16', '17'],
      means: { class: 'handshake-timeout', meaning: 'The key handshake does not come to its end' },
    },
  ],
  source: PRINTED,
} satisfies Partial<Signature>;

const NOISE = {
  pattern: null,
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
} satisfies Partial<Signature>;

export const mac80211: readonly Signature[] = [
  {
    id: 'mac80211/associated',
    literals: [': associated'],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): associated\s*$/,
    class: 'benign',
    blame: 'benign',
    role: 'marker',
    meaning: 'The station is associated',
    next: 'Nothing to do',
    source: PRINTED,
  },
  {
    id: 'mac80211/deauthenticated',
    literals: [': deauthenticated from '],
    pattern:
      /(?<![\w.-])(?<device>[\w.-]{1,20}): deauthenticated from \S{11,24} \((?:Reason: |reason=)(?<reason>\d+)/,
    class: 'deauth',
    blame: 'product',
    role: 'symptom',
    meaning: 'The access point ends the link of the station',
    next: 'Read the reason code, and the log of the access point of the same second',
    when: BY_ACCESS_POINT,
    source: PRINTED,
  },
  {
    id: 'mac80211/disassociated',
    literals: [': disassociated from '],
    pattern:
      /(?<![\w.-])(?<device>[\w.-]{1,20}): disassociated from \S{11,24} \((?:Reason: |reason=)(?<reason>\d+)/,
    class: 'deauth',
    blame: 'product',
    role: 'symptom',
    meaning: 'The access point ends the association of the station',
    next: 'Read the reason code, and the log of the access point of the same second',
    when: BY_ACCESS_POINT,
    source: PRINTED,
  },
  {
    ...BY_SELF,
    id: 'mac80211/deauthenticating',
    literals: [': deauthenticating from ', ': disassociating from '],
    pattern:
      /(?<![\w.-])(?<device>[\w.-]{1,20}): (?:deauthenticat|disassociat)ing from \S{11,24} by local choice \((?:Reason: |reason=)(?<reason>\d+)/,
  },
  {
    ...TIMED_OUT,
    id: 'mac80211/auth-timeout',
    literals: [': authentication with ', ': direct probe to '],
    pattern:
      /(?<![\w.-])(?<device>[\w.-]{1,20}): (?:authentication with|direct probe to) \S{11,24} timed out/,
    meaning: 'The access point does not answer to authentication',
  },
  {
    ...TIMED_OUT,
    id: 'mac80211/assoc-timeout',
    literals: [': association with '],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): association with \S{11,24} timed out/,
    meaning: 'The access point does not answer to association',
  },
  {
    ...DENIED,
    id: 'mac80211/auth-denied',
    literals: [' denied authentication (status '],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): \S{11,24} denied authentication \(status (?<status>\d+)\)/,
    meaning: 'The access point refuses authentication',
    when: [
      { group: 'status', is: ['76'], means: { role: 'benign' } },
      {
        group: 'status',
        is: ['77'],
        means: { meaning: 'The access point does not take the group that the station uses for SAE' },
      },
      {
        group: 'status',
        is: ['53'],
        means: { meaning: 'The access point has forgotten the cached key of the station' },
      },
      {
        group: 'status',
        is: ['15', '1'],
        means: { meaning: 'The access point refuses authentication, as with a wrong password' },
      },
    ],
  },
  {
    ...DENIED,
    id: 'mac80211/assoc-denied',
    literals: [' denied association (code='],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): \S{11,24} denied association \(code=(?<status>\d+)/,
    meaning: 'The access point refuses association',
    when: [
      { group: 'status', is: ['17'], means: { meaning: 'The access point takes no more stations' } },
      {
        group: 'status',
        is: ['30'],
        means: { role: 'consequence', meaning: 'The access point wants the station to come back later' },
      },
      {
        group: 'status',
        is: ['31'],
        means: { meaning: 'Station and access point do not agree on protected management frames' },
      },
    ],
  },
  {
    id: 'mac80211/aborting',
    literals: [': aborting authentication with ', ': aborting association with '],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): aborting a\w+ with \S{11,24} by local choice/,
    class: 'assoc-fail',
    blame: 'product',
    role: 'consequence',
    meaning: 'wpa_supplicant gives up before the access point answered',
    next: 'Read the log of wpa_supplicant',
    source: PRINTED,
  },
  {
    id: 'mac80211/connection-lost',
    literals: [': Connection to AP '],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): Connection to AP \S{11,24} lost/,
    class: 'beacon-loss',
    blame: 'product',
    role: 'symptom',
    meaning: 'The driver reports that the access point is not heard any more',
    next: 'Compare with the log and the power of the access point; iw dev DEVICE station dump for signal and lost beacons',
    source: PRINTED,
  },
  {
    id: 'mac80211/beacon-loss',
    literals: ['beacon loss from AP'],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): (?:detected )?beacon loss from AP/,
    class: 'beacon-loss',
    blame: 'product',
    role: 'symptom',
    meaning: 'Beacons of the access point fail to come',
    next: 'Signal and interference first (iw dev DEVICE station dump, survey dump), then the driver with power saving off',
    rate: { count: 3, withinS: 60 },
    endedBy: { signatures: ['mac80211/beacon-back'], withinS: 5 },
    source: PRINTED,
  },
  {
    id: 'mac80211/beacon-back',
    literals: [
      'cancelling AP probe due to a received beacon',
      'cancelling probereq poll due to a received beacon',
    ],
    pattern: /(?<![\w.-])(?<device>[\w.-]{1,20}): cancelling /,
    class: 'benign',
    blame: 'benign',
    role: 'marker',
    meaning: 'The access point is heard again',
    next: 'Nothing to do',
    source: PRINTED,
  },
  {
    id: 'mac80211/access-point-silent',
    literals: [
      'No ack for nullfunc frame to AP ',
      'No probe response from AP ',
      'Failed to send nullfunc to AP ',
    ],
    pattern:
      /(?:No ack for nullfunc frame to|No probe response from|Failed to send nullfunc to) AP \S{11,24}(?:, | after \d+ms, )disconnecting/,
    class: 'beacon-loss',
    blame: 'product',
    role: 'symptom',
    meaning: 'The access point answers to nothing any more, and the station drops the link',
    next: 'Compare with the log and the power of the access point; does a scan still find it?',
    source: PRINTED,
  },
  {
    id: 'mac80211/no-ack',
    literals: ['No ack for nullfunc frame to AP ', 'No probe response from AP '],
    pattern: / AP \S{11,24}(?: after \d+ms)?, try \d/,
    class: 'beacon-loss',
    blame: 'product',
    role: 'consequence',
    meaning: 'The access point does not answer to a probe of the link',
    next: 'Look whether the link was lost after it',
    rate: { count: 3, withinS: 60 },
    source: PRINTED,
  },
  {
    ...NOISE,
    id: 'mac80211/roaming',
    literals: [': disconnect from AP ', ' rejected association temporarily; comeback duration'],
    pattern: /disconnect from AP \S{11,24} for new a|comeback duration/,
    meaning: 'The station moves to another access point, or is asked to wait',
    source: PRINTED,
  },
];
