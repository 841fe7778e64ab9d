/** The air between radios, as a pure function: what becomes of each frame that one sends. */
import { defined } from '../../defined.ts';
import { headerOf, payloadBytes } from './ieee80211.ts';
import type { RateTry, SentFrame } from './netlink.ts';
import type { AirCount, AirOptions, Hearing, HearingChange } from './options.ts';
import { airtimeMs, lossAt, receivedRate } from './rates.ts';

export interface Radio {
  /** `vb1/wlan0`. */
  name: string;
  /** By which its kernel knows it. */
  key: Buffer;
}

export interface Delivery {
  to: Radio;
  atMs: number;
  signalDbm: number;
  rxRate: number;
}

export interface Fate {
  /** What its sender is told, and when. */
  status: { atMs: number; acknowledged: boolean; tries: RateTry[]; signalDbm: number };
  deliveries: Delivery[];
}

/** Two radios beside each other. */
const NEAR: Hearing = {
  ...{ hears: true, overhears: false, signalDbm: -30 },
  ...{ loss: 0, tryLoss: 0, delayMs: 0, rateBps: null },
};
/** Addresses that are remembered; scans use ever new ones. */
const ADDRESSES = 4096;
const NO_RATE: RateTry = { index: 0, count: 1, flags: 0 };

interface Path {
  hearing: Hearing;
  /** When the last frame under its rate limit is through, in milliseconds. */
  freeAt: number;
  frames: number;
  bytes: number;
  lost: number;
}

/** What a radio was last seen to use. */
export interface LastUse {
  address: string;
  frequencyMhz: number;
}

export class Medium {
  readonly #options: AirOptions;
  readonly #random: () => number;
  readonly #radios: Radio[] = [];
  readonly #paths = new Map<Radio, Map<Radio, Path>>();
  readonly #owners = new Map<string, Radio>();
  readonly #last = new Map<Radio, LastUse>();
  readonly #busyUntil = new Map<number, number>();
  /** Power of the jammer by frequency in MHz; under 0, on all of them. */
  readonly #jammers = new Map<number, number>();
  #changes: HearingChange[] = [];

  /** @param random in [0, 1) */
  constructor(options: AirOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  get radios(): readonly Radio[] {
    return this.#radios;
  }

  /** A radio is there from now on; what was asked before of all radios holds for it too. */
  add(radio: Radio): void {
    this.#radios.push(radio);
    for (const [from, to] of this.#radios.flatMap((other) => [
      [radio, other] as const,
      [other, radio] as const,
    ])) {
      if (from === to) continue;
      const path = { hearing: NEAR, freeAt: 0, frames: 0, bytes: 0, lost: 0 };
      for (const change of this.#changes) apply(change, from, to, path);
      const paths = this.#paths.get(from) ?? new Map<Radio, Path>();
      this.#paths.set(from, paths.set(to, path));
    }
  }

