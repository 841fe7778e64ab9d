/** What a station can be asked for, and what is said of it: the shapes that cross the controller's RPC. */
import { z } from 'zod';
import { Cidr, Country, Passphrase, Ssid } from './ap-options.ts';

export const StationOptions = z.object({
  interface: z.string().optional().describe("default: the profile's radio for stations"),
  ssid: Ssid.default('hil'),
  security: z.enum(['open', 'wpa2', 'wpa3']).default('wpa2'),
  passphrase: Passphrase.default('hil-lab-passphrase'),
  hidden: z.boolean().default(false).describe('probe for the SSID by name'),
  frequencyMhz: z.number().int().optional().describe('scan only here: associates in about 1 s instead of 5'),
  bssid: z.string().optional(),
  country: Country.optional(),
  address: z.union([z.literal('dhcp'), Cidr]).default('dhcp'),
  gateway: z.string().optional().describe('pinged to prove the link; default: the DHCP server'),
  extra: z.array(z.string()).default([]).describe('raw lines for the network block'),
  timeoutMs: z.number().positive().default(45_000),
});
export type StationOptions = z.input<typeof StationOptions>;

export const StationInfo = z.object({
  interface: z.string(),
  namespace: z.string().nullable(),
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
