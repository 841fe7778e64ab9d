/** The one process that touches hardware: boards, leases, runs and the sessions between them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Board, type BoardState } from '../board/board.ts';
import { makeTransport } from '../board/console/index.ts';
import type { BoardHardware } from '../board/hardware.ts';
import { ensureHostKey, ensureLabKeys } from '../board/ssh/keys.ts';
import type { BoardConfig } from '../config/lab.ts';
import { HarnessError, messageOf } from '../errors.ts';
import { boardDir } from '../paths.ts';
import type { BoardInfo, LeaseRef } from '../rpc/schema.ts';
import { HealthBook } from './health.ts';
import { type Lease, LeaseManager } from './leases.ts';
import type { Peers } from './peers.ts';
import { BoardSink } from './recorder.ts';
import { Runs } from './runs.ts';
import type { Connection } from './server.ts';
import { Session } from './session.ts';
import { type ControllerState, writeState } from './state-file.ts';

export interface ControllerOptions {
  state: string;
  version: string;
  boards: readonly BoardConfig[];
  peers: Peers;
  /** Makes what a board is wired to. */
  hardware: (config: BoardConfig, keys: { hostKeyPath: string; authorizedKeysPath: string }) => BoardHardware;
  /** A lease ends this long after the last heartbeat. */
  leaseMs: number;
  /** A board stays powered this long for the next test of the same run. */
  lingerMs: number;
  /** A client whose connection was lost may come back within this time. */
  graceMs: number;
  /** Called whenever something has begun or ended: to see whether there is anything left to do. */
  onActivity: () => void;
  /** The controller's own log. */
  log: (message: string) => void;
}

interface Slot {
  board: Board;
  onlyByName: boolean;
  modems: BoardConfig['modems'];
  sink: BoardSink;
  /** What it is left in when nobody uses it. */
  endState: 'off' | 'on';
  session: Session | null;
  /** Work under way to bring the board to order after a lease. */
  settling: Promise<void> | null;
  parked: { run: string; timer: NodeJS.Timeout } | null;
  keptOn: boolean;
}

/** What its console is reached by, for messages. */
function consoleName(board: Board): string | null {
  const cable = board.hardware.console();
  return cable === null ? null : makeTransport(cable).name;
}

export class Controller {
  readonly leases: LeaseManager;
  readonly runs: Runs;
  readonly health: HealthBook;
  readonly peers: Peers;
  readonly #options: ControllerOptions;
  readonly #slots = new Map<string, Slot>();
  /** Which connection a lease was last heard of on. */
  readonly #holders = new Map<string, Connection>();
  /** Not before the state of an earlier controller was taken over, nor after this one has let go. */
  #persist = false;
  #writeFailed = false;

  private constructor(options: ControllerOptions, slots: Map<string, Slot>) {
    this.#options = options;
    this.peers = options.peers;
    this.#slots = slots;
    this.health = new HealthBook({
      path: join(options.state, 'health.json'),
      log: options.log,
      onChange: (board, { health, why }) =>
        this.#slot(board).sink.append('board.health', { health, ...(why === '' ? {} : { why }) }),
    });
    this.leases = new LeaseManager({
      leaseMs: options.leaseMs,
      boards: [...slots.values()].map((slot) => ({
        name: slot.board.name,
        capabilities: slot.board.profile.capabilities,
        onlyByName: slot.onlyByName,
        unfit: () =>
          this.health.unfit(slot.board.name) ??
          (slot.board.state === 'quarantined' ? `quarantined: ${slot.board.reason ?? ''}` : null),
        parkedFor: () => slot.parked?.run ?? null,
      })),
      onGranted: (lease) => this.#granted(lease),
      onEnded: (lease, reason) => void this.#ended(lease, reason),
      onChange: () => this.#changed(),
    });
    this.runs = new Runs({
      version: options.version,
      graceMs: options.graceMs,
      onEnd: (run, reason) => this.#endRun(run, reason),
      onChange: () => this.#changed(),
    });
  }

