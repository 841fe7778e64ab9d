/** What an access point can be asked for, and what is said of it: the shapes that cross the controller's RPC. */
import { z } from 'zod';
import { Cidr } from './address.ts';

export const Band = z.enum(['2.4', '5']);

export const Ssid = z
  .string()
  .refine(
    (ssid) => Buffer.byteLength(ssid) >= 1 && Buffer.byteLength(ssid) <= 32,
    'an SSID has 1 to 32 bytes',
  );

/** 8 to 63 printable ASCII characters, or the 64 hex digits of a PSK (IEEE 802.11, Annex J.4). */
export const Passphrase = z
  .string()
  .regex(
    /^(?:[\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/,
    'a passphrase has 8 to 63 printable characters, or is 64 hex digits',
  );

export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'a country is two capital letters (ISO 3166-1), such as DE');

/** Where a link is to be that is not to be where the lab has it by itself. */
export const OnBoard = z
  .string()
  .optional()
  .describe('a board of the same air; default: the board, and for a station the first of the others');

export const ApOptions = z.object({
  on: OnBoard,
  interface: z.string().optional().describe("default: the profile's radio for access points"),
  ssid: Ssid.default('hil').describe('1 to 32 bytes of UTF-8'),
  security: z
    .enum(['open', 'wpa2', 'wpa3', 'wpa2-wpa3'])
    .default('wpa2')
    .describe('wpa2: PSK with CCMP; wpa3: SAE; wpa2-wpa3: both, for the transition'),
  passphrase: Passphrase.default('hil-lab-passphrase').describe('of no use to an open network'),
  band: Band.default('2.4').describe('GHz'),
  channel: z.number().int().positive().optional().describe('default: 1, or 36 in the 5 GHz band'),
  widthMhz: z
    .union([z.literal(20), z.literal(40), z.literal(80)])
    .default(20)
    .describe('at most: hostapd falls back to 20 MHz where a neighbour forbids 40'),
  mode: z
    .enum(['g', 'n', 'ac', 'ax'])
    .default('n')
    .describe('802.11 generation; g means a (5 GHz) or g (2.4 GHz)'),
  hidden: z.boolean().default(false).describe('leave the SSID out of beacons'),
  country: Country.optional().describe('set for as long as the access point is up; radar channels need it'),
  address: Cidr.default('192.168.77.1/24').describe('of the access point, with its prefix'),
  dhcp: z.boolean().default(true).describe('serve addresses to stations'),
  extra: z.array(z.string()).default([]).describe('raw lines for the end of hostapd.conf'),
  timeoutMs: z
    .number()
    .positive()
    .default(30_000)
    .describe('to be enabled; where the channel must be watched for radar first, that comes on top'),
});
export type ApOptions = z.input<typeof ApOptions>;

export const ApInfo = z.object({
  interface: z.string(),
  peer: z.string().nullable().default(null).describe('of the lab file, where the radio is none of the board'),
  ssid: z.string(),
  bssid: z.string(),
  security: z.string(),
  channel: z.number().int(),
  frequencyMhz: z.number().int(),
  widthMhz: z.number().int().describe('as the driver has it'),
  address: z.string().describe('without its prefix'),
  config: z.string().describe('hostapd.conf as written, passphrase included'),
  upMs: z.number().describe('from the request until a client could use it'),
});
export type ApInfo = z.output<typeof ApInfo>;

export const ApStation = z.object({
  mac: z.string(),
  flags: z.array(z.string()),
  signalDbm: z.number().optional(),
});
export type ApStation = z.output<typeof ApStation>;
