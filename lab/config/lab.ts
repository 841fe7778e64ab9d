/** The boards of this lab: as its lab file describes them, or, without one, the virtual lab. */
import { relative, resolve } from 'node:path';
import { type DeviceProfile, PROFILES } from '../../devices/index.ts';
import { defined } from '../defined.ts';
import { ConfigError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { Problem } from './document.ts';
import { readDocument } from './document.ts';
import { explain, nameOf } from './explain.ts';
import { labFile } from './find.ts';
import { mismatches } from './references.ts';
import {
  type BoardEntry,
  type KnownGoodEntry,
  LabFile,
  type LinkEntry,
  labJsonSchema,
  type NetbootEntry,
  type PeerEntry,
  type SshEntry,
} from './schema.ts';

/** How a board on the bench is wired. */
export interface Wiring {
  power: Exclude<BoardEntry['power'], undefined>;
  powerPolicy: BoardEntry['powerPolicy'];
  /** Null where it has none: a laptop on the network. */
  console: Exclude<BoardEntry['console'], undefined> | null;
  ssh: SshEntry;
  password: Secret | null;
  netboot: NetbootEntry | null;
  knownGood: KnownGoodEntry | null;
}

export interface BoardConfig {
  name: string;
  profile: DeviceProfile;
  /** Null: a virtual board, which QEMU wires. */
  wiring: Wiring | null;
  /** What it is left in when nobody uses it. */
  endState: 'off' | 'on';
  /** Used only by who asks for it by name. */
  onlyByName: boolean;
  /** What the lab file says is plugged into it. */
  modems: readonly ModemConfig[];
}

export interface ModemConfig {
  name: string;
  /** USB vendor and product. */
  usb?: string;
  interface?: string;
}

export interface LabConfig {
  /** Null: the virtual lab. */
  file: string | null;
  boards: readonly BoardConfig[];
  peers: Readonly<Record<string, PeerEntry>>;
  links: readonly LinkEntry[];
  groups: Readonly<Record<string, readonly string[]>>;
  /** The rest of the file: modems, attenuators. */
  entry: LabFile | null;
}

/** Four boards of the usual kind: what two cores can keep busy. None runs before it is used. */
const VIRTUAL_BOARDS: readonly { name: string; kind: string; onlyByName: boolean }[] = [
  ...['vb1', 'vb2', 'vb3', 'vb4'].map((name) => ({ name, kind: 'virtual', onlyByName: false })),
  { name: 'va1', kind: 'virtual-arm64', onlyByName: true },
  { name: 'vs1', kind: 'virtual-small', onlyByName: true },
];

export function virtualLab(): LabConfig {
  return {
    file: null,
    boards: VIRTUAL_BOARDS.map(({ name, kind, onlyByName }) => ({
      ...virtualBoard(name, profileOf(kind)),
      onlyByName,
    })),
    peers: {},
    links: [],
    groups: {},
    entry: null,
  };
}

/** The lab of this machine. Throws ConfigError with everything that is wrong with its file. */
export function loadLab(file = labFile()): LabConfig {
  if (file === null) return virtualLab();
  const { config, problems } = checkLab(file);
  if (config !== null) return config;
  const [first] = problems;
  throw new ConfigError(
    `the lab file has ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:\n${problems.map((each) => `  ${lineOf(each)}`).join('\n')}`,
    { code: 'lab-file', hint: `hil lab check ${first?.file ?? file}; hil lab schema for what there may be` },
  );
}

/** The lab that a file describes, or what is wrong with it, in the order of the lines. Reads no secret. */
export function checkLab(file: string): { config: LabConfig | null; problems: Problem[] } {
  const document = readDocument(file);
  const { problems } = document;
  if (problems.length > 0) return { config: null, problems };
  const parsed = LabFile.safeParse(document.value);
  if (!parsed.success) problems.push(...explain(parsed.error.issues, document, labJsonSchema()));
  else
    for (const { path, message } of mismatches(parsed.data))
      problems.push({ ...document.placeOf(path, 'key'), message: `${nameOf(path)}: ${message}` });
  if (!parsed.success || problems.length > 0) {
    problems.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column);
    return { config: null, problems };
  }
  const { boards, peers, links, groups } = parsed.data;
  const config = {
    ...{ file: resolve(file), peers, links, groups, entry: parsed.data },
    boards: Object.entries(boards).map(([name, entry]) => linked(boardOf(name, entry), parsed.data)),
  };
  return { config, problems };
}

