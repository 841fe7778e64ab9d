/** The peers of the lab: how each is reached, and whether it is well. */
import { join } from 'node:path';
import type { CheckResult } from '../board/doctor/check.ts';
import { examinePeer, localShell, remoteShell } from '../board/doctor/peer.ts';
import { SshRemote } from '../board/ssh/connection.ts';
import type { PeerEntry } from '../config/schema.ts';
import { ConfigError } from '../errors.ts';
import type { Payload } from '../journal/event.ts';

export interface PeersOptions {
  peers: Readonly<Record<string, PeerEntry>>;
  /** Folder of the controller's state: keys and pinned host keys. */
  state: string;
  privateKeyPath: string;
}

const CHECK_MS = 30_000;

export class Peers {
  readonly #options: PeersOptions;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get names(): string[] {
    return Object.keys(this.#options.peers);
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
    const peer = this.#options.peers[name];
    if (!peer)
      throw new ConfigError(`this lab has no peer "${name}"`, {
        hint: `there are: ${this.names.join(', ') || 'none'}`,
      });
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
    if (peer.ssh === 'local') return await examinePeer(name, peer, localShell, limited);
    const { host, port, user = 'root', identity, hostKey } = peer.ssh;
    const remote = new SshRemote({
      ...{ name, host, port, user, privateKeyPath: identity ?? this.#options.privateKeyPath },
      hostKey: hostKey ?? (() => Promise.resolve(null)),
      pinPath: join(this.#options.state, 'host-keys'),
    });
    try {
      await remote.connect({ timeoutMs: CHECK_MS / 3, signal: limited });
      return await examinePeer(name, peer, remoteShell(remote), limited);
    } catch (error) {
      signal.throwIfAborted();
      // What can't be reached is a result, told as the others are.
      return await examinePeer(name, peer, () => Promise.reject(error), limited);
    } finally {
      remote.disconnect('checked');
    }
  }
}
