/** A shared air: the simulated radios of several virtual boards hear each other in it, each board with a kernel of its own. */
import { Worker } from 'node:worker_threads';
import { quote, type Remote } from '../../board/remote.ts';
import { HarnessError, LabError, messageOf } from '../../errors.ts';
import { Daemon } from '../../links/daemon.ts';
import { fromWire } from '../../rpc/wire.ts';
import { AIR_PORT } from '../qemu.ts';
import { ensureAgent } from './agent.ts';
import type { AirCount, AirOptions, HearingChange } from './options.ts';
import type { AirRequest, AirRequests, FromAir, JoiningRadio, ToAir } from './protocol.ts';

/** A board that can be in the air. */
export interface AirBoard {
  name: string;
  /** Kind of virtual board. */
  kind: string;
  remote: Remote;
  /** QEMU's socket of the port to its agent. */
  socket: string;
}

export interface AirHooks {
  /** Aborted when the air is not wanted any more. */
  signal: AbortSignal;
  /** A board's radios do not send into this air any more: it was reset, its driver was unloaded. */
  onLost: (board: string, why: string) => void;
}

const AGENT = '/run/hil/air-agent';
const READY_MS = 15_000;

/** What the board has of radios: the name of an interface of each, both its addresses, and its namespace. */
const RADIOS = `
for port in /sys/class/virtio-ports/*; do
  [ "$(cat $port/name 2>/dev/null)" = ${AIR_PORT} ] && echo "port /dev/\${port##*/}"
done
look='for net in /sys/class/net/*; do
  [ ! -e $net/phy80211/addresses ] || echo "radio \${net##*/} $space $(tr "\\n" " " <$net/phy80211/addresses)"
done'
space=- sh -c "$look"
for file in /run/netns/*; do
  [ ! -e $file ] || space=\${file##*/} ip netns exec \${file##*/} sh -c "$look"
done
`;

interface FoundRadio extends JoiningRadio {
  interface: string;
  namespace: string | null;
  /** Which of the radios of its board. */
  number: number;
}

