/** Any Linux machine with SSH: what a lab file says of it (radios, driver, capabilities) makes it a certain one. */
import { LOGIN } from './login.ts';
import type { DeviceProfile } from './profile.ts';

export const linux: DeviceProfile = {
  name: 'linux',
  title: 'Linux machine',
  arch: 'x86_64',
  capabilities: ['power', 'console', 'ssh', 'modules'],
  console: LOGIN,
  ssh: { user: 'root' },
  bootloader: null,
  driver: { module: 'cfg80211', parameters: {}, related: ['mac80211'], firmware: [] },
  radios: [],
  allow: [],
  throughput: { tcpFloorBps: 15e6, udpFloorRatio: 0.95, dipsPerMinute: 0 },
};
