/** Disconnects as both ends of a link tell of them (wpa_supplicant and hostapd), each once. Pure. */
import type { EventKind, PayloadInput } from '../../journal/event.ts';
import { reasonText } from './reasons.ts';

/** Who ended the connection: `air` when an end stopped hearing the other. */
export type Culprit = 'station' | 'access-point' | 'air' | 'unknown';

export interface Disconnect {
  /** In any one clock, seconds. */
  atS: number;
  by: Culprit;
  reason: number | null;
  /** Until the station was connected again; null while it is not. */
  backAfterS: number | null;
  /** A whole sentence's worth: what was lost, by whom, why. */
  message: string;
}

/** Beacons or answers stopped coming: wpa_supplicant then ends the connection itself, with this reason. */
const UNHEARD = 4;

export class Outages {
  readonly #all: Disconnect[] = [];
  #open: Disconnect | null = null;
  /** What it was connected to. */
  #bssid: string | null = null;

  get all(): readonly Disconnect[] {
    return this.#all;
  }

  /** Takes any event of the journal; gives the disconnect that begins with it. The other end's word of it is added to the first. */
  see<K extends EventKind>(kind: K, data: PayloadInput<K>, atS: number): Disconnect | null {
    if (kind === 'wpa_supplicant.event')
      return this.#station(data as PayloadInput<'wpa_supplicant.event'>, atS);
    if (kind === 'hostapd.event') return this.#accessPoint(data as PayloadInput<'hostapd.event'>, atS);
    return null;
  }

  #station(data: PayloadInput<'wpa_supplicant.event'>, atS: number): Disconnect | null {
    const { event, bssid, reason, locallyGenerated = false, detail } = data;
    if (event === 'CTRL-EVENT-CONNECTED') {
      const roamed =
        this.#open === null && this.#bssid !== null && bssid !== undefined && bssid !== this.#bssid;
      const before = this.#bssid;
      this.#bssid = bssid ?? this.#bssid;
      this.#back(atS);
      if (!roamed) return null;
      const roam = this.#begin({
        ...{ atS, by: 'station', reason: null, backAfterS: 0 },
        message: `the station roamed from ${before} to ${bssid}`,
      });
      this.#open = null;
      return roam;
    }
    if (event !== 'CTRL-EVENT-DISCONNECTED') return null;
    const by: Culprit = !locallyGenerated ? 'access-point' : reason === UNHEARD ? 'air' : 'station';
    const why = reason === undefined ? '' : `, reason ${reasonText(reason)}`;
    const message = `the station was disconnected by ${TOLD[by]}${why}${detail === undefined ? '' : ` (${detail})`}`;
    if (this.#open) {
      // The station knows who it was; the access point only that it is gone.
      if (this.#open.by === 'unknown') Object.assign(this.#open, { by, reason: reason ?? null });
      if (!this.#open.message.includes(message)) this.#open.message += `; ${message}`;
      return null;
    }
    return this.#begin({ atS, by, reason: reason ?? null, backAfterS: null, message });
  }

  #accessPoint({ event, detail }: PayloadInput<'hostapd.event'>, atS: number): Disconnect | null {
    if (event === 'AP-STA-CONNECTED') this.#back(atS);
    if (event !== 'AP-STA-DISCONNECTED') return null;
    const message = `the access point lost its station${detail === undefined ? '' : ` (${detail})`}`;
    if (this.#open) {
      if (!this.#open.message.includes('the access point lost')) this.#open.message += `; ${message}`;
      return null;
    }
    return this.#begin({ atS, by: 'unknown', reason: null, backAfterS: null, message });
  }

  #begin(disconnect: Disconnect): Disconnect {
    this.#all.push(disconnect);
    this.#open = disconnect;
    return disconnect;
  }

  #back(atS: number): void {
    if (this.#open) this.#open.backAfterS = atS - this.#open.atS;
    this.#open = null;
  }
}

const TOLD: Readonly<Record<Culprit, string>> = {
  station: 'itself',
  'access-point': 'the access point',
  air: 'what it no longer heard',
  unknown: 'somebody',
};
