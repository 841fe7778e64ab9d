/** The package managers of boards as data: what installs files of packages, says what is installed, and removes it. */
import { ProductError } from '../../errors.ts';
import { sanitize } from '../../text.ts';
import { quote, type Remote } from '../remote.ts';
import type { PACKAGE_MANAGERS, PackageFacts } from './package-file.ts';

type Managed = Pick<PackageFacts, 'manager' | 'name'>;

interface Manager {
  /** Shell: installs these files, also over an older, a newer or the same version. */
  install: (paths: string) => string;
  /** Shell: prints the installed version of $p, or nothing. */
  version: string;
  /** Shell: removes $p. */
  remove: string;
}

const APT =
  'DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --allow-downgrades --reinstall -o Dpkg::Options::=--force-confold';

/** apt-get(8), opkg of OpenWrt, apk(8). */
export const MANAGERS: Readonly<Record<(typeof PACKAGE_MANAGERS)[number], Manager>> = {
  apt: {
    install: (paths) => `${APT} ${paths}`,
    version: `dpkg-query -W -f '\${db:Status-Status} \${Version}\\n' "$p" 2>/dev/null | sed -n 's/^installed //p'`,
    remove: 'dpkg --remove "$p"',
  },
  opkg: {
    install: (paths) => `opkg install --force-reinstall --force-downgrade ${paths}`,
    version: `opkg status "$p" 2>/dev/null | sed -n 's/^Version: //p'`,
    remove: 'opkg remove "$p"',
  },
  apk: {
    install: (paths) => `apk add --allow-untrusted ${paths}`,
    version: `apk list --installed "$p" 2>/dev/null | sed -n "s/^$p-\\([^ ]*\\) .*/\\1/p"`,
    remove: 'apk del "$p"',
  },
};

const INSTALL_MS = 600_000;

/** Shell: a line `name version` (or `name -`) for each, what is installed now. */
export function versionsScript(packages: readonly Managed[]): string {
  return packages
    .map(
      ({ manager, name }) =>
        `p=${quote(name)}; v=$(${MANAGERS[manager].version}); echo "$p \${v:--} ${manager}"`,
    )
    .join('\n');
}

/**
 * Shell: removes what was not there before, by the list of versions. What is not as before then - a package that was there in
 * another version can't be had again without its file - is told by a line `left NAME NOW BEFORE`, each `-` where it is not there.
 */
export function removeScript(list: string): string {
  const each = Object.entries(MANAGERS).map(([name, { remove, version }]) =>
    [
      `${name}) if [ "$was" = - ]; then ${remove} >&2; fi; now=$(${version}); now=\${now:--}; `,
      `[ "$now" = "$was" ] || echo "left $p $now $was";;`,
    ].join(''),
  );
  return `if [ -e ${list} ]; then while read -r p was manager; do case $manager in ${each.join(' ')} esac; done < ${list}; fi`;
}

/** Installs package files that are on the board. Throws ProductError with what the manager said. */
export async function installPackages(
  remote: Remote,
  packages: readonly (Managed & { path: string })[],
  signal: AbortSignal,
): Promise<void> {
  const [first] = packages;
  if (!first) return;
  const command = MANAGERS[first.manager].install(packages.map(({ path }) => quote(path)).join(' '));
  const { exitCode, stdout, stderr } = await remote.run(command, { signal, timeoutMs: INSTALL_MS });
  if (exitCode === 0) return;
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).map(sanitize).join('\n');
  throw new ProductError(
    `${first.manager} on ${remote.name} did not install ${packages.map(({ name }) => name).join(', ')}`,
    { board: remote.name, code: 'not-installed', hint: `it said:\n${said}` },
  );
}
