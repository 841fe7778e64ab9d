/** The virtual board: a small Debian in QEMU. */
import { simulated } from './simulated.ts';

export const virtual = simulated({
  name: 'virtual',
  title: 'QEMU x86-64, Debian 12 kernel, mac80211_hwsim',
  arch: 'x86_64',
  capabilities: ['snapshot', 'crash-log', 'panic-event', 'watchdog'],
});
