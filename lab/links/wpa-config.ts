/** wpa_supplicant.conf from typed options. Format: wpa_supplicant's own commented wpa_supplicant.conf (w1.fi). */
import type { z } from 'zod';
import { hex } from './hostapd-config.ts';
import type { StationOptions } from './station-options.ts';

export type ResolvedStationOptions = z.output<typeof StationOptions> & { interface: string };

/** The text of wpa_supplicant.conf. `controlDir`: where wpa_supplicant makes its control socket. */
export function wpaSupplicantConfig(options: ResolvedStationOptions, controlDir: string): string {
  const network = [
    `ssid=${hex(options.ssid)}`,
    ...(options.hidden ? ['scan_ssid=1'] : []),
    ...(options.frequencyMhz === undefined
      ? []
      : [`scan_freq=${options.frequencyMhz}`, `freq_list=${options.frequencyMhz}`]),
    ...(options.bssid === undefined ? [] : [`bssid=${options.bssid}`]),
    ...security(options),
    ...options.extra,
  ];
  return [
    `ctrl_interface=${controlDir}`,
    ...(options.country === undefined ? [] : [`country=${options.country}`]),
    'sae_pwe=2',
    'network={',
    ...network.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
}

function security({ security: kind, passphrase }: ResolvedStationOptions): string[] {
  if (kind === 'open') return ['key_mgmt=NONE'];
  const raw = /^[0-9a-fA-F]{64}$/.test(passphrase);
  // Within quotes wpa_supplicant takes everything up to the last quote of the line.
  if (kind === 'wpa3') return ['key_mgmt=SAE', 'ieee80211w=2', `sae_password="${passphrase}"`];
  return ['key_mgmt=WPA-PSK', `psk=${raw ? passphrase : `"${passphrase}"`}`];
}
