/** What a lab file may say. Descriptions become the JSON Schema that editors show. */
import { z } from 'zod';
import { PROFILES } from '../../devices/index.ts';
import { ConsoleTransportConfig } from '../board/console/index.ts';
import { PowerPolicy } from '../board/power/control.ts';
import { PowerConfig } from '../board/power/index.ts';
import { absolutePath, duration, host, secret, tcpPort } from './fields.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;
const name = z.string().regex(NAME, 'expected a name: a letter, then letters, digits, _ . and -, at most 63');
const interfaceName = z
  .string()
  .regex(/^[^\s/]{1,15}$/, 'expected a network interface, at most 15 characters');
const capability = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'expected a capability, such as wifi-ap');

export const SshConfig = z.strictObject({
  host: host.describe('name or address of the machine'),
  port: tcpPort.default(22),
  user: z.string().min(1, 'expected some text').optional().describe('default: as the device profile says'),
  identity: absolutePath.optional().describe("private key file; default: the lab's own key, see hil doctor"),
  hostKey: z
    .string()
    .regex(
      /^ssh-\S+ [A-Za-z0-9+/=]+|^ecdsa-\S+ [A-Za-z0-9+/=]+/,
      'expected a public key, such as ssh-ed25519 AAAA...',
    )
    .optional()
    .describe('public host key; without it the first that answers is pinned'),
});

const Radio = z.strictObject({
  interface: interfaceName,
  role: z.enum(['ap', 'station']),
  namespace: z.string().nullable().default(null).describe('network namespace the radio is moved to'),
});

const Driver = z.strictObject({
  module: z.string().min(1, 'expected some text').describe('module under test'),
  parameters: z.record(z.string(), z.coerce.string()).default({}),
  related: z.array(z.string()).default([]),
  firmware: z.array(absolutePath).default([]),
});

const Throughput = z.strictObject({
  tcpFloorMbit: z.number().positive().optional(),
  udpFloorRatio: z.number().min(0).max(1).optional(),
  dipsPerMinute: z.number().nonnegative().optional(),
});

const Netboot = z.strictObject({
  by: z.enum(['tftp', 'http']).default('tftp'),
  serve: host.describe('address of this machine at which the board fetches files'),
  port: tcpPort.optional().describe('default: 69 or 80, which need root'),
  address: host.default('dhcp').describe("the board's own while it boots; dhcp: it asks for one"),
});

const KnownGood = z.strictObject({
  kernel: absolutePath,
  initrd: absolutePath.optional(),
  dtb: absolutePath.optional(),
  args: z.string().default('').describe('kernel command line'),
});

const Login = z.strictObject({
  user: z.string().min(1, 'expected some text').optional(),
  password: secret.optional().describe('env:NAME or file:/path'),
  prompt: z
    .string()
    .min(1, 'expected some text')
    .optional()
    .describe('last text before a user name is asked for'),
});

const common = {
  description: z.string().optional(),
  profile: z.enum(Object.keys(PROFILES)).describe('kind of board: a file in devices/'),
  capabilities: z
    .strictObject({ add: z.array(capability).default([]), remove: z.array(capability).default([]) })
    .optional()
    .describe('what this one has or lacks beside its profile'),
  onlyByName: z.boolean().default(false).describe('used only by who asks for it by name'),
};

export const Board = z.strictObject({
  ...common,
  virtual: z.boolean().default(false).describe('QEMU on this machine: needs no power, console or ssh'),
  power: z
    .union([z.literal('none'), PowerConfig])
    .optional()
    .describe('what switches it; none: it is always on, and rebooted by SSH'),
  powerPolicy: PowerPolicy.optional(),
  console: ConsoleTransportConfig.optional(),
  ssh: SshConfig.optional(),
  login: Login.optional().describe('login on the console'),
  arch: z.enum(['x86_64', 'aarch64', 'arm']).optional().describe('default: as the profile says'),
  bootloader: z
    .strictObject({
      name: z.enum(['u-boot', 'barebox', 'grub']),
      method: z.enum(['booti', 'bootz', 'bootm']),
    })
    .optional()
    .describe('default: as the profile says'),
  netboot: Netboot.optional().describe('how its boot loader fetches what the lab gives it'),
  knownGood: KnownGood.optional().describe('kernel by which it is saved when it does not come up any more'),
  bootTimeout: duration.optional().describe('power on to login prompt'),
  endState: z.enum(['off', 'on']).default('off').describe('what it is left in when nobody uses it'),
  radios: z.array(Radio).optional(),
  driver: Driver.optional(),
  throughput: Throughput.optional(),
});

export const Peer = z.strictObject({
  description: z.string().optional(),
  ssh: z.union([z.literal('local'), SshConfig]).describe('how to reach it; local: this machine'),
  roles: z.array(z.enum(['ap', 'station', 'iperf3-server', 'monitor'])).min(1, 'expected at least one role'),
  interface: interfaceName.optional().describe('its radio'),
  namespace: z.string().optional().describe('network namespace in which it works'),
  address: host.optional().describe('address at which boards reach it'),
});

const Modem = z.strictObject({
  board: name,
  usb: z
    .string()
    .regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/i, 'expected a USB vendor and product, such as 12d1:14dc')
    .optional(),
  apn: z.string().optional(),
  pin: secret.optional(),
  interface: interfaceName.optional(),
});

const Attenuator = z.strictObject({
  description: z.string().optional(),
  set: z
    .array(z.string())
    .min(1, 'expected a command')
    .describe('command and arguments; {db} is replaced by the attenuation'),
  minDb: z.number().nonnegative().default(0),
  maxDb: z.number().positive(),
});

const Link = z.strictObject({
  kind: z.enum(['wifi', 'wwan', 'ethernet']),
  board: name,
  peer: name,
  attenuator: name.optional(),
});

export const LabFile = z.strictObject({
  include: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('further files, relative to this one'),
  boards: z.record(name, Board),
  peers: z.record(name, Peer).default({}),
  modems: z.record(name, Modem).default({}),
  attenuators: z.record(name, Attenuator).default({}),
  links: z.array(Link).default([]),
  groups: z.record(name, z.array(name)).default({}).describe('names for several boards, for --board'),
});
export type LabFile = z.output<typeof LabFile>;
export type BoardEntry = z.output<typeof Board>;
export type PeerEntry = z.output<typeof Peer>;
export type LinkEntry = z.output<typeof Link>;
export type NetbootEntry = z.output<typeof Netboot>;
export type KnownGoodEntry = z.output<typeof KnownGood>;
export type SshEntry = z.output<typeof SshConfig>;

/** For editors: `# yaml-language-server: $schema=...` at the top of a lab file. */
export function labJsonSchema(): z.core.JSONSchema.BaseSchema {
  const schema = z.toJSONSchema(LabFile, { io: 'input', unrepresentable: 'any' });
  return { ...schema, title: 'lab file of hil', patternProperties: { '^x-': {} } };
}
