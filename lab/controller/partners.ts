/** The machines that a lease uses beside its board: peers, opened when they are first needed, closed with the lease. */
import type { Board } from '../board/board.ts';
import type { BoardContext } from '../board/context.ts';
import type { Remote } from '../board/remote.ts';
import type { ObservableSink } from '../journal/event.ts';
import type { PeerMachine, Peers } from './peers.ts';

/** Where a radio is. */
export interface RadioPlace {
  ctx: BoardContext;
  /** To be disposed of when the radio is not used any more. */
  claim: Disposable;
}

const NO_CLAIM: Disposable = { [Symbol.dispose]: () => undefined };

export class Partners {
  readonly #board: Board;
  readonly #peers: Peers;
  readonly #sink: ObservableSink;
  readonly #owner: string;
  readonly #open = new Map<string, PeerMachine>();

  /** @param owner who uses them, as told to others who wait for the same radio */
  constructor(board: Board, peers: Peers, sink: ObservableSink, owner: string) {
    this.#board = board;
    this.#peers = peers;
    this.#sink = sink;
    this.#owner = owner;
  }

  /**
   * The board's own radio of this role, or - where it has none, and none is named - that of the peer that the lab file links it with.
   * Throws LabError `peer-busy`.
   */
  async radio(
    role: 'ap' | 'station',
    { named, signal }: { named: string | undefined; signal: AbortSignal },
  ): Promise<RadioPlace> {
    const board = this.#board;
    const own = { ctx: board.context(signal), claim: NO_CLAIM };
    if (named !== undefined || board.profile.radios.some((radio) => radio.role === role)) return own;
    const peer = this.#peers.partnerOf(board.name, role);
    if (peer === null) return own;
    const { remote, entry } = this.machine(peer);
    const claim = await this.#peers.claim(peer, `${board.name} (${this.#owner})`, signal);
    const radios =
      entry.interface === undefined ? [] : [{ interface: entry.interface, role, namespace: null }];
    return {
      ctx: {
        ...{ name: peer, peer, remote, journal: this.#sink, signal },
        profile: { ...board.profile, radios },
      },
      claim,
    };
  }

  /** Where an end of traffic runs; null is the board. */
  remote(peer: string | null): Remote {
    return peer === null ? this.#board.remote : this.machine(peer).remote;
  }

  machine(name: string): PeerMachine {
    const known = this.#open.get(name);
    if (known) return known;
    const machine = this.#peers.open(name, this.#sink);
    this.#open.set(name, machine);
    return machine;
  }

  /** Ends what was started on them. Rejects with the first that can't be brought to order. */
  async close(): Promise<void> {
    const machines = [...this.#open.values()];
    this.#open.clear();
    const ended = await Promise.allSettled(machines.map((machine) => machine.close()));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }
}
