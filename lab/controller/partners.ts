/** The machines that a lease uses beside its board: peers, opened when they are first needed, closed with the lease. */
import type { Board } from '../board/board.ts';
import type { BoardContext } from '../board/context.ts';
import type { Remote } from '../board/remote.ts';
import { ConfigError } from '../errors.ts';
import type { ObservableSink } from '../journal/event.ts';
import type { Emulator } from '../traffic/probes/host.ts';
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
  /** Boards in one air with this one. */
  #boards: readonly Board[] = [];

  /** @param owner who uses them, as told to others who wait for the same radio */
  constructor(board: Board, peers: Peers, sink: ObservableSink, owner: string) {
    this.#board = board;
    this.#peers = peers;
    this.#sink = sink;
    this.#owner = owner;
  }

  /** From now on links can be on these boards too; none: on none of them any more. */
  joined(boards: readonly Board[]): void {
    this.#boards = boards;
  }

  /**
   * Where a link of this role is to be: on the board that is asked for; else, for a station, on a board that shares the air;
   * else on the board itself, or - where it has no such radio, and none is named - on the peer that the lab file links it
   * with. Throws LabError `peer-busy`, ConfigError for a board that does not share the air.
   */
  async radio(
    role: 'ap' | 'station',
    { named, on, signal }: { named: string | undefined; on: string | undefined; signal: AbortSignal },
  ): Promise<RadioPlace> {
    const board = this.#board;
    const other = on === board.name ? null : this.#other(role, on);
    if (other)
      return {
        ctx: { ...other.context(signal), peer: other.name, journal: this.#sink },
        claim: NO_CLAIM,
      };
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

  /** Of those of its boards that are emulated. */
  get emulators(): Emulator[] {
    return [this.#board, ...this.#boards].flatMap(({ hardware }) =>
      hardware.emulatorSeconds ? [() => hardware.emulatorSeconds?.() ?? null] : [],
    );
  }

  /** Where an end of traffic runs; null is the board. */
  remote(peer: string | null): Remote {
    if (peer === null) return this.#board.remote;
    return this.#boards.find(({ name }) => name === peer)?.remote ?? this.machine(peer).remote;
  }

  machine(name: string): PeerMachine {
    const known = this.#open.get(name);
    if (known) return known;
    const machine = this.#peers.open(name, this.#sink);
    this.#open.set(name, machine);
    return machine;
  }

  #other(role: 'ap' | 'station', on: string | undefined): Board | null {
    if (on === undefined) return role === 'station' ? (this.#boards[0] ?? null) : null;
    const found = this.#boards.find(({ name }) => name === on);
    if (found) return found;
    throw new ConfigError(`${on} is not in one air with ${this.#board.name}`, {
      board: this.#board.name,
      code: 'no-air',
    });
  }

  /** Ends what was started on them. Rejects with the first that can't be brought to order. */
  async close(): Promise<void> {
    const machines = [...this.#open.values()];
    this.#open.clear();
    const ended = await Promise.allSettled(machines.map((machine) => machine.close()));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  }
}
