/** What runs around a board's kernel: asked of the board itself, once a boot, never assumed. */
import { z } from 'zod';
import { LabError } from '../errors.ts';
import { sanitize } from '../text.ts';
import type { Remote } from './remote.ts';

const ASK_MS = 30_000;

export const INITS = ['systemd', 'procd', 'openrc', 'busybox', 'sysv', 'other'] as const;
export const PACKAGE_MANAGERS = ['apt', 'opkg', 'apk', 'dnf', 'pacman', 'none'] as const;

export const Userland = z.object({
  /** As /etc/os-release calls it. */
  os: z.string(),
  arch: z.string().describe('uname -m'),
  init: z.enum(INITS),
  packageManager: z.enum(PACKAGE_MANAGERS),
  sshServer: z.enum(['openssh', 'dropbear', 'other']),
  sftp: z.boolean(),
  bash: z.boolean(),
  /** Most tools are BusyBox applets, which lack many options. */
  busybox: z.boolean(),
  /** OpenWrt's configuration; how the network is set up there. */
  uci: z.boolean(),
  /** Where its log is read. */
  log: z.enum(['journald', 'logread', 'files', 'none']),
  containers: z.enum(['balena', 'docker', 'podman', 'none']),
  /** Free space in bytes by folder. */
  freeBytes: z.record(z.string(), z.number()),
  /** Seconds since 1970 by the board's clock. */
  clockS: z.number(),
  /** Version by tool, as it says itself, or `there` where that was not asked; absent: not there. */
  tools: z.record(z.string(), z.string()),
});
export type Userland = z.output<typeof Userland>;

/** Shell: says `free`, the folder $d and the last line of df, of which freeBytesOf reads the space left there. */
export const FREE_OF_D =
  'df -k $d 2>/dev/null | { while read -r line; do last=$line; done; echo "free $d $last"; }';

/** Device, blocks, used, available, part, place; the device may have been on a line of its own. Null where df said nothing. */
export function freeBytesOf(line: string): number | null {
  const kib = /\s(\d+)\s+\d+%/.exec(line)?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** What a lab may want on a board, and what each says its version with. */
export const TOOLS: Readonly<Record<string, string>> = {
  iw: 'iw --version',
  hostapd: 'hostapd -v',
  wpa_supplicant: 'wpa_supplicant -v',
  iperf3: 'iperf3 -v',
  tcpdump: 'tcpdump --version',
  ethtool: 'ethtool --version',
  mmcli: 'mmcli --version',
  qmicli: 'qmicli --version',
  uqmi: 'uqmi --version',
  modprobe: 'modprobe --version',
};

/**
 * One line a fact; POSIX, for ash as for bash, and shell built-ins where they do. A tool that is not there costs no process,
 * one that is there costs one only when its version is asked for.
 */
export function userlandScript(versions: boolean): string {
  const has = (program: string) => `command -v ${program} >/dev/null 2>&1`;
  return [
    "nl='\n'; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin",
    '(PRETTY_NAME=unknown; . /etc/os-release 2>/dev/null; echo "os $PRETTY_NAME")',
    'echo "arch $(uname -m)"',
    'i=$(readlink /proc/1/exe 2>/dev/null); case $i in ""|*/init) i=$(cat /proc/1/comm);; esac; echo "init $i"',
    '[ -d /run/systemd/system ] && echo "init systemd"; [ -x /sbin/procd ] && echo "init procd"; [ -d /run/openrc ] && echo "init openrc"',
    ...['apt-get', 'opkg', 'apk', 'dnf', 'pacman'].map((name) => `${has(name)} && echo "packages ${name}"`),
    'for p in /proc/[0-9]*/comm; do read -r c <$p 2>/dev/null && case $c in sshd*) echo "ssh openssh";; dropbear*) echo "ssh dropbear";; esac; done',
    'for f in /usr/lib/openssh/sftp-server /usr/libexec/sftp-server /usr/lib/sftp-server /usr/lib/ssh/sftp-server /usr/libexec/openssh/sftp-server; do [ -x $f ] && echo "sftp yes"; done',
    `${has('bash')} && echo "bash yes"`,
    'case $(readlink -f "$(command -v ls)") in *busybox*) echo "busybox yes";; esac',
    `${has('uci')} && echo "uci yes"`,
    `${has('journalctl')} && echo "log journald"; ${has('logread')} && echo "log logread"; [ -d /var/log ] && echo "log files"`,
    ...['balena-engine', 'docker', 'podman'].map((name) => `${has(name)} && echo "containers ${name}"`),
    `for d in / /tmp /lib/modules /lib/firmware; do [ -d $d ] && ${FREE_OF_D}; done`,
    'echo "clock $(date +%s)"',
    ...Object.entries(TOOLS).map(([name, command]) => {
      const version = versions
        ? `v=$(${command} 2>&1 </dev/null); echo "tool ${name} \${v%%"$nl"*}"`
        : `echo "tool ${name} there"`;
      return `${has(name)} && { ${version}; }`;
    }),
    ':',
  ].join('\n');
}

/** Asks the board in one round trip. Throws LabError when it gives no sensible answer. */
export async function askUserland(
  remote: Remote,
  options: { signal: AbortSignal; versions: boolean },
): Promise<Userland> {
  const { signal, versions } = options;
  const { stdout } = await remote.run(userlandScript(versions), { timeoutMs: ASK_MS, signal, quiet: true });
  return parseUserland(stdout, remote.name);
}

const INIT_OF: readonly [RegExp, Userland['init']][] = [
  [/systemd/, 'systemd'],
  [/procd/, 'procd'],
  [/openrc/, 'openrc'],
  [/busybox/, 'busybox'],
  [/init/, 'sysv'],
];

export function parseUserland(stdout: string, board: string): Userland {
  const facts = stdout.split('\n').map((raw) => {
    const [kind = '', ...rest] = sanitize(raw).trim().split(' ');
    return { kind, text: rest.join(' ') };
  });
  const all = (kind: string) => facts.filter((fact) => fact.kind === kind).map(({ text }) => text);
  const is = (kind: string) => all(kind).includes('yes');
  const inits = all('init').join(' ');
  const manager = all('packages')[0]?.replace('apt-get', 'apt');
  const servers = all('ssh');
  const pairs = (kind: string): [string, string][] =>
    all(kind).map((text) => [text.slice(0, text.indexOf(' ')), text.slice(text.indexOf(' ') + 1)]);
  const parsed = Userland.safeParse({
    os: all('os')[0] ?? 'unknown',
    arch: all('arch')[0],
    init: INIT_OF.find(([pattern]) => pattern.test(inits))?.[1] ?? 'other',
    packageManager: manager ?? 'none',
    sshServer: servers.includes('dropbear') ? 'dropbear' : servers.includes('openssh') ? 'openssh' : 'other',
    sftp: is('sftp'),
    bash: is('bash'),
    busybox: is('busybox'),
    uci: is('uci'),
    log: all('log')[0] ?? 'none',
    containers: all('containers')[0]?.replace('-engine', '') ?? 'none',
    freeBytes: Object.fromEntries(
      pairs('free').flatMap(([dir, line]) => {
        const bytes = freeBytesOf(line);
        return bytes === null ? [] : [[dir, bytes]];
      }),
    ),
    clockS: Number(all('clock')[0]),
    tools: Object.fromEntries(pairs('tool')),
  });
  if (parsed.success) return parsed.data;
  throw new LabError(`${board} did not say what it is: ${z.prettifyError(parsed.error)}`, {
    board,
    code: 'no-userland',
    hint: `hil exec ${board} -- uname -a`,
  });
}
