/** What virtual boards have in common: two simulated radios (mac80211_hwsim) on a stock kernel of Debian's, in QEMU. */
import { LOGIN } from './login.ts';
import type { DeviceProfile } from './profile.ts';

type Kind = Pick<DeviceProfile, 'name' | 'title' | 'arch' | 'capabilities'> & Partial<DeviceProfile>;

/** The profile of a kind of virtual board; `capabilities` are those that it has besides the common ones. */
export function simulated(kind: Kind): DeviceProfile {
  return { ...COMMON, ...kind, capabilities: [...COMMON.capabilities, ...kind.capabilities] };
}

const COMMON: Omit<DeviceProfile, 'name' | 'title' | 'arch'> = {
  capabilities: [
    'power',
    'reset',
    'console',
    'ssh',
    'wifi-ap',
    'wifi-station',
    'wpa3',
    'band-2.4',
    'band-5',
    'iperf3',
    'modules',
    'shared-air',
  ],
  console: { ...LOGIN, bootTimeoutMs: 120_000 },
  ssh: { user: 'root' },
  bootloader: null,
  driver: {
    module: 'mac80211_hwsim',
    parameters: { radios: '2' },
    related: ['mac80211', 'cfg80211'],
    firmware: ['/lib/firmware/regulatory.db'],
  },
  radios: [
    { interface: 'wlan0', role: 'ap', namespace: null },
    { interface: 'wlan1', role: 'station', namespace: 'sta' },
  ],
  allow: [],
  // Its processor is emulated by a host that may do other things too: an idle one carries 40 Mbit/s and more, and stands
  // still for a part of a second now and then. Of UDP as much must arrive as a soak asks for: 15 of 20 Mbit/s.
  throughput: { tcpFloorBps: 20e6, udpFloorRatio: 0.75, dipsPerMinute: 3 },
};
