/** The network namespace that a radio is moved to, so that what its station sends crosses the air. */
import { quote, type Remote } from '../board/remote.ts';
import { LabError } from '../errors.ts';
import type { UndoStack } from './undo.ts';

/** Exit code of the script below: somebody is in the namespace. */
const IN_USE = 3;

/** A command line for a namespace; null is the root one. */
export function inNamespace(namespace: string | null, command: string): string {
  return namespace === null ? command : `ip netns exec ${quote(namespace)} sh -c ${quote(command)}`;
}

/** Brings all radios of a namespace back and removes it. One goes back by itself then, but only some time later. */
const dissolve = (name: string) => `
for phy in $(ip netns exec ${name} ls /sys/class/ieee80211 2>/dev/null); do
  ip netns exec ${name} iw phy "$phy" set netns 1 || exit 1
done
ip netns del ${name}`;

/**
 * Removes a namespace that was left behind (by a controller that was killed). Throws LabError (code `interface-held`)
 * when programs run in it: then it is in use.
 */
export async function reclaimNamespace(remote: Remote, namespace: string): Promise<void> {
  const name = quote(namespace);
  const script = `if [ -e /run/netns/${name} ]; then (
pids=$(ip netns pids ${name})
for p in $pids; do echo "$p $(tr '\\0' ' ' </proc/$p/cmdline)"; done
[ -z "$pids" ] || exit ${IN_USE}${dissolve(name)}
); fi`;
  const { exitCode, stdout, stderr } = await remote.run(script);
  if (exitCode === 0) return;
  if (exitCode === IN_USE) {
    throw new LabError(`${remote.name}: the network namespace ${namespace} is in use: ${stdout.trim()}`, {
      board: remote.name,
      code: 'interface-held',
      hint: 'another station is up on this board: stop it first',
    });
  }
  throw new LabError(
    `${remote.name}: the network namespace ${namespace} cannot be removed: ${stderr.trim()}`,
    {
      board: remote.name,
      code: 'namespace',
      hint: 'power-cycle the board',
    },
  );
}

/** Makes the namespace and moves a radio there; `undo` gets what brings it back, whoever may still run there. */
export async function enterNamespace(
  remote: Remote,
  phy: string,
  namespace: string,
  undo: UndoStack,
): Promise<void> {
  const name = quote(namespace);
  undo.push('namespace', () => remote.check(`if [ -e /run/netns/${name} ]; then (${dissolve(name)}\n); fi`));
  const move = `iw phy ${quote(phy)} set netns name ${name}`;
  await remote.check(`ip netns add ${name} && ip netns exec ${name} ip link set lo up && ${move}`);
}
