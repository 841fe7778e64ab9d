/** hostapd.conf from typed options. Format: hostapd's own commented hostapd.conf (w1.fi). */

import type { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { ApOptions } from './ap-options.ts';

export type ResolvedApOptions = z.output<typeof ApOptions> & { interface: string; channel: number };

/** Primary 5 GHz channels of an 80 MHz block, and the block's centre. */
const CENTRES_80: readonly number[] = [42, 58, 106, 122, 138, 155];
const CHANNELS_5 = [
  36, 40, 44, 48, 52, 56, 60, 64, 100, 104, 108, 112, 116, 120, 124, 128, 132, 136, 140, 144, 149, 153, 157,
  161, 165,
];

/** Throws ConfigError when band, channel, width and generation do not go together. */
export function checkChannel({
  band,
  channel,
  widthMhz,
  mode,
}: Pick<ResolvedApOptions, 'band' | 'channel' | 'widthMhz' | 'mode'>): void {
  const allowed = band === '5' ? CHANNELS_5 : Array.from({ length: 14 }, (_, index) => index + 1);
  if (!allowed.includes(channel)) {
    throw new ConfigError(`there is no channel ${channel} in the ${band} GHz band`, {
      code: 'bad-channel',
      hint: `it has ${allowed.join(', ')}`,
    });
  }
  if (widthMhz > 20 && mode === 'g')
    throw new ConfigError(`${widthMhz} MHz needs 802.11n or later, not mode g`);
  if (widthMhz === 80 && (band !== '5' || mode === 'n' || centre80(channel) === undefined)) {
    throw new ConfigError(`80 MHz needs the 5 GHz band, mode ac or ax, and a channel below 165`);
  }
  if (mode === 'ac' && band !== '5') throw new ConfigError('802.11ac is of the 5 GHz band only');
}

export function frequencyOf(band: '2.4' | '5', channel: number): number {
  if (band === '5') return 5000 + 5 * channel;
  return channel === 14 ? 2484 : 2407 + 5 * channel;
}

/** The text of hostapd.conf. `controlDir`: where hostapd makes its control socket. */
export function hostapdConfig(options: ResolvedApOptions, controlDir: string): string {
  checkChannel(options);
  const lines = [
    `interface=${options.interface}`,
    'driver=nl80211',
    `ctrl_interface=${controlDir}`,
    `ssid2=${hex(options.ssid)}`,
    ...regulatory(options),
    `hw_mode=${options.band === '5' ? 'a' : 'g'}`,
    `channel=${options.channel}`,
    `ignore_broadcast_ssid=${options.hidden ? 1 : 0}`,
    ...generation(options),
    ...security(options),
    ...options.extra,
  ];
  return `${lines.join('\n')}\n`;
}

/** Without 802.11h hostapd does not use channels that have to be watched for radar. */
function regulatory({ country, band }: ResolvedApOptions): string[] {
  if (country === undefined) return [];
  return [`country_code=${country}`, 'ieee80211d=1', ...(band === '5' ? ['ieee80211h=1'] : [])];
}

function generation({ mode, widthMhz, band, channel }: ResolvedApOptions): string[] {
  if (mode === 'g') return [];
  const lines = ['wmm_enabled=1', 'ieee80211n=1'];
  if (widthMhz >= 40) lines.push(`ht_capab=[HT40${secondaryAbove(band, channel) ? '+' : '-'}]`);
  if (mode === 'ac' || mode === 'ax') {
    if (band === '5') lines.push('ieee80211ac=1');
    if (mode === 'ax') lines.push('ieee80211ax=1');
    if (widthMhz === 80) {
      const centre = centre80(channel);
      lines.push('vht_oper_chwidth=1', `vht_oper_centr_freq_seg0_idx=${centre}`);
      if (mode === 'ax') lines.push('he_oper_chwidth=1', `he_oper_centr_freq_seg0_idx=${centre}`);
    }
  }
  return lines;
}

/** hostapd takes a passphrase for SAE too; `sae_password` has a syntax of its own after a `|`, and is for hex digits here. */
function security({ security: kind, passphrase }: ResolvedApOptions): string[] {
  if (kind === 'open') return [];
  const digits = /^[0-9a-fA-F]{64}$/.test(passphrase);
  const psk = digits ? `wpa_psk=${passphrase}` : `wpa_passphrase=${passphrase}`;
  const sae = digits ? `sae_password=${passphrase}` : `wpa_passphrase=${passphrase}`;
  const common = ['auth_algs=1', 'wpa=2', 'rsn_pairwise=CCMP'];
  if (kind === 'wpa2') return [...common, 'wpa_key_mgmt=WPA-PSK', psk];
  if (kind === 'wpa3') return [...common, 'wpa_key_mgmt=SAE', 'ieee80211w=2', sae];
  return [...common, 'wpa_key_mgmt=WPA-PSK SAE', 'ieee80211w=1', ...new Set([psk, sae])];
}

/** In the 5 GHz band 40 MHz pairs are fixed; in the 2.4 GHz band the lower half of the channels extends upwards. */
function secondaryAbove(band: string, channel: number): boolean {
  if (band === '2.4') return channel <= 7;
  return channel >= 149 ? (channel - 149) % 8 === 0 : (channel - 36) % 8 === 0;
}

function centre80(channel: number): number | undefined {
  return CENTRES_80.find((centre) => Math.abs(centre - channel) <= 6);
}

/** An SSID may hold any bytes: hexadecimal needs no quoting. */
export function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
