/** What a station can be asked for, and what is said of it: the shapes that cross the controller's RPC. */
import { z } from 'zod';
import { Cidr } from './address.ts';
import { Country, OnBoard, Passphrase, Ssid } from './ap-options.ts';

export const StationOptions = z.object({
  on: OnBoard,
  interface: z.string().optional().describe("default: the profile's radio for stations"),
  ssid: Ssid.default('hil').describe('1 to 32 bytes of UTF-8'),
  security: z.enum(['open', 'wpa2', 'wpa3']).default('wpa2').describe('wpa2: PSK; wpa3: SAE'),
  passphrase: Passphrase.default('hil-lab-passphrase').describe('of no use to an open network'),
  hidden: z.boolean().default(false).describe('probe for the SSID by name'),
  frequencyMhz: z.number().int().optional().describe('scan only here: associates in about 1 s instead of 5'),
  bssid: z
    .string()
    .regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i, 'a BSSID, such as 02:00:00:00:00:00')
    .optional()
    .describe('join this access point only'),
  country: Country.optional().describe('set for as long as the station is up'),
  address: z
    .union([z.literal('dhcp'), Cidr])
    .default('dhcp')
    .describe('dhcp, or an address with its prefix'),
  gateway: z.string().optional().describe('pinged to prove the link; default: the DHCP server'),
  extra: z.array(z.string()).default([]).describe('raw lines for the network block'),
  timeoutMs: z.number().positive().default(45_000).describe('to be associated'),
});
export type StationOptions = z.input<typeof StationOptions>;

export const StationInfo = z.object({
  interface: z.string(),
  namespace: z.string().nullable(),
  peer: z.string().nullable().default(null).describe('of the lab file, where the radio is none of the board'),
  ssid: z.string(),
  bssid: z.string(),
  frequencyMhz: z.number().int(),
  address: z.string(),
  keyManagement: z.string().describe("wpa_supplicant's key_mgmt: NONE, WPA2-PSK, SAE"),
  associationMs: z.number().describe('from the request to CTRL-EVENT-CONNECTED'),
  upMs: z.number().describe('from the request until the gateway answered'),
});
export type StationInfo = z.output<typeof StationInfo>;

/** wpa_cli status as it is (wpa_state, ssid, bssid, freq, key_mgmt, ip_address ...), and the signal of `iw link`. */
export const StationStatus = z.object({
  state: z.string(),
  fields: z.record(z.string(), z.string()),
  signalDbm: z.number().optional(),
  txBitrateMbps: z.number().optional(),
});
export type StationStatus = z.output<typeof StationStatus>;

export const WpaEvent = z.object({
  event: z.string().describe('such as CTRL-EVENT-DISCONNECTED'),
  bssid: z.string().optional(),
  reason: z.number().int().optional(),
  locallyGenerated: z.boolean().optional(),
  detail: z.string().optional(),
  index: z.number().int().describe('count of events of this station so far'),
});
export type WpaEvent = z.output<typeof WpaEvent>;
