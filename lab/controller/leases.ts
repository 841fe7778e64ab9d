/** Who may use which board, and who is next. Knows nothing of what a board is. */
import { randomUUID } from 'node:crypto';
import { abortReason, ConfigError, LabError } from '../errors.ts';
import type { LeaseInfo, LeaseRef } from '../rpc/schema.ts';

export interface Lease {
  id: string;
  token: number;
  board: string;
  owner: string;
  run: string | null;
  since: string;
  /** How long its holder stood in line, in milliseconds. */
  waitedMs: number;
  /** Date.now() at which it ends unless a heartbeat comes. */
  expiresAt: number;
  endState: 'off' | 'on';
  fresh: boolean;
  /** The test under way, and the folder of its record. */
  scope: { test: string; dir: string } | null;
}

export interface LeaseRequest {
  owner: string;
  run: string | null;
  boards: readonly string[];
  needs: readonly string[];
  prefer: string | undefined;
  waitMs: number;
  fresh: boolean;
  endState: 'off' | 'on';
}

export interface QueuePlace {
  position: number;
  of: number;
  holders: string[];
}

/** What the manager must know of a board to hand it out. */
export interface LeasableBoard {
  name: string;
  capabilities: readonly string[];
  /** It is no one of any: only who asks for it by name gets it. */
  onlyByName: boolean;
  /** Why it can't be leased unless asked for by name; null when it can. */
  unfit(): string | null;
  /** The run that used it last and may go on with it as it is; null when nobody's. */
  parkedFor(): string | null;
}

export interface LeaseManagerOptions {
  boards: readonly LeasableBoard[];
  leaseMs: number;
  /** Called when a lease begins and, with the reason, after it has been taken from its holder. */
  onGranted: (lease: Lease) => void;
  onEnded: (lease: Lease, reason: string) => void;
  /** Called after every change, to be written to disk. */
  onChange: () => void;
}

interface Waiter {
  request: LeaseRequest;
  since: number;
  candidates: LeasableBoard[];
  last: string;
  grant: (lease: Lease) => void;
  refuse: (error: LabError) => void;
  onPlace: (place: QueuePlace) => void;
}

export class LeaseManager {
  readonly #options: LeaseManagerOptions;
  readonly #leases = new Map<string, Lease>();
  readonly #tokens = new Map<string, number>();
  readonly #busy = new Set<string>();
  #waiting: Waiter[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** Why no lease is granted any more. */
  #refusal: LabError | null = null;

