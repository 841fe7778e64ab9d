/** A router with OpenWrt: BusyBox, dropbear, a console that wants a key before it shows a shell. */
import { LOGIN } from './login.ts';
import type { DeviceProfile } from './profile.ts';

export const openwrt: DeviceProfile = {
  name: 'openwrt',
  title: 'OpenWrt router',
  arch: 'aarch64',
  capabilities: ['power', 'console', 'ssh', 'wifi-ap', 'band-2.4', 'band-5', 'modules'],
  console: { ...LOGIN, loginPrompt: 'Please press Enter to activate this console.', bootTimeoutMs: 240_000 },
  ssh: { user: 'root' },
  bootloader: { name: 'u-boot', method: 'bootm' },
  driver: { module: 'mt76', parameters: {}, related: ['mac80211', 'cfg80211'], firmware: [] },
  radios: [{ interface: 'phy0-ap0', role: 'ap', namespace: null }],
  allow: [],
  throughput: { tcpFloorBps: 50e6, udpFloorRatio: 0.95, dipsPerMinute: 0 },
};
