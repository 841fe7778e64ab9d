/** DHCP: clients (udhcpc, dhclient, NetworkManager, systemd-networkd) and what dnsmasq says as a server. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const UDHCPC = { source: 'udhcpc of BusyBox 1.23 to 1.36' } as const;
const DHCLIENT = { source: 'dhclient of isc-dhcp 4' } as const;
const NM = { source: 'NetworkManager 0.9 to 1.50' } as const;
const FAIL = { class: 'dhcp-fail', blame: 'product', role: 'symptom' } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do' } as const;
const SERVER = { class: 'dhcp-fail', blame: 'config', role: 'root' } as const;

/** `wan_4 (1234): `, or nothing where the client logs by itself. */
const CHILD = { prefix: '(?<device>[\\w.-]{1,20}) \\(\\d{1,7}\\): (?:udhcpc: )?' } as const;
const LOOK =
  'tcpdump -ni IFACE port 67 or port 68 on both ends: does the question leave, does an answer come? Is a server there; ip -s link';
const LEASE = { signatures: ['dhcp/lease'], withinS: 120 } as const;

export const dhcp: readonly Signature[] = [
  {
    ...NOISE,
    role: 'marker',
    id: 'dhcp/lease',
    literals: [
      ' obtained, lease time ',
      ' obtained from ',
      '-- renewal in ',
      '): state changed new lease, address=',
      ' -> bound',
      'DHCPv4 address ',
    ],
    pattern:
      /[Ll]ease of [\d.]{7,15} obtained(?<=(?:(?<device>[\w.-]{1,20}) \(\d{1,7}\): (?:udhcpc: )?|)[Ll]ease of [\d.]{7,15} obtained)|bound to [\d.]{7,15} -- renewal in|state changed (?:new lease|\w{1,20} -> bound)|: DHCPv4 address [\d.]{7,15}/,
    meaning: 'An address is obtained by DHCP',
    ...UDHCPC,
  },
  {
    ...FAIL,
    ...UDHCPC,
    id: 'dhcp/discover',
    ...line(['broadcasting discover', 'sending discover', 'Sending discover'], CHILD),
    meaning: 'Nobody answers the question for an address',
    next: LOOK,
    rate: { count: 3, withinS: 60 },
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...UDHCPC,
    id: 'dhcp/no-lease',
    ...line(
      [
        'no lease, failing',
        'no lease, forking to background',
        'No lease, failing',
        'No lease, forking to background',
      ],
      CHILD,
    ),
    meaning: 'The client gives up asking for an address',
    next: LOOK,
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...UDHCPC,
    id: 'dhcp/lease-lost',
    ...line(['lease lost, entering init state', 'Lease lost, entering init state'], CHILD),
    meaning: 'The address expires because nobody renews it',
    next: LOOK,
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...UDHCPC,
    id: 'dhcp/refused',
    ...line(['eceived DHCP NAK', 'DHCPNAK from '], { before: '[rR]?' }),
    meaning: 'The server refuses the address that is asked for',
    next: 'Two DHCP servers in one network? Leases of the server: cat /tmp/dhcp.leases',
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...UDHCPC,
    role: 'consequence',
    id: 'dhcp/interface-gone',
    ...line(
      ['SIOCGIFINDEX: No such device', 'sendto: Network is down', 'send_packet: Network is down'],
      CHILD,
    ),
    meaning: 'The interface goes away while its address is asked for',
    next: 'Look at what the driver and the bus said before',
  },
  {
    ...FAIL,
    ...DHCLIENT,
    id: 'dhcp/dhclient-asks',
    ...line('DHCPDISCOVER on ', { after: '(?<device>[\\w.-]{1,15}) to ', prefix: '' }),
    meaning: 'Nobody answers the question for an address',
    next: LOOK,
    rate: { count: 4, withinS: 90 },
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...DHCLIENT,
    id: 'dhcp/dhclient-gives-up',
    ...line(['No DHCPOFFERS received', 'No working leases in persistent database - sleeping']),
    meaning: 'The client gives up asking for an address',
    next: LOOK,
    endedBy: LEASE,
  },
  {
    ...FAIL,
    ...NM,
    id: 'dhcp/network-manager',
    literals: [
      'DHCPv4 request timed out',
      '): request timed out',
      ' -> timeout',
      "(reason 'ip-config-unavailable'",
    ],
    pattern:
      /\((?<device>[\w.-]{1,15})\): (?:DHCPv4 request timed out|request timed out|state changed \w{1,20} -> timeout|state change: ip-config -> failed \(reason 'ip-config-unavailable')/,
    meaning: 'No address comes in time, so that NetworkManager gives the connection up',
    next: LOOK,
  },
  {
    ...FAIL,
    id: 'dhcp/networkd',
    ...line(['DHCP lease lost', 'DHCPv4 lease lost', 'DHCPv4 client: timed out'], {
      prefix: '(?<device>[\\w.-]{1,15}): ',
    }),
    meaning: 'systemd-networkd loses its address or gets none',
    next: LOOK,
    endedBy: LEASE,
    source: 'systemd-networkd of systemd 241 to 256',
  },
  {
    ...SERVER,
    id: 'dhcp/server-range',
    literals: ['no address range available for DHCP request via ', 'no address available'],
    pattern:
      /no address range available for DHCP request via (?<device>[\w.-]{1,15})|dnsmasq-dhcp\[\d{1,7}\]: .{0,80}no address available/,
    meaning: 'The DHCP server has no address to give',
    next: 'Range and lease time of dnsmasq; uci show dhcp; the address of the interface itself',
    source: 'dnsmasq 2.8x',
  },
  {
    ...SERVER,
    id: 'dhcp/server-interface',
    ...line('DHCP packet received on ', {
      after: '(?<device>[\\w.-]{1,15}) which has no address',
      prefix: '',
    }),
    meaning: 'The interface of the DHCP server has no address of its own',
    next: 'ip addr; give the interface its static address before dnsmasq starts',
    source: 'dnsmasq 2.8x',
  },
];