  constructor(options: LeaseManagerOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier controller had granted; each holder has one lease time to be heard. */
  restore(leases: readonly Lease[], tokens: Readonly<Record<string, number>>): void {
    for (const [board, token] of Object.entries(tokens)) this.#tokens.set(board, token);
    for (const lease of leases) {
      if (!this.#options.boards.some((board) => board.name === lease.board)) continue;
      this.#leases.set(lease.board, { ...lease, expiresAt: Date.now() + this.#options.leaseMs });
    }
    this.#schedule();
  }

  snapshot(): { leases: Lease[]; tokens: Record<string, number> } {
    return { leases: [...this.#leases.values()], tokens: Object.fromEntries(this.#tokens) };
  }

  /**
   * Waits in line for a board. Throws ConfigError for what this lab doesn't have, LabError (code `busy`) at the deadline.
   */
  async acquire(
    request: LeaseRequest,
    signal: AbortSignal,
    onPlace: (place: QueuePlace) => void,
  ): Promise<Lease> {
    if (this.#refusal) throw this.#refusal;
    const candidates = this.#candidates(request);
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    const waiter: Waiter = {
      ...{ request, since: Date.now(), candidates, last: '' },
      ...{ grant: resolve, refuse: reject, onPlace },
    };
    const leave = () => reject(abortReason(signal));
    const deadline = setTimeout(() => reject(this.#tooLong(waiter)), request.waitMs);
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiter);
    this.update();
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', leave);
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      this.#tellPlaces();
    }
  }

  /** The lease behind a reference; throws LabError (code `lease-lost`) when it has ended or passed to another. */
  get(ref: LeaseRef): Lease {
    const lease = [...this.#leases.values()].find(({ id }) => id === ref.id);
    if (lease && lease.token === ref.token) return lease;
    throw new LabError('this lease has ended: its holder was not heard of in time, or gave it back', {
      code: 'lease-lost',
      hint: 'acquire the board anew; its state may have changed',
    });
  }

  of(board: string): Lease | null {
    return this.#leases.get(board) ?? null;
  }

  all(): Lease[] {
    return [...this.#leases.values()];
  }

  /** Puts off the end of a lease; gives the time until it. */
  renew(ref: LeaseRef, leaseMs = this.#options.leaseMs): number {
    const lease = this.get(ref);
    lease.expiresAt = Date.now() + leaseMs;
    this.#schedule();
    return leaseMs;
  }

  /** Lets a lease end soon unless its holder is heard of: its connection was lost. */
  shorten(lease: Lease, graceMs: number): void {
    if (this.#leases.get(lease.board) !== lease) return;
    lease.expiresAt = Math.min(lease.expiresAt, Date.now() + graceMs);
    this.#schedule();
  }

  /** Ends a lease. The board stays busy until `settled` (what undoes the lease) has been called for it. */
  end(lease: Lease, reason: string): void {
    if (this.#leases.get(lease.board) !== lease) return;
    this.#leases.delete(lease.board);
    this.hold(lease.board);
    this.#options.onEnded(lease, reason);
    this.#options.onChange();
    this.#schedule();
  }

  /** Keeps a free board from being handed out until `settled`. */
  hold(board: string): void {
    this.#busy.add(board);
  }

  /** The board can be handed on. */
  settled(board: string): void {
    this.#busy.delete(board);
    this.update();
  }

  /** Hands free boards to those who wait, first come first served. */
  update(): void {
    for (const waiter of [...this.#waiting]) {
      const board = this.#pick(waiter);
      if (!board) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      waiter.grant(this.#grant(board, waiter));
    }
    this.#tellPlaces();
  }

  info(lease: Lease): LeaseInfo {
    const { id, token, board, owner, run, since } = lease;
    return { id, token, board, owner, run, since, expiresInMs: Math.max(0, lease.expiresAt - Date.now()) };
  }

  waiting(): { owner: string; run: string | null; wants: string; position: number; waitedMs: number }[] {
    return this.#waiting.map(({ request, since }, index) => ({
      owner: request.owner,
      run: request.run,
      wants: wanted(request),
      position: index + 1,
      waitedMs: Date.now() - since,
    }));
  }

  /** The lab is about to end: who waits is told so, and nobody gets a board any more. */
  refuse(why: string): void {
    this.#refusal = new LabError(`no board can be had, the lab controller ends: ${why}`, {
      code: 'lab-ending',
      hint: 'try again in a moment',
    });
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(this.#refusal);
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  #candidates(request: LeaseRequest): LeasableBoard[] {
    const { boards } = this.#options;
    for (const name of request.boards) {
      if (boards.some((board) => board.name === name)) continue;
      throw new ConfigError(`this lab has no board "${name}"`, {
        code: 'unknown-board',
        hint: `it has ${boards.map((board) => board.name).join(', ')}`,
      });
    }
    const named =
      request.boards.length === 0
        ? boards.filter(({ onlyByName }) => !onlyByName)
        : boards.filter(({ name }) => request.boards.includes(name));
    const able = named.filter(({ capabilities }) =>
      request.needs.every((need) => capabilities.includes(need)),
    );
    if (able.length > 0) return able;
    throw new ConfigError(`no board of this lab has what is needed: ${request.needs.join(', ')}`, {
      code: 'no-capability',
      hint: named.map(({ name, capabilities }) => `${name} has ${capabilities.join(', ')}`).join('; '),
    });
  }

  #pick(waiter: Waiter): LeasableBoard | undefined {
    const { request } = waiter;
    const free = waiter.candidates.filter(
      (board) =>
        !this.#leases.has(board.name) &&
        !this.#busy.has(board.name) &&
        (board.unfit() === null || request.boards.includes(board.name)),
    );
    const cost = (board: LeasableBoard): number => {
      if (board.name === request.prefer) return 0;
      const parked = board.parkedFor();
      if (parked !== null && parked === request.run) return 1;
      return parked === null ? 2 : 3;
    };
    return free.sort((a, b) => cost(a) - cost(b))[0];
  }

  #grant(board: LeasableBoard, { request, since }: Waiter): Lease {
    const token = (this.#tokens.get(board.name) ?? 0) + 1;
    this.#tokens.set(board.name, token);
    const lease: Lease = {
      id: randomUUID(),
      token,
      board: board.name,
      owner: request.owner,
      run: request.run,
      since: new Date().toISOString(),
      waitedMs: Date.now() - since,
      expiresAt: Date.now() + this.#options.leaseMs,
      endState: request.endState,
      fresh: request.fresh,
      scope: null,
    };
    this.#leases.set(board.name, lease);
    this.#options.onGranted(lease);
    this.#options.onChange();
    this.#schedule();
    return lease;
  }

  #tellPlaces(): void {
    for (const [index, waiter] of this.#waiting.entries()) {
      const place = { position: index + 1, of: this.#waiting.length, holders: this.#holders(waiter) };
      const key = JSON.stringify(place);
      if (key === waiter.last) continue;
      waiter.last = key;
      waiter.onPlace(place);
    }
  }

  #holders(waiter: Waiter): string[] {
    return waiter.candidates.map((board) => {
      const lease = this.#leases.get(board.name);
      if (lease) return `${board.name}: ${lease.owner} since ${lease.since}`;
      if (this.#busy.has(board.name)) return `${board.name}: being put back in order`;
      return `${board.name}: ${board.unfit() ?? 'free in a moment'}`;
    });
  }

  #tooLong(waiter: Waiter): LabError {
    return new LabError(
      `no board became free within ${waiter.request.waitMs / 1000} s (${wanted(waiter.request)})`,
      {
        code: 'busy',
        hint: this.#holders(waiter).join('; '),
      },
    );
  }

  #schedule(): void {
    if (this.#timer) clearTimeout(this.#timer);
    const next = Math.min(...this.all().map(({ expiresAt }) => expiresAt));
    if (!Number.isFinite(next)) return;
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, next - Date.now()) + 1);
  }

  #expire(): void {
    for (const lease of this.all())
      if (lease.expiresAt <= Date.now()) this.end(lease, 'its holder was not heard of in time');
    this.#schedule();
  }
}

function wanted(request: LeaseRequest): string {
  const board = request.boards.length === 0 ? 'any board' : request.boards.join(' or ');
  return request.needs.length === 0 ? board : `${board} with ${request.needs.join(', ')}`;
}
