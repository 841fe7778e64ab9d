/** An address by DHCP with BusyBox's udhcpc, which is on most boards, and a script of our own, which touches nothing else. */
import { quote, type Remote } from '../board/remote.ts';
import { ProductError } from '../errors.ts';
import { inNamespace } from './namespace.ts';
import { missingTool } from './wireless.ts';

/** Tries, a second apart. */
const TRIES = 8;

/** udhcpc's script (see its README): no name servers, and no route that could take the lab's own way to the board. */
const SCRIPT = `#!/bin/sh
case $1 in
deconfig) ip addr flush dev "$interface" && ip link set "$interface" up ;;
bound | renew) ip addr replace "$ip/\${mask:-24}" dev "$interface" && echo "hil-lease $ip $serverid" ;;
esac
`;

/**
 * Asks once for a lease and gives the interface its address; the client does not stay. Throws ProductError (code
 * `no-dhcp`) when no answer comes within 8 s, ConfigError where there is no udhcpc.
 */
export async function dhcpLease(
  remote: Remote,
  link: string,
  namespace: string | null,
): Promise<{ address: string; server: string }> {
  // Not below /run, where many boards execute nothing.
  const client = inNamespace(
    namespace,
    `udhcpc -i ${quote(link)} -n -q -f -t ${TRIES} -T 1 -s "$HIL_SCRIPT"`,
  );
  const command = `(
export HIL_SCRIPT=$(mktemp /tmp/hil-udhcpc.XXXXXX) && printf %s ${quote(SCRIPT)} >"$HIL_SCRIPT" && chmod 700 "$HIL_SCRIPT" || exit 1
${client}; e=$?; rm -f "$HIL_SCRIPT"; exit $e)`;
  const { exitCode, stdout, stderr } = await remote.run(command, { timeoutMs: (TRIES + 20) * 1000 });
  if (exitCode === 127) throw missingTool(remote.name, 'DHCP client', 'udhcpc');
  const [, address, server] = /^hil-lease (\d+(?:\.\d+){3}) (\d+(?:\.\d+){3})$/m.exec(stdout) ?? [];
  if (exitCode === 0 && address !== undefined && server !== undefined) return { address, server };
  throw new ProductError(`${remote.name}: associated, but no address came by DHCP within ${TRIES} s`, {
    board: remote.name,
    code: 'no-dhcp',
    hint: (stdout + stderr).trim().split('\n').slice(-3).join('\n'),
  });
}
