/** What `iw` prints (iw 5.19) to data. */

export interface WirelessInterface {
  name: string;
  /** Index of its radio. */
  phy: number;
  mac: string;
  type: string;
  /** While it is on a channel. */
  widthMhz?: number;
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
  /** The number in `phy#0`, by which `iw dev` names it; radios can be renamed. */
  index: number;
  modes: string[];
  channels: Channel[];
}

/** `iw dev` */
export function parseIwDev(text: string): WirelessInterface[] {
  const result: WirelessInterface[] = [];
  let phy = 0;
  for (const line of text.split('\n')) {
    const header = /^phy#(\d+)/.exec(line);
    if (header) phy = Number(header[1]);
    const name = /^\tInterface (\S+)/.exec(line)?.[1];
    if (name !== undefined) result.push({ name, phy, mac: '', type: '' });
    const last = result.at(-1);
    if (!last) continue;
    last.mac = /^\t\taddr (\S+)/.exec(line)?.[1] ?? last.mac;
    last.type = /^\t\ttype (.+)/.exec(line)?.[1] ?? last.type;
    const width = /^\t\tchannel \d+ .*\bwidth: (\d+) MHz/.exec(line)?.[1];
    if (width !== undefined) last.widthMhz = Number(width);
  }
  return result;
}

/** `iw phy` */
export function parseIwPhy(text: string): Phy[] {
  const result: Phy[] = [];
  let inModes = false;
  for (const line of text.split('\n')) {
    const name = /^Wiphy (\S+)/.exec(line)?.[1];
    if (name !== undefined)
      result.push({ name, index: Number(/\d+$/.exec(name)?.[0] ?? -1), modes: [], channels: [] });
    const phy = result.at(-1);
    if (!phy) continue;
    phy.index = Number(/^\twiphy index: (\d+)/.exec(line)?.[1] ?? phy.index);
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
  return result;
}

/** The country of `iw reg get`'s global part; `00` is the world domain. */
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
