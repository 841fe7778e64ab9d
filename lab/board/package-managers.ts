/** The package managers of boards as data: what installs packages by name or from files, says what is installed, and removes it. */

/** Those whose packages can be deployed. */
export const PACKAGE_MANAGERS = ['apt', 'opkg', 'apk'] as const;
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

interface Manager {
  /** Shell: fetches these packages from where the board has them from, and installs them. */
  fetch: (names: string) => string;
  /** Shell: installs these files, also over an older, a newer or the same version. */
  install: (paths: string) => string;
  /** Shell: prints the installed version of $p, or nothing. */
  version: string;
  /** Shell: removes $p. */
  remove: string;
}

const APT = 'DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends';
const ALSO_OLDER = '-q --allow-downgrades --reinstall -o Dpkg::Options::=--force-confold';

/** apt-get(8), opkg of OpenWrt, apk(8). */
export const MANAGERS: Readonly<Record<PackageManager, Manager>> = {
  apt: {
    fetch: (names) => `apt-get update && ${APT} ${names}`,
    install: (paths) => `${APT} ${ALSO_OLDER} ${paths}`,
    version: `dpkg-query -W -f '\${db:Status-Status} \${Version}\\n' "$p" 2>/dev/null | sed -n 's/^installed //p'`,
    remove: 'dpkg --remove "$p"',
  },
  opkg: {
    fetch: (names) => `opkg update && opkg install ${names}`,
    install: (paths) => `opkg install --force-reinstall --force-downgrade ${paths}`,
    version: `opkg status "$p" 2>/dev/null | sed -n 's/^Version: //p'`,
    remove: 'opkg remove "$p"',
  },
  apk: {
    fetch: (names) => `apk add ${names}`,
    install: (paths) => `apk add --allow-untrusted ${paths}`,
    version: `apk list --installed "$p" 2>/dev/null | sed -n "s/^$p-\\([^ ]*\\) .*/\\1/p"`,
    remove: 'apk del "$p"',
  },
};
