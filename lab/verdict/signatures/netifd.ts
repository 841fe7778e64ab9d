/** netifd of OpenWrt: interfaces that come and go. What its children say of modems: modem.ts; of addresses: dhcp.ts. */
import type { Signature } from './signature.ts';

const NETIFD = { source: 'netifd: interface.c, device.c, proto-shell.c' } as const;
const MARKER = {
  class: 'benign',
  blame: 'benign',
  role: 'marker',
  next: 'Nothing to do',
  ...NETIFD,
} as const;
const FOLLOWS = { class: 'no-data', blame: 'lab', role: 'consequence', ...NETIFD } as const;

const LOOK =
  'ubus call network.interface dump; logread -e netifd: what did the script of this interface say before?';

export const netifd: readonly Signature[] = [
  {
    ...MARKER,
    id: 'netifd/up-4',
    literals: ["' is now up"],
    pattern: /Interface '(?<device>[\w.-]{1,20}_4)' is now up/,
    meaning: 'The IPv4 side of a modem has its address',
  },
  {
    ...MARKER,
    id: 'netifd/up',
    literals: ["' is now up"],
    pattern: /Interface '(?<device>[\w.-]{1,20})' is now up/,
    meaning: 'An interface is up',
  },
  {
    ...MARKER,
    id: 'netifd/down',
    literals: ["' is now down", "' is disabled"],
    pattern: /Interface '(?<device>[\w.-]{1,20})' is (?:now down|disabled)/,
    meaning: 'An interface is down',
  },
  {
    ...MARKER,
    class: 'no-data',
    blame: 'product',
    role: 'symptom',
    id: 'netifd/setup-loop',
    literals: ["' is setting up now"],
    pattern: /Interface '(?<device>[\w.-]{1,20})' is setting up now/,
    meaning: 'An interface is set up again and again and does not come up',
    next: LOOK,
    rate: { count: 4, withinS: 240 },
    endedBy: { signatures: ['netifd/up', 'netifd/up-4'], withinS: 60 },
  },
  {
    ...FOLLOWS,
    id: 'netifd/lost',
    literals: ["' has lost the connection"],
    pattern: /Interface '(?<device>[\w.-]{1,20})' has lost the connection/,
    meaning: 'An interface loses its connection',
    next: LOOK,
  },
  {
    ...MARKER,
    id: 'netifd/link',
    literals: ["' has link connectivity", "' link is "],
    pattern:
      /(?:Interface|device|alias) '(?<device>[\w.-]{1,20})' (?:has link connectivity(?: loss)?|link is (?:up|down))/,
    meaning: 'A device of the network has or loses its link',
  },
  {
    ...FOLLOWS,
    class: 'modem-at-error',
    blame: 'product',
    id: 'netifd/command-failed',
    literals: ['): Command failed: '],
    pattern:
      /netifd: (?<device>(?!radio)[\w.-]{1,20}) \(\d{1,7}\): Command failed: (?<reason>Permission denied|Unknown error|Not found|Request timed out|Invalid argument|No response|No data received)/,
    meaning: 'netifd no longer wants what the script of an interface tells it',
    next: LOOK,
    rate: { count: 2, withinS: 60 },
  },
];
