/** What `iw` prints (iw 5.19) to data. */

export interface WirelessInterface {
  name: string;
  /** Name of its radio. */
  phy: string;
}

/** A program that drives radios by itself. */
export interface Manager {
  pid: number;
  command: string;
  /** Interfaces that its configuration files name. */
  interfaces: string[];
  /** Interfaces that it was told to leave alone (NetworkManager). */
  unmanaged: string[];
}

export interface Channel {
  frequencyMhz: number;
  channel: number;
  disabled: boolean;
  noIr: boolean;
  radar: boolean;
}

export interface Phy {
  name: string;
  modes: string[];
  channels: Channel[];
}

/** What the script of askWireless prints of interfaces: `wlan0 phy0`. */
export function parseInterfaces(text: string): WirelessInterface[] {
  return text.split('\n').flatMap((line) => {
    const [, name, phy] = /^(\S+) (\S+)$/.exec(line) ?? [];
    return name === undefined || phy === undefined ? [] : [{ name, phy }];
  });
}

/** `iw dev wlan0 info`: the width of the channel it is on, in MHz. */
export function parseWidth(text: string): number | null {
  const width = /^\s*channel \d+ .*\bwidth: (\d+) MHz/m.exec(text)?.[1];
  return width === undefined ? null : Number(width);
}

/** `iw phy phy0 info`; null when it says nothing of a radio. */
export function parseIwPhy(text: string): Phy | null {
  const name = /^Wiphy (\S+)/m.exec(text)?.[1];
  if (name === undefined) return null;
  const phy: Phy = { name, modes: [], channels: [] };
  let inModes = false;
  for (const line of text.split('\n')) {
    if (/^\tSupported interface modes:/.test(line)) {
      inModes = true;
      continue;
    }
    const mode = inModes ? /^\t\t \* (.+)/.exec(line)?.[1] : undefined;
    if (mode === undefined) inModes = false;
    else phy.modes.push(mode);
    const channel = /^\t\t\t\* (\d+)(?:\.\d+)? MHz \[(\d+)\](.*)/.exec(line);
    if (!channel) continue;
    const [, frequency, number, flags = ''] = channel;
    phy.channels.push({
      frequencyMhz: Number(frequency),
      channel: Number(number),
      disabled: /disabled/.test(flags),
      noIr: /no IR/.test(flags),
      radar: /radar/.test(flags),
    });
  }
  return phy;
}

/** The country that `iw phy phy0 reg get` tells first; `00` is the world domain. */
export function parseCountry(text: string): string | null {
  return /^country (\w\w):/m.exec(text)?.[1] ?? null;
}

const MANAGERS = /^(\d+) (.*?) interfaces=(\S*) unmanaged=(\S*)$/;

/** What the script of listWireless prints of programs: `412 hostapd /etc/ap.conf interfaces=wlan0 unmanaged=`. */
export function parseManagers(text: string): Manager[] {
  const names = (list = '') => list.split(',').filter((name) => name !== '');
  return text.split('\n').flatMap((line) => {
    const match = MANAGERS.exec(line);
    if (!match) return [];
    const [, pid, command = '', interfaces, unmanaged] = match;
    return [
      {
        ...{ pid: Number(pid), command: command.trim() },
        ...{ interfaces: names(interfaces), unmanaged: names(unmanaged) },
      },
    ];
  });
}

/** Whether a program has an interface in its hands. */
export function holds({ command, interfaces, unmanaged }: Manager, name: string): boolean {
  if (/\b(?:hostapd|wpa_supplicant)\b/.test(command))
    return interfaces.includes(name) || mentions(command, name);
  return !unmanaged.includes(name);
}

/** As an argument (`-i wlan0`, `-iwlan0`) or in the name of a configuration file, and not as a part of another name. */
function mentions(command: string, name: string): boolean {
  const alone = /^[^A-Za-z0-9]?$/;
  for (let at = command.indexOf(name); at !== -1; at = command.indexOf(name, at + 1)) {
    const before = command.slice(0, at);
    if (!alone.test(command.charAt(at + name.length))) continue;
    if (alone.test(before.slice(-1)) || /(?:^|\s)-i$/.test(before)) return true;
  }
  return false;
}
