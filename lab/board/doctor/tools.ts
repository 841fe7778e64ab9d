/** Which tools a board's capabilities need, and what installs them. */
import { MANAGERS, PACKAGE_MANAGERS, type PackageManager } from '../package-managers.ts';
import type { Userland } from '../userland.ts';

/** Tools by capability. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'wifi-ap': ['iw', 'hostapd'],
  'wifi-station': ['iw', 'wpa_supplicant'],
  iperf3: ['iperf3'],
  wwan: ['mmcli'],
  modules: ['modprobe'],
};

/** Package by tool where it has another name, by package manager. */
const PACKAGES: Readonly<Record<PackageManager, Readonly<Record<string, string>>>> = {
  apt: { wpa_supplicant: 'wpasupplicant', modprobe: 'kmod', mmcli: 'modemmanager', qmicli: 'libqmi-utils' },
  opkg: { hostapd: 'wpad', wpa_supplicant: 'wpad', modprobe: 'kmod', mmcli: 'modemmanager' },
  apk: { modprobe: 'kmod', mmcli: 'modemmanager', qmicli: 'qmi-utils' },
};

/** Tools that the capabilities need and the board lacks. */
export function missingTools({ tools }: Userland, capabilities: readonly string[]): string[] {
  const needed = new Set(capabilities.flatMap((capability) => NEEDED[capability] ?? []));
  return [...needed].filter((name) => tools[name] === undefined);
}

/** The command that installs them on the board; null where its package manager is not known. */
export function installCommand({ packageManager }: Userland, tools: readonly string[]): string | null {
  const manager = PACKAGE_MANAGERS.find((each) => each === packageManager);
  if (!manager) return null;
  const names = PACKAGES[manager];
  return MANAGERS[manager].fetch([...new Set(tools.map((tool) => names[tool] ?? tool))].join(' '));
}