export class Ether implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #hooks: AirHooks;
  readonly #asked = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>();
  readonly #agents = new Map<string, Daemon>();
  #last = 0;
  #ended = false;

  constructor(options: AirOptions, hooks: AirHooks) {
    this.#hooks = hooks;
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: { options } });
    this.#worker.on('message', (message: FromAir) => this.#heard(message));
    this.#worker.on('error', (error) => this.#lost(`a bug: ${messageOf(error)}`));
    this.#worker.on('exit', () => this.#lost('its thread has ended'));
  }

  /**
   * A board's radios, each with an address that no other board's has, send into this air and hear it alone, until the board
   * leaves. Gives their names. Throws LabError when it has no simulated radios, or they are in another air.
   */
  async join(board: AirBoard): Promise<string[]> {
    const { name, remote, socket } = board;
    const { signal } = this.#hooks;
    const { port, radios } = await this.#found(board);
    await remote.upload({ path: await ensureAgent(board.kind, { signal }) }, AGENT, { mode: 0o755 });
    await remote.check(addresses(name, radios));
    await this.#ask('connect', {
      ...{ board: name, socket },
      radios: radios.map(({ name: radio, key }) => ({ name: radio, key })),
    });
    try {
      const agent = await Daemon.start({
        ...{ remote, signal, name: 'the agent of the shared air' },
        command: `exec ${AGENT} ${port}`,
        onLine: () => undefined,
        onLost: (how) => this.#boardLost(name, `its agent ended, ${how}`),
      });
      this.#agents.set(name, agent);
      await agent.waitFor((line) => (line === 'ready' ? true : null), READY_MS, 'it was ready');
      await this.#ask('register', { board: name });
    } catch (error) {
      await this.leave(name);
      throw error;
    }
    return radios.map((radio) => radio.name);
  }

  /** Its radios hear each other alone again, as before. */
  async leave(board: string): Promise<void> {
    const agent = this.#agents.get(board);
    this.#agents.delete(board);
    if (!this.#ended) await this.#ask('leave', { board });
    await agent?.stop();
  }

  /** Throws ConfigError for a radio that is not there. */
  async set(change: HearingChange): Promise<void> {
    await this.#ask('set', change);
  }

  /** Noise on a channel, or on all (null); with null for the power it ends. */
  async jam(frequencyMhz: number | null, powerDbm: number | null): Promise<void> {
    await this.#ask('jam', { frequencyMhz, powerDbm });
  }

  /** A deauthentication that `from` never sent. */
  async deauthenticate(from: string, to: string, reason: number): Promise<void> {
    await this.#ask('deauthenticate', { from, to, reason });
  }

  /** Writes all frames from now on to a pcapng file of the lab machine; null ends it, and gives how many were left out. */
  async capture(path: string | null): Promise<number> {
    return (await this.#ask('capture', { path })).left;
  }

  async counts(): Promise<AirCount[]> {
    return await this.#ask('counts', null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await Promise.allSettled([...this.#agents.keys()].map((board) => this.leave(board)));
    this.#ended = true;
    await this.#worker.terminate();
    for (const each of left) if (each.status === 'rejected') throw each.reason;
  }

  async #found({ name, remote }: AirBoard): Promise<{ port: string; radios: FoundRadio[] }> {
    const said = await remote.check(`modprobe -q virtio_console; ${RADIOS}`);
    const port = /^port (\S+)$/m.exec(said)?.[1];
    if (port === undefined)
      throw new LabError(`${name} has no port for the shared air`, {
        board: name,
        code: 'no-air',
        hint: `it was switched on by an older version: hil power ${name} cycle`,
      });
    const radios = [...said.matchAll(/^radio (\S+) (\S+) (\S+) (\S+)/gm)].map(
      ([, link = '', space = '-', , key = ''], number) => ({
        ...{ name: `${name}/${link}`, key: key.replaceAll(':', ''), interface: link, number },
        namespace: space === '-' ? null : space,
      }),
    );
    if (radios.length > 0) return { port, radios };
    throw new LabError(`${name} has no simulated radios: mac80211_hwsim is not loaded`, {
      board: name,
      code: 'no-radios',
    });
  }

  async #ask<R extends AirRequest>(
    request: R,
    params: AirRequests[R]['params'],
  ): Promise<AirRequests[R]['result']> {
    if (this.#ended) throw new LabError('the shared air has ended', { code: 'no-air' });
    const { promise, resolve, reject } = Promise.withResolvers<AirRequests[R]['result']>();
    const id = ++this.#last;
    this.#asked.set(id, { resolve, reject });
    const message: ToAir = { id, request, params };
    this.#worker.postMessage(message);
    return await promise;
  }

  #heard(message: FromAir): void {
    if ('lost' in message) {
      this.#boardLost(message.lost.board, message.lost.why);
      return;
    }
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (!asked) throw new HarnessError(`the air answers what nobody asked: ${message.id}`);
    if ('error' in message) asked.reject(fromWire(message.error));
    // Each answer is of the type of its request.
    else asked.resolve(message.result as never);
  }

  #boardLost(board: string, why: string): void {
    const agent = this.#agents.get(board);
    if (!agent) return;
    this.#hooks.onLost(board, why);
    // What is left of it on a board that is gone goes with it.
    this.leave(board).catch(() => undefined);
  }

  #lost(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { reject } of this.#asked.values())
      reject(new LabError(`the shared air was lost: ${why}`, { code: 'no-air' }));
    this.#asked.clear();
    for (const board of [...this.#agents.keys()]) this.#boardLost(board, why);
  }
}

/** Of all boards the first radio has the same address by itself; an interface that is up keeps its own. */
function addresses(board: string, radios: readonly FoundRadio[]): string {
  return radios
    .map(({ interface: link, namespace, number }) => {
      const set = `ip link set dev ${quote(link)} address ${addressOf(board, number)}`;
      const inside = namespace === null ? set : `ip netns exec ${quote(namespace)} ${set}`;
      return `${inside} 2>/dev/null || true`;
    })
    .join('\n');
}

/** Locally administered, of the board's name and the number of the radio. */
export function addressOf(board: string, radio: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(board)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  const bytes = [0x02, hash & 0xff, (hash >> 8) & 0xff, (hash >> 16) & 0xff, (hash >>> 24) & 0xff, radio];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
