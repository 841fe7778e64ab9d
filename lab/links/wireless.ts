/** The radios of a board, and whether one can be had for what is wanted. */
import { quote, type Remote } from '../board/remote.ts';
import { ConfigError, LabError, ProductError } from '../errors.ts';
import {
  type Channel,
  holds,
  type Manager,
  type Phy,
  parseCountry,
  parseInterfaces,
  parseIwPhy,
  parseManagers,
  type WirelessInterface,
} from './wireless-parse.ts';

export interface Wireless {
  /** Of the whole board (of its own namespace). */
  interfaces: WirelessInterface[];
  /** The radio of the interface that was asked about. */
  phy: Phy | null;
  /** The country in effect for that radio. */
  country: string | null;
  /** Of radios only: `phy0` -> why it can't send. */
  blocked: Record<string, string>;
  managers: Manager[];
}

/**
 * Names come from sysfs: `iw dev`, `iw phy` and `iw reg get` take their own word for an interface first, for which the
 * kernel looks for a module, twice. A program that has ended but not been reaped has no command line.
 */
const ASK = `
for d in /sys/class/net/*/phy80211; do i=\${d%/phy80211}; [ -e "$d/name" ] && read -r p <$d/name && echo "\${i##*/} $p"; done; echo '=== '
if [ -e "/sys/class/net/$wanted/phy80211/name" ]; then read -r p <"/sys/class/net/$wanted/phy80211/name"; iw phy "$p" info; echo '=== '; iw phy "$p" reg get; else echo '=== '; fi; echo '=== '
for r in /sys/class/rfkill/rfkill*; do [ -e "$r/name" ] && read -r name <$r/name && read -r soft <$r/soft && read -r hard <$r/hard && echo "$name $soft $hard"; done; echo '=== '
for c in /proc/[0-9]*/comm; do
  { read -r name <$c; } 2>/dev/null || continue
  case $name in hostapd|wpa_supplicant|NetworkManager|iwd|connmand) ;; *) continue ;; esac
  p=\${c%/comm}; words=$(tr '\\0' ' ' <$p/cmdline); [ -n "$words" ] || continue; interfaces=; unmanaged=
  case $name in
  hostapd) interfaces=$(cd $p/cwd && grep -hs -e '^interface=' -- $words | sed 's/.*=//' | tr '\\n' ,) ;;
  NetworkManager) unmanaged=$(nmcli -t -f DEVICE,STATE device 2>/dev/null | sed -n 's/:unmanaged$//p' | tr '\\n' ,) ;;
  esac
  echo "\${p#/proc/} $words interfaces=$interfaces unmanaged=$unmanaged"
done`;

/** Asks the board for all of it in one go, and for the radio of `name`. */
export async function askWireless(remote: Remote, name: string): Promise<Wireless> {
  const { stdout, stderr } = await remote.run(`(wanted=${quote(name)}${ASK})`, { timeoutMs: 20_000 });
  if (/\biw: (?:command )?not found/.test(stderr)) throw missingTool(remote.name, 'iw', 'iw');
  const [names = '', phy = '', reg = '', rfkill = '', processes = ''] = stdout.split('=== \n');
  const blocked: Record<string, string> = {};
  for (const line of rfkill.split('\n')) {
    const match = /^(\S+) ([01]) ([01])$/.exec(line);
    if (match?.[1] === undefined) continue;
    if (match[3] === '1') blocked[match[1]] = 'hardware switch';
    else if (match[2] === '1') blocked[match[1]] = 'software (rfkill)';
  }
  return {
    interfaces: parseInterfaces(names),
    phy: parseIwPhy(phy),
    country: parseCountry(reg),
    blocked,
    managers: parseManagers(processes),
  };
}

export function missingTool(board: string, tool: string, debianPackage: string): ConfigError {
  return new ConfigError(`${board} has no ${tool}`, {
    board,
    code: 'tool-missing',
    hint: `install it on the board (Debian: apt-get install ${debianPackage})`,
  });
}

/** A command that takes the addresses off an interface and puts it down, if it is still there. */
export function releaseInterface(name: string): string {
  const link = quote(name);
  return `if [ -e /sys/class/net/${link} ]; then ip addr flush dev ${link} && ip link set ${link} down; fi`;
}

/** Words for a control program, so that the shell takes none of them for its own. */
export function words(command: string): string {
  return command.trim().split(/\s+/).map(quote).join(' ');
}

/**
 * The radio of an interface, ready to be used in a mode. Throws, saying what is missing: no such interface, mode not
 * supported, radio blocked, held by another program.
 */
export function usable(board: string, wireless: Wireless, name: string, mode: 'AP' | 'managed'): Phy {
  const found = wireless.interfaces.find((each) => each.name === name);
  if (!found) {
    const there = wireless.interfaces.map((each) => each.name).join(', ');
    throw new ProductError(`${board} has no wireless interface ${name}`, {
      board,
      code: 'no-interface',
      hint:
        there === '' ? 'it has none at all: is the driver loaded, its firmware there?' : `it has ${there}`,
    });
  }
  const { phy } = wireless;
  if (phy?.name !== found.phy)
    throw new LabError(`${board}: iw tells nothing of ${found.phy}, the radio of ${name}`, { board });
  if (!phy.modes.includes(mode)) {
    throw new ProductError(`${board}: ${name} can't be ${mode === 'AP' ? 'an access point' : 'a station'}`, {
      board,
      code: 'mode-unsupported',
      hint: `${phy.name} supports ${phy.modes.join(', ')}; another interface may be the right one`,
    });
  }
  const why = wireless.blocked[phy.name];
  if (why !== undefined) {
    throw new LabError(`${board}: the radio of ${name} is blocked by ${why}`, {
      board,
      code: 'rfkill',
      hint: 'rfkill unblock all',
    });
  }
  const holder = wireless.managers.find((manager) => holds(manager, name));
  if (holder !== undefined) {
    throw new LabError(`${board}: another program holds ${name}: ${holder.pid} ${holder.command}`, {
      board,
      code: 'interface-held',
      hint: `end it, or keep it off ${name} (NetworkManager: nmcli device set ${name} managed no)`,
    });
  }
  return phy;
}

/** Throws ProductError or ConfigError when the radio may not send on a channel, saying why. */
export function checkAllowed(
  board: string,
  phy: Phy,
  wanted: { frequencyMhz: number; country: string | undefined },
  inEffect: string | null,
): void {
  const { frequencyMhz } = wanted;
  const channel: Channel | undefined = phy.channels.find((each) => each.frequencyMhz === frequencyMhz);
  const free = phy.channels.filter((each) => !each.disabled && !each.noIr && !each.radar);
  const where = `in country ${inEffect ?? '?'}`;
  const hint = `${where} it may send on ${free.map((each) => each.channel).join(', ')}`;
  if (!channel)
    throw new ProductError(`${board}: ${phy.name} has no ${frequencyMhz} MHz`, {
      board,
      code: 'channel-unsupported',
      hint,
    });
  const what = `${board}: channel ${channel.channel} (${frequencyMhz} MHz)`;
  const advice = wanted.country === undefined ? `give the country with the request; ${hint}` : hint;
  const forbidden = (why: string) =>
    new ConfigError(`${what} ${why} ${where}`, { board, code: 'channel-forbidden', hint: advice });
  if (channel.disabled) throw forbidden('is disabled');
  if (channel.noIr) throw forbidden('may only listen (no IR)');
  if (channel.radar && wanted.country === undefined) throw forbidden('has to be watched for radar');
}
