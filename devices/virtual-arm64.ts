/** A virtual arm64 board under U-Boot, which fetches its kernel over TFTP. It has neither watchdog nor pvpanic. */
import { simulated } from './simulated.ts';

export const virtualArm64 = simulated({
  name: 'virtual-arm64',
  title: 'QEMU arm64, U-Boot, Debian 12 kernel, mac80211_hwsim',
  arch: 'aarch64',
  bootloader: { name: 'u-boot', method: 'booti' },
  capabilities: ['u-boot', 'crash-log', 'snapshot'],
});
