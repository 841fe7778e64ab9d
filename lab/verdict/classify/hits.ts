/**
 * The hits of a log of any length, in bounded memory. Of each signature the first ones are kept; where they are many, those
 * that came to nothing (failures that were undone, noise below its rate) make room for later ones.
 */
import type { Signature } from '../signatures/signature.ts';
import { openHits } from './filter.ts';
import type { Hit } from './hit.ts';
import { beginsBoot, inOrder } from './order.ts';

/** Of one signature and device; of one signature with all its devices; of all: they tell what happened, and at what rate. */
const EACH = 200;
const ALIKE = 1000;
const MAX = 20_000;
/** Of one marker so many, and so many more after each failure that it can end. */
const MARKERS_EACH = 500;
const AWAITED = 2000;

const KEPT_PER_REFUSED = 200;
const LESS_OFTEN = 8;

interface Count {
  all: number;
  byDevice: Map<string, number>;
}

export class HitStore {
  #hits: Hit[] = [];
  #counts = new Map<Signature, Count>();
  #failures = 0;
  #markers = 0;
  /** By signature: how many more of its hits are kept because a failure waits for them. */
  readonly #awaited = new Map<string, number>();
  /** So many times longer is waited before room is made: more where that was in vain. */
  #patience = 1;
  #refused = 0;

  /** In the order of their lines. */
  get hits(): readonly Hit[] {
    return this.#hits;
  }

  /** Whether a hit is worth making; it is to be added then. */
  wants(signature: Signature, role: Hit['role'], device = ''): boolean {
    if (role === 'benign') return false;
    if (role === 'marker') return this.#wantsMarker(signature);
    return this.#hasRoom(signature, device) || (this.#madeRoom() && this.#hasRoom(signature, device));
  }

  add(hit: Hit): void {
    this.#hits.push(hit);
    this.#count(hit);
    if (hit.role === 'marker') return;
    const { endedBy, confirmedBy = [] } = hit.entry;
    for (const id of endedBy?.signatures ?? []) this.#awaited.set(id, AWAITED);
    for (const id of confirmedBy) this.#awaited.set(id, AWAITED);
  }

  #hasRoom(signature: Signature, device: string): boolean {
    const count = this.#counts.get(signature);
    if (this.#failures >= MAX) return false;
    return !count || (count.all < ALIKE && (count.byDevice.get(device) ?? 0) < EACH);
  }

  /** What ends no failure that was seen is of no use, but for boots: they are few. */
  #wantsMarker(signature: Signature): boolean {
    const awaited = this.#awaited.get(signature.id) ?? 0;
    const known = this.#counts.get(signature)?.all ?? 0;
    if (awaited === 0 && known >= MARKERS_EACH && !beginsBoot(signature.id)) return false;
    if (this.#markers >= MAX && !this.#madeRoom()) return false;
    if (awaited > 0) this.#awaited.set(signature.id, awaited - 1);
    return true;
  }

  #count(hit: Hit): void {
    if (hit.role === 'marker') this.#markers++;
    else this.#failures++;
    const count = this.#counts.get(hit.entry) ?? { all: 0, byDevice: new Map<string, number>() };
    const device = hit.device ?? '';
    count.byDevice.set(device, (count.byDevice.get(device) ?? 0) + 1);
    count.all++;
    this.#counts.set(hit.entry, count);
  }

  /** Making room takes time, the more the more is kept: a part of the hits is refused first. */
  #madeRoom(): boolean {
    const before = this.#hits.length;
    if (++this.#refused < this.#patience * Math.ceil(before / KEPT_PER_REFUSED)) return false;
    this.#refused = 0;
    this.#makeRoom();
    const freed = before - this.#hits.length;
    this.#patience = freed * 10 > before ? 1 : this.#patience * LESS_OFTEN;
    return freed > 0;
  }

  /** What came last is spared: what belongs to it may follow. */
  #makeRoom(): void {
    const open = openHits(inOrder(this.#hits));
    const spared = this.#hits.length >> 1;
    this.#hits = this.#hits.filter((hit, index) => index >= spared || open.has(hit));
    this.#counts = new Map();
    this.#failures = 0;
    this.#markers = 0;
    for (const hit of this.#hits) this.#count(hit);
  }
}
