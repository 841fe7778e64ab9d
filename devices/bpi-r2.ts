/** Banana Pi BPI-R2 (MT7623N) with its on-board MT6625L by the vendor's wlan_gen2 driver: ap0 is the access point. */
import { LOGIN } from './login.ts';
import type { DeviceProfile } from './profile.ts';

export const bpiR2: DeviceProfile = {
  name: 'bpi-r2',
  title: 'Banana Pi BPI-R2, MT6625L',
  arch: 'arm',
  capabilities: [
    'power',
    'console',
    'ssh',
    'wifi-ap',
    'wifi-station',
    'band-2.4',
    'band-5',
    'iperf3',
    'modules',
  ],
  console: LOGIN,
  ssh: { user: 'root' },
  bootloader: { name: 'u-boot', method: 'bootm' },
  driver: {
    module: 'wlan_gen2',
    parameters: {},
    related: ['cfg80211'],
    firmware: ['/lib/firmware/ROMv2_patch_1_0_hdr.bin', '/lib/firmware/WIFI_RAM_CODE_MT6625L'],
  },
  radios: [{ interface: 'ap0', role: 'ap', namespace: null }],
  allow: [],
  // What its users report as reachable, and what they ask of it for half an hour.
  throughput: { tcpFloorBps: 15e6, udpFloorRatio: 0.75, dipsPerMinute: 0 },
};
