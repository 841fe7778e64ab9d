/** A virtual board as small as a router: BusyBox and dropbear; no SFTP, bash, udev or coreutils. */
import { simulated } from './simulated.ts';

export const virtualSmall = simulated({
  name: 'virtual-small',
  title: 'QEMU x86-64, BusyBox and dropbear, mac80211_hwsim',
  arch: 'x86_64',
  capabilities: ['snapshot', 'crash-log', 'panic-event', 'watchdog'],
});