  static async create(options: ControllerOptions): Promise<Controller> {
    const labKeys = await ensureLabKeys(join(options.state, 'keys'));
    const slots = new Map<string, Slot>();
    let changed: (board: string, state: BoardState) => void = () => undefined;
    for (const config of options.boards) {
      const dir = boardDir(config.name, options.state);
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const { endState, wiring } = config;
      const made = await ensureHostKey(dir);
      const keyPaths = { hostKeyPath: made.privateKeyPath, authorizedKeysPath: labKeys.authorizedKeysPath };
      const sink = new BoardSink(config.name);
      const board = new Board({
        name: config.name,
        profile: config.profile,
        hardware: options.hardware(config, keyPaths),
        journal: sink,
        attach: (stem, extension, content) => sink.attach(stem, extension, content),
        dir,
        keys:
          wiring === null
            ? { privateKeyPath: labKeys.privateKeyPath, hostKey: made.publicKey }
            : {
                privateKeyPath: wiring.ssh.identity ?? labKeys.privateKeyPath,
                hostKey: wiring.ssh.hostKey ?? null,
                pinPath: join(options.state, 'host-keys'),
              },
        ...(wiring?.password ? { password: () => wiring.password?.reveal() ?? null } : {}),
        onState: (state) => changed(config.name, state),
      });
      slots.set(config.name, {
        ...{ board, sink, endState, onlyByName: config.onlyByName, modems: config.modems },
        ...{ session: null, settling: null, parked: null, keptOn: false },
      });
    }
    const controller = new Controller(options, slots);
    changed = (name, state) => {
      const reason = controller.#slot(name).board.reason ?? '';
      if (state === 'quarantined') controller.health.happened(name, 'gave up', reason);
      controller.#changed();
    };
    return controller;
  }

