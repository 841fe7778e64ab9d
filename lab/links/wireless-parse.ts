/** What `iw` prints (iw 5.19) to data. */

export interface WirelessInterface {
  name: string;
  phy: string;
  mac: string;
  type: string;
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

/** `iw dev` */
export function parseIwDev(text: string): WirelessInterface[] {
  const result: WirelessInterface[] = [];
  let phy = '';
  for (const line of text.split('\n')) {
    const header = /^phy#(\d+)/.exec(line);
    if (header) phy = `phy${header[1]}`;
    const name = /^\tInterface (\S+)/.exec(line)?.[1];
    if (name !== undefined) result.push({ name, phy, mac: '', type: '' });
    const last = result.at(-1);
    if (!last) continue;
    last.mac = /^\t\taddr (\S+)/.exec(line)?.[1] ?? last.mac;
    last.type = /^\t\ttype (.+)/.exec(line)?.[1] ?? last.type;
  }
  return result;
}

/** `iw phy` */
export function parseIwPhy(text: string): Phy[] {
  const result: Phy[] = [];
  let inModes = false;
  for (const line of text.split('\n')) {
    const name = /^Wiphy (\S+)/.exec(line)?.[1];
    if (name !== undefined) result.push({ name, modes: [], channels: [] });
    const phy = result.at(-1);
    if (!phy) continue;
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
