/** Disconnects as both ends of a link tell of them (wpa_supplicant and hostapd), each counted once. */
import type { EventKind, PayloadInput } from '../journal/event.ts';

export interface Disconnect {
  /** False when the other end has told of this one before. */
  begins: boolean;
  message: string;
}

/** What the end that lost its connection says of it. */
const LOST: Readonly<Record<string, string>> = {
  'CTRL-EVENT-DISCONNECTED': 'the station was disconnected',
  'AP-STA-DISCONNECTED': 'the access point lost its station',
};
const BACK: readonly string[] = ['CTRL-EVENT-CONNECTED', 'AP-STA-CONNECTED'];

export class Outages {
  /** Events that have told of the outage under way. */
  readonly #told = new Set<string>();

  /** Takes any event of the journal; gives the disconnect that it tells of, unless the same end has done so before. */
  see<K extends EventKind>(kind: K, data: PayloadInput<K>): Disconnect | null {
    if (kind !== 'wpa_supplicant.event' && kind !== 'hostapd.event') return null;
    const event = 'event' in data ? data.event : '';
    if (BACK.includes(event)) this.#told.clear();
    const lost = LOST[event];
    if (lost === undefined || this.#told.has(event)) return null;
    const begins = this.#told.size === 0;
    this.#told.add(event);
    const detail = 'detail' in data && data.detail !== undefined ? ` (${data.detail})` : '';
    return { begins, message: `${lost}${detail}` };
  }
}
