/** What a lab file says of one thing must fit what it says of the others. */
import { meant } from './explain.ts';
import type { BoardEntry, LabFile } from './schema.ts';

export interface Mismatch {
  path: PropertyKey[];
  message: string;
}

/** Names that lead nowhere, wires that two boards share, and boards that can't be reached. */
export function mismatches(lab: LabFile): Mismatch[] {
  return [
    ...missingNames(lab),
    ...sharedWires(lab),
    ...Object.entries(lab.boards).flatMap(wiring),
    ...spans(lab),
  ];
}

function missingNames(lab: LabFile): Mismatch[] {
  const found: Mismatch[] = [];
  const check = (path: PropertyKey[], name: string | undefined, kind: string, known: object): void => {
    if (name === undefined || Object.hasOwn(known, name)) return;
    found.push({ path, message: `there is no ${kind} "${name}"${meant(name, Object.keys(known))}` });
  };
  for (const [index, link] of lab.links.entries()) {
    check(['links', index, 'board'], link.board, 'board', lab.boards);
    check(['links', index, 'peer'], link.peer, 'peer', lab.peers);
    check(['links', index, 'attenuator'], link.attenuator, 'attenuator', lab.attenuators);
  }
  for (const [modem, { board }] of Object.entries(lab.modems))
    check(['modems', modem, 'board'], board, 'board', lab.boards);
  for (const [group, members] of Object.entries(lab.groups)) {
    for (const [index, member] of members.entries())
      check(['groups', group, index], member, 'board', lab.boards);
    if (Object.hasOwn(lab.boards, group))
      found.push({ path: ['groups', group], message: `"${group}" is a board already` });
  }
  return found;
}

/** Two boards on one outlet: switching one would switch the other. */
function sharedWires(lab: LabFile): Mismatch[] {
  const found: Mismatch[] = [];
  const owners = new Map<string, string>();
  for (const [board, { power, console: cable, ssh }] of Object.entries(lab.boards)) {
    // One person may switch many.
    const outlet = power === undefined || power === 'none' || power.type === 'manual' ? undefined : power;
    const wires = { power: outlet, console: cable, ssh: ssh && { host: ssh.host, port: ssh.port } };
    for (const [wire, value] of Object.entries(wires)) {
      if (value === undefined) continue;
      const key = `${wire} ${JSON.stringify(value)}`;
      const other = owners.get(key);
      if (other === undefined) owners.set(key, board);
      else
        found.push({
          path: ['boards', board, wire],
          message: `${wire} is the same as that of ${other}: two boards can't share it`,
        });
    }
  }
  return found;
}

function wiring([name, entry]: [string, BoardEntry]): Mismatch[] {
  const own = (['power', 'console', 'ssh'] as const).filter((wire) => entry[wire] !== undefined);
  if (entry.virtual) {
    if (entry.profile.startsWith('virtual'))
      return own.map((wire) => ({
        path: ['boards', name, wire],
        message: `a virtual board brings its own ${wire}; leave it out, or "virtual: true"`,
      }));
    return [{ path: ['boards', name, 'profile'], message: 'a virtual board has a profile "virtual..."' }];
  }
  const missing: Mismatch[] = [];
  if (entry.ssh === undefined)
    missing.push({
      path: ['boards', name],
      message: '"ssh" is missing: expected host (and port, user) of its SSH server, or "virtual: true"',
    });
  if (entry.power === undefined)
    missing.push({
      path: ['boards', name],
      message: '"power" is missing: expected what switches it, or "power: none" where it is always on',
    });
  if (entry.power === 'none' && entry.endState === 'off')
    missing.push({
      path: ['boards', name, 'power'],
      message: 'a board that nothing switches stays on: "endState: on" is missing',
    });
  return missing;
}

function spans(lab: LabFile): Mismatch[] {
  return Object.entries(lab.attenuators)
    .filter(([, { minDb, maxDb }]) => minDb >= maxDb)
    .map(([name, { minDb }]) => ({
      path: ['attenuators', name, 'maxDb'],
      message: `expected more than minDb, which is ${minDb}`,
    }));
}
