/** The machine at the other end of a link: is it there, is its clock right, has it what its roles need? */
import type { PeerEntry } from '../../config/schema.ts';
import { asHilError } from '../../errors.ts';
import { quote, type Remote } from '../remote.ts';
import { parseUserland, type Userland, userlandScript } from '../userland.ts';
import { type Answer, type CheckResult, good, skipped, wrong, wrongBy } from './check.ts';
import { ASK_CLOCK, clockAnswer } from './clock.ts';
import { installCommand, missingTools } from './tools.ts';

/** What it needs of the peer. */
export type Asked = Pick<Remote, 'name' | 'run'>;
type PeerShell = (command: string, signal: AbortSignal) => Promise<string>;

const CAPABILITY: Readonly<Record<PeerEntry['roles'][number], string>> = {
  ap: 'wifi-ap',
  station: 'wifi-station',
  'iperf3-server': 'iperf3',
  monitor: 'monitor',
};

/** All results; none of them is thrown, but for an abort. */
export async function examinePeer(
  peer: PeerEntry,
  machine: Asked,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const shell: PeerShell = async (command, limit) =>
    (await machine.run(command, { signal: limit, quiet: true })).stdout;
  const results: CheckResult[] = [];
  const tell = (area: string, title: string, answer: Answer) => void results.push({ area, title, ...answer });
  let found: Userland;
  try {
    found = parseUserland(await shell(userlandScript(true), signal), machine.name);
    tell('peer', 'it can be reached', good(`${found.os}, ${found.arch}`));
  } catch (error) {
    signal.throwIfAborted();
    tell('peer', 'it can be reached', wrongBy(asHilError(error)));
    return results;
  }
  const said = await shell(ASK_CLOCK, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    return String(error);
  });
  tell('clock', 'its clock is right', clockAnswer(said, 'run an NTP client there'));
  const missing = missingTools(
    found,
    peer.roles.map((role) => CAPABILITY[role]),
  );
  const command = installCommand(found, missing) ?? 'put them there';
  tell(
    'tools',
    'the tools that its roles need are there',
    missing.length === 0 ? good(peer.roles.join(', ')) : wrong(`${missing.join(', ')} missing`, command),
  );
  tell('radio', 'its interface is there', await interfaceOf(peer, shell, signal));
  return results;
}

async function interfaceOf(
  { interface: name, namespace }: PeerEntry,
  shell: PeerShell,
  signal: AbortSignal,
): Promise<Answer> {
  if (name === undefined) return skipped('none is named');
  const look = `test -e /sys/class/net/${quote(name)} && echo there`;
  const inside = namespace === undefined ? look : `ip netns exec ${quote(namespace)} sh -c ${quote(look)}`;
  const said = await shell(`{ ${inside}; } 2>/dev/null; :`, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    return String(error);
  });
  return said.includes('there')
    ? good(name)
    : wrong(`${name} is not there`, 'plug it in, load its driver, or name another one');
}
