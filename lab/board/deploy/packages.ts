/** Packages of a bundle on a board: their versions before, their installation from files, and its undoing. */
import { ProductError } from '../../errors.ts';
import { sanitize } from '../../text.ts';
import { MANAGERS } from '../package-managers.ts';
import { quote, type Remote } from '../remote.ts';
import type { PackageFacts } from './package-file.ts';

type Managed = Pick<PackageFacts, 'manager' | 'name'>;

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