  /** Goes on where a controller that was killed left off: boards, runs and leases are taken over. */
  async restore(saved: ControllerState): Promise<void> {
    const { log } = this.#options;
    // Boards first, and each thing by itself: nothing else that is lost may leave one running that nobody knows of.
    for (const slot of this.#slots.values()) {
      const { board } = slot;
      slot.keptOn = saved.keptOn.includes(board.name);
      try {
        await board.adopt();
        const reason = saved.quarantined[board.name];
        if (reason !== undefined) board.quarantine(reason);
      } catch (error) {
        log(messageOf(error));
        board.quarantine(`could not be taken over: ${messageOf(error)}`);
      }
    }
    for (const run of saved.runs) {
      await this.runs
        .restore(run)
        .catch((error: unknown) => log(`the run ${run.run} does not go on: ${messageOf(error)}`));
    }
    this.leases.restore(saved.leases, saved.tokens);
    for (const lease of this.leases.all()) {
      this.#granted(lease);
      const { board, session } = this.#slot(lease.board);
      try {
        session?.resumeScope();
      } catch (error) {
        log(`the record of a test on ${lease.board} does not go on: ${messageOf(error)}`);
      }
      // What the killed controller had started on the board is unknown to this one.
      board.suspect('was in use when the lab controller was killed');
    }
    for (const slot of this.#slots.values()) {
      if (slot.session || slot.keptOn) continue;
      await this.#applyEndState(slot).catch((error: unknown) => {
        log(messageOf(error));
        slot.board.quarantine(`could not be switched off: ${messageOf(error)}`);
      });
    }
    this.#persist = true;
    this.#changed();
  }

  /** The session behind a lease; also a sign of life of its holder. Throws LabError (code `lease-lost`). */
  session(ref: LeaseRef, connection: Connection): Session {
    const lease = this.leases.get(ref);
    const { session } = this.#slot(lease.board);
    if (!session || session.lease !== lease)
      throw new HarnessError(`the lease on ${lease.board} has no session`);
    if (this.#holders.get(lease.id) !== connection) {
      this.#holders.set(lease.id, connection);
      this.leases.renew(ref);
    }
    return session;
  }

  board(name: string): Board {
    return this.#slot(name).board;
  }

  /** What the lab file says is plugged into a board. */
  modemsOf(name: string): BoardConfig['modems'] {
    return this.#slot(name).modems;
  }

  has(name: string): boolean {
    return this.#slots.has(name);
  }

  /** Its holder wants the board to stay on (or go off) when the lease ends. */
  setEndState(session: Session, endState: 'off' | 'on'): void {
    session.lease.endState = endState;
    this.#changed();
  }

  /** Begins the record of a test; a controller to come goes on with it. */
  beginScope(session: Session, test: string, dir: string): void {
    session.beginScope(test, dir);
    this.#changed();
  }

  /** Releases a lease and resolves when the board has been cleaned (its end state may follow later). */
  async release(ref: LeaseRef): Promise<void> {
    const lease = this.leases.get(ref);
    this.leases.end(lease, 'given back');
    await this.#slot(lease.board).settling;
  }

  disconnected(connection: Connection): void {
    this.runs.disconnected(connection);
    for (const lease of this.leases.all()) {
      if (this.#holders.get(lease.id) === connection) this.leases.shorten(lease, this.#options.graceMs);
    }
    this.#options.onActivity();
  }

  async boardInfos(): Promise<BoardInfo[]> {
    return await Promise.all(
      [...this.#slots.values()].map(async ({ board, onlyByName }) => {
        const lease = this.leases.of(board.name);
        const on = board.state !== 'off' && board.state !== 'quarantined';
        return {
          name: board.name,
          profile: board.profile.name,
          title: board.profile.title,
          capabilities: [...board.profile.capabilities],
          onlyByName,
          state: board.state,
          ...(board.reason === undefined ? {} : { reason: board.reason }),
          lease: lease === null ? null : this.leases.info(lease),
          sshPort: on ? board.hardware.ssh().port : null,
          consolePath: on ? consoleName(board) : null,
          health: this.health.of(board.name).health,
          healthWhy: this.health.of(board.name).why,
          userland: board.userland,
          memoryBytes: on ? await board.hardware.memoryBytes() : null,
        };
      }),
    );
  }

  /** Whether anybody has or wants a board, or has a run open. */
  get busy(): boolean {
    return this.leases.all().length > 0 || this.leases.waiting().length > 0 || this.runs.ids().length > 0;
  }

  /** Whether a board is on, or being brought to order. */
  get boardsInUse(): boolean {
    return [...this.#slots.values()].some(
      ({ board, settling, endState }) => (board.powered && endState === 'off') || settling !== null,
    );
  }

  /** Ends runs and leases and switches everything off. */
  async shutdown(reason: string): Promise<void> {
    this.leases.refuse(reason);
    for (const run of this.runs.ids()) await this.runs.close(run, reason);
    for (const lease of this.leases.all()) this.leases.end(lease, reason);
    await Promise.all(
      [...this.#slots.values()].map(async (slot) => {
        this.#unpark(slot);
        await slot.settling;
        slot.keptOn = false;
        if (slot.endState === 'on') await slot.board.detach();
        else await slot.board.close();
      }),
    );
    this.leases.close();
    this.#changed();
    this.#persist = false;
  }

  /** Ends without touching the boards: another controller will take them over. */
  async detach(): Promise<void> {
    this.leases.refuse('another lab controller takes over');
    for (const slot of this.#slots.values()) if (slot.parked) await this.#applyEndState(slot);
    this.#changed();
    this.#persist = false;
    this.leases.close();
    await this.runs.detach();
    for (const { board } of this.#slots.values()) await board.detach();
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (!slot) throw new HarnessError(`no board "${name}"`);
    return slot;
  }

  #granted(lease: Lease): void {
    const slot = this.#slot(lease.board);
    const mine = slot.parked?.run === lease.run;
    this.#unpark(slot);
    // Another run left it powered: who asked for a clean disk gets one.
    if (lease.fresh && !mine && !slot.keptOn) slot.board.suspect('was used by another run');
    slot.sink.journal = this.runs.sink(lease.run);
    slot.session = new Session(lease, slot.board, slot.sink, this.peers);
    this.health.happened(lease.board, 'taken', `${lease.owner} asked for it`);
    slot.sink.append('lease.acquired', {
      ...{ lease: lease.id, owner: lease.owner, token: lease.token, waitedMs: lease.waitedMs },
    });
  }

  async #ended(lease: Lease, reason: string): Promise<void> {
    const slot = this.#slot(lease.board);
    const { session } = slot;
    this.#holders.delete(lease.id);
    const settle = async (): Promise<void> => {
      await session?.end(reason);
      slot.sink.append('lease.released', { lease: lease.id, reason });
      slot.session = null;
      slot.keptOn = (lease.endState === 'on' || slot.endState === 'on') && slot.board.state !== 'off';
      if (slot.keptOn) return;
      if (lease.run !== null && this.runs.has(lease.run) && slot.board.state !== 'off')
        this.#park(slot, lease.run);
      else await this.#applyEndState(slot);
    };
    slot.settling = settle()
      .catch((error: unknown) =>
        slot.board.quarantine(`could not be brought to its end state: ${messageOf(error)}`),
      )
      .finally(() => {
        slot.settling = null;
        this.leases.settled(lease.board);
        this.#changed();
      });
    await slot.settling;
  }

  /** Keeps a board powered for the next test of its run. */
  #park(slot: Slot, run: string): void {
    const timer = setTimeout(() => this.#settleParked(slot), this.#options.lingerMs);
    slot.parked = { run, timer };
  }

  #unpark(slot: Slot): void {
    if (slot.parked) clearTimeout(slot.parked.timer);
    slot.parked = null;
  }

  #settleParked(slot: Slot): void {
    if (slot.settling) return;
    this.leases.hold(slot.board.name);
    slot.settling = this.#applyEndState(slot)
      .catch((error: unknown) => slot.board.quarantine(`could not be switched off: ${messageOf(error)}`))
      .finally(() => {
        slot.settling = null;
        this.leases.settled(slot.board.name);
        this.#changed();
      });
  }

  async #applyEndState(slot: Slot): Promise<void> {
    this.#unpark(slot);
    if (slot.board.state !== 'off' && slot.endState === 'off')
      await slot.board.power('off', { signal: AbortSignal.timeout(60_000) });
    slot.sink.journal = null;
  }

  async #endRun(run: string, reason: string): Promise<void> {
    for (const lease of this.leases.all())
      if (lease.run === run) this.leases.end(lease, `the run ended: ${reason}`);
    for (const slot of this.#slots.values()) {
      // A lease that just ended parks its board first.
      await slot.settling;
      if (slot.parked?.run === run) this.#settleParked(slot);
      await slot.settling;
    }
  }

  /** Called from timers and device handlers, so it never throws: what can't be written now is at the next change. */
  #changed(): void {
    if (!this.#persist) return;
    try {
      this.#write();
      this.#writeFailed = false;
    } catch (error) {
      if (!this.#writeFailed) this.#tellWriteFailed(messageOf(error));
      this.#writeFailed = true;
    }
    this.#options.onActivity();
  }

  #write(): void {
    const slots = [...this.#slots.values()];
    const quarantined = slots.filter(({ board }) => board.state === 'quarantined');
    writeState(join(this.#options.state, 'state.json'), {
      ...this.leases.snapshot(),
      runs: this.runs.snapshot(),
      keptOn: slots.filter((slot) => slot.keptOn).map((slot) => slot.board.name),
      quarantined: Object.fromEntries(quarantined.map(({ board }) => [board.name, board.reason ?? ''])),
    });
  }

  #tellWriteFailed(why: string): void {
    const message = `the lab controller's state could not be written (were it killed now, leases would be lost): ${why}`;
    this.#options.log(message);
    for (const run of this.runs.ids()) this.runs.append(run, 'journal.note', { message }, null);
  }
}