  remove(radio: Radio): void {
    this.#radios.splice(this.#radios.indexOf(radio), 1);
    this.#paths.delete(radio);
    for (const paths of this.#paths.values()) paths.delete(radio);
    for (const [address, owner] of this.#owners) if (owner === radio) this.#owners.delete(address);
    this.#last.delete(radio);
  }

  set(change: HearingChange): void {
    this.#changes.push(change);
    for (const [from, paths] of this.#paths) for (const [to, path] of paths) apply(change, from, to, path);
  }

  /** Noise of this power on a channel (null: on all); -Infinity ends it. */
  jam(frequencyMhz: number | null, powerDbm: number): void {
    this.#jammers.set(frequencyMhz ?? -1, powerDbm);
  }

  /** Null before it has sent a frame. */
  lastUse(radio: Radio): LastUse | null {
    return this.#last.get(radio) ?? null;
  }

  counts(): AirCount[] {
    return [...this.#paths].flatMap(([from, paths]) =>
      [...paths].map(([to, { frames, bytes, lost }]) => ({
        from: from.name,
        to: to.name,
        frames,
        bytes,
        lost,
      })),
    );
  }

  /** @param nowMs on any clock that only moves forward */
  transmit(from: Radio, sent: SentFrame, nowMs: number): Fate {
    const { frame, frequencyMhz } = sent;
    const header = headerOf(frame);
    this.#remember(from, header.transmitter, frequencyMhz);
    const owner = header.group ? undefined : this.#owners.get(header.receiver);
    const addressee = owner === from ? undefined : owner;
    const path = addressee === undefined ? undefined : this.#paths.get(from)?.get(addressee);
    const { tries, arrives } = this.#send(sent, path, header.group);
    const startMs = this.#options.airtime ? Math.max(nowMs, this.#busyUntil.get(frequencyMhz) ?? 0) : nowMs;
    let endMs = startMs;
    if (this.#options.airtime) {
      for (const rate of tries)
        endMs += rate.count * airtimeMs(rate, frequencyMhz, frame.length, !header.group);
      this.#busyUntil.set(frequencyMhz, endMs);
    }
    if (path?.hearing.rateBps) {
      endMs = Math.max(endMs, path.freeAt) + (payloadBytes(frame) * 8000) / path.hearing.rateBps;
      path.freeAt = endMs;
    }
    const last = tries.at(-1) ?? NO_RATE;
    const deliveries: Delivery[] = [];
    for (const [to, each] of this.#paths.get(from) ?? []) {
      if (addressee !== undefined && to !== addressee && !each.hearing.overhears) continue;
      const heard = each === path ? arrives : this.#hears(each, last, frequencyMhz) && !this.#loses(each);
      each.frames++;
      each.bytes += frame.length;
      if (!heard) {
        each.lost++;
        continue;
      }
      const { signalDbm, delayMs } = each.hearing;
      deliveries.push({ to, atMs: endMs + delayMs, signalDbm, rxRate: receivedRate(last, frequencyMhz) });
    }
    const signalDbm = path?.hearing.signalDbm ?? NEAR.signalDbm;
    return {
      status: { atMs: endMs, acknowledged: arrives && this.#answers(from, addressee), tries, signalDbm },
      deliveries,
    };
  }

  /** Tries until one is heard, as often as the rate control asks; a frame for several is sent once. */
  #send(
    { tries, frequencyMhz }: SentFrame,
    path: Path | undefined,
    group: boolean,
  ): { tries: RateTry[]; arrives: boolean } {
    if (group || path === undefined) {
      const [first = NO_RATE] = tries;
      return { tries: group ? [{ ...first, count: 1 }] : [...tries], arrives: false };
    }
    // A frame that is lost for good is lost at each try.
    const doomed = this.#loses(path);
    const used: RateTry[] = [];
    for (const rate of tries.length === 0 ? [NO_RATE] : tries) {
      let count = 0;
      while (count < rate.count) {
        count++;
        if (doomed || !this.#hears(path, rate, frequencyMhz)) continue;
        used.push({ ...rate, count });
        return { tries: used, arrives: true };
      }
      used.push({ ...rate, count });
    }
    return { tries: used, arrives: false };
  }

  /** One try. */
  #hears({ hearing }: Path, rate: RateTry, frequencyMhz: number): boolean {
    if (!hearing.hears) return false;
    if (hearing.tryLoss > 0 && this.#random() < hearing.tryLoss) return false;
    const { noiseDbm } = this.#options;
    const jammed = Math.max(this.#jammers.get(frequencyMhz) ?? -Infinity, this.#jammers.get(-1) ?? -Infinity);
    const lost = lossAt(rate, frequencyMhz, hearing.signalDbm - Math.max(noiseDbm, jammed));
    return lost < 1e-6 || this.#random() >= lost;
  }

  /** Whether the acknowledgement of one is heard by the other. */
  #answers(sender: Radio, receiver: Radio | undefined): boolean {
    return receiver !== undefined && this.#paths.get(receiver)?.get(sender)?.hearing.hears === true;
  }

  #loses({ hearing }: Path): boolean {
    return hearing.loss > 0 && this.#random() < hearing.loss;
  }

  #remember(radio: Radio, address: string | null, frequencyMhz: number): void {
    if (address === null) return;
    this.#last.set(radio, { address, frequencyMhz });
    if (this.#owners.get(address) === radio) return;
    if (this.#owners.size >= ADDRESSES) this.#owners.delete(this.#owners.keys().next().value ?? '');
    this.#owners.set(address, radio);
  }
}

function apply({ from, to, ...change }: HearingChange, sender: Radio, receiver: Radio, path: Path): void {
  if ((from ?? sender.name) !== sender.name || (to ?? receiver.name) !== receiver.name) return;
  path.hearing = { ...path.hearing, ...defined(change) };
}
