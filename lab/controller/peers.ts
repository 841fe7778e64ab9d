/** The peers of the lab: how each is reached, whether it is well, which boards it is linked with, and who uses its radio. */
import { join } from 'node:path';
import type { CheckResult } from '../board/doctor/check.ts';
import { examinePeer } from '../board/doctor/peer.ts';
import { LocalRemote } from '../board/local.ts';
import type { Remote } from '../board/remote.ts';
import { SshRemote } from '../board/ssh/connection.ts';
import type { LinkEntry, PeerEntry } from '../config/schema.ts';
import { abortReason, ConfigError, LabError } from '../errors.ts';
import type { JournalSink, Payload } from '../journal/event.ts';
import { namespaced } from '../links/namespaced.ts';

export interface PeersOptions {
  peers: Readonly<Record<string, PeerEntry>>;
  links: readonly LinkEntry[];
  /** Folder of the controller's state: keys and pinned host keys. */
  state: string;
  privateKeyPath: string;
}

export type PeerRole = PeerEntry['roles'][number];

/** A peer as one lease uses it. */
export interface PeerMachine {
  name: string;
  entry: PeerEntry;
  /** Runs commands in the namespace that the lab file names. */
  remote: Remote;
  /** Ends what was started there, and the connection. */
  close(): Promise<void>;
}

const CHECK_MS = 30_000;
/** How long a test waits for the radio of a peer that another board's test uses. */
const CLAIM_MS = 300_000;

export class Peers {
  readonly #options: PeersOptions;
  /** Who uses the radio of a peer, and those who wait for it, first come first served. */
  readonly #claims = new Map<string, { by: string; waiting: (() => void)[] }>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get names(): string[] {
    return Object.keys(this.#options.peers);
  }

  /** The first peer with this role that the lab file links a board with over the air; null where there is none. */
  partnerOf(board: string, role: PeerRole): string | null {
    const linked = this.#options.links
      .filter((link) => link.kind === 'wifi' && link.board === board)
      .map(({ peer }) => peer);
    return linked.find((peer) => this.#options.peers[peer]?.roles.includes(role)) ?? null;
  }

  /** Opens nothing yet. Throws ConfigError for a peer that the lab file does not have. */
  open(name: string, journal?: JournalSink): PeerMachine {
    const entry = this.#entry(name);
    const machine = this.#machine(name, entry, journal);
    return {
      ...{ name, entry },
      remote: entry.namespace === undefined ? machine : namespaced(machine, entry.namespace),
      close: async () => {
        try {
          await machine.reap();
        } finally {
          machine.disconnect();
        }
      },
    };
  }

  /**
   * The right to use a peer's radio, until it is disposed of. Waits for who has it; throws LabError, code `peer-busy`, who that
   * is, when it takes too long.
   */
  async claim(name: string, by: string, signal: AbortSignal): Promise<Disposable> {
    const held = this.#claims.get(name);
    if (!held) {
      this.#claims.set(name, { by, waiting: [] });
      return this.#claim(name);
    }
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const mine = () => {
      held.by = by;
      resolve(this.#claim(name));
    };
    held.waiting.push(mine);
    const giveUp = (error: unknown) => {
      held.waiting = held.waiting.filter((each) => each !== mine);
      reject(error);
    };
    const timer = setTimeout(
      () =>
        giveUp(
          new LabError(`the radio of the peer ${name} is used by ${held.by}`, {
            code: 'peer-busy',
            hint: 'give each board a peer of its own, or run with fewer workers',
          }),
        ),
      CLAIM_MS,
    );
    const onAbort = () => giveUp(abortReason(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return await promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  }

  /** Looks at all of them at once, before a run; what is wrong is told, and the tests that need it will find it. */
  async check(tell: (checked: Payload<'peer.checked'>) => void): Promise<void> {
    const signal = AbortSignal.timeout(2 * CHECK_MS);
    await Promise.all(
      this.names.map(async (peer) => {
        const results = await this.examine(peer, signal);
        const wrong = results
          .filter(({ status }) => status === 'wrong')
          .map(({ area, detail }) => `${area}: ${detail}`);
        tell({ peer, clock: results.find(({ area }) => area === 'clock')?.detail ?? '', wrong });
      }),
    );
  }

  /** Throws ConfigError for a peer that the lab file does not have. */
  async examine(name: string, signal: AbortSignal): Promise<CheckResult[]> {
    const entry = this.#entry(name);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
    const machine = this.#machine(name, entry);
    try {
      if (machine instanceof SshRemote) await machine.connect({ timeoutMs: CHECK_MS / 3, signal: limited });
      return await examinePeer(entry, machine, limited);
    } catch (error) {
      signal.throwIfAborted();
      // What can't be reached is a result, told as the others are.
      return await examinePeer(entry, { name, run: () => Promise.reject(error) }, limited);
    } finally {
      machine.disconnect();
    }
  }

  #claim(name: string): Disposable {
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        const next = this.#claims.get(name)?.waiting.shift();
        if (next) next();
        else this.#claims.delete(name);
      },
    };
  }

  #entry(name: string): PeerEntry {
    const entry = this.#options.peers[name];
    if (entry) return entry;
    throw new ConfigError(`this lab has no peer "${name}"`, {
      hint: `there are: ${this.names.join(', ') || 'none'}`,
    });
  }

  #machine(name: string, { ssh }: PeerEntry, journal?: JournalSink): LocalRemote | SshRemote {
    if (ssh === 'local') return new LocalRemote(name, journal);
    const { host, port, user = 'root', identity, hostKey } = ssh;
    return new SshRemote({
      ...{ name, host, port, user, privateKeyPath: identity ?? this.#options.privateKeyPath },
      hostKey: hostKey ?? (() => Promise.resolve(null)),
      pinPath: join(this.#options.state, 'host-keys'),
      ...(journal ? { journal } : {}),
    });
  }
}