/** `lab.yaml:12:5: boards.bpi1.power: ...` */
export function lineOf({ file, line, column, message }: Problem): string {
  const near = relative(process.cwd(), file);
  return `${near.startsWith('..') ? file : near}:${line}:${column}: ${message}`;
}

/** All secrets that a lab file refers to. */
export function secretsOf(value: unknown): Secret[] {
  if (value instanceof Secret) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsOf) : [];
}

function profileOf(name: string): DeviceProfile {
  const profile = PROFILES[name];
  if (!profile) throw new ConfigError(`devices/ has no profile "${name}"`);
  return profile;
}

function virtualBoard(name: string, profile: DeviceProfile): BoardConfig {
  return { name, profile, wiring: null, endState: 'off', onlyByName: false, modems: [] };
}

function boardOf(name: string, entry: BoardEntry): BoardConfig {
  const profile = adapted(profileOf(entry.profile), entry);
  const { virtual, ssh, power, endState, onlyByName } = entry;
  if (virtual || !ssh || !power) return { ...virtualBoard(name, profile), endState, onlyByName };
  const wiring = {
    ...{ power, powerPolicy: entry.powerPolicy, console: entry.console ?? null, ssh },
    password: entry.login?.password ?? null,
    ...{ netboot: entry.netboot ?? null, knownGood: entry.knownGood ?? null },
  };
  return { name, profile, wiring, endState, onlyByName, modems: [] };
}

/** With its modems, and what its peers bring: a test that needs a station can have that of a peer. */
function linked(board: BoardConfig, { links, peers, modems }: LabFile): BoardConfig {
  const roles = links
    .filter((link) => link.board === board.name && link.kind === 'wifi')
    .flatMap(({ peer }) => peers[peer]?.roles ?? []);
  const brought = roles.flatMap((role) => (role === 'ap' || role === 'station' ? [`wifi-${role}`] : []));
  const { profile } = board;
  return {
    ...board,
    modems: Object.entries(modems)
      .filter(([, modem]) => modem.board === board.name)
      .map(([name, { usb, interface: link }]) => ({ name, ...defined({ usb, interface: link }) })),
    profile: { ...profile, capabilities: [...new Set([...profile.capabilities, ...brought])] },
  };
}

/** The profile with what this one board has otherwise. */
function adapted(profile: DeviceProfile, entry: BoardEntry): DeviceProfile {
  const { capabilities, login, ssh, radios, driver, throughput, bootTimeout, description } = entry;
  const { console: port, throughput: floors } = profile;
  const removed = new Set<string>(capabilities?.remove);
  if (!entry.virtual && entry.console === undefined) removed.add('console');
  if (entry.power === 'none') removed.add('power');
  // A real board is in the air that all share.
  if (!entry.virtual) removed.add('shared-air');
  const all = [...profile.capabilities, ...(capabilities?.add ?? [])];
  return {
    ...profile,
    title: description ?? profile.title,
    arch: entry.arch ?? profile.arch,
    capabilities: [...new Set(all)].filter((each) => !removed.has(each)),
    console: {
      ...port,
      user: login?.user ?? port.user,
      loginPrompt: login?.prompt ?? port.loginPrompt,
      bootTimeoutMs: bootTimeout ?? port.bootTimeoutMs,
    },
    ssh: { user: ssh?.user ?? profile.ssh.user },
    bootloader: entry.bootloader ?? profile.bootloader,
    radios: radios ?? profile.radios,
    driver: driver ?? profile.driver,
    throughput: {
      tcpFloorBps:
        throughput?.tcpFloorMbit === undefined ? floors.tcpFloorBps : throughput.tcpFloorMbit * 1e6,
      udpFloorRatio: throughput?.udpFloorRatio ?? floors.udpFloorRatio,
      dipsPerMinute: throughput?.dipsPerMinute ?? floors.dipsPerMinute,
    },
  };
}
