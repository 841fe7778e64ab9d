/** One SSH connection: dialled until the machine answers, its host key verified, watched until it is lost. */
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import ssh2, { type ClientChannel, type SFTPWrapper } from 'ssh2';
import { ConfigError, type HilError, LabError, messageOf } from '../../errors.ts';
import { within } from '../../within.ts';
import { fingerprint, hostKeyChanged, type PublicKey, parsePublicKey, readPin, writePin } from './hostkey.ts';

const STAGGER_MS = 250;
const HANDSHAKE_MS = 20_000;
const KEEPALIVE_MS = 5_000;
const KEEPALIVE_MISSES = 3;
/** An sshd that does not open a channel in this time is as good as gone. */
const CHANNEL_MS = 15_000;

export interface LinkTarget {
  name: string;
  host: string;
  port: number | (() => number);
  user: string;
  privateKeyPath: string;
  hostKey: string | (() => Promise<string | null>);
  pinPath?: string;
  /** Told of what is worth a line in the journal. */
  onEvent: (event: string, detail: string) => void;
}

export class Link {
  readonly board: string;
  readonly #client: ssh2.Client;
  #lost: LabError | undefined;
  /** Resolves, with the reason, when the connection is over. */
  readonly closed: Promise<LabError>;

  constructor(board: string, client: ssh2.Client) {
    this.board = board;
    this.#client = client;
    let last: Error | undefined;
    client.on('error', (error: Error) => {
      last = error;
    });
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#lost ??= lostError(board, last);
        resolve(this.#lost);
      });
    });
  }

  get alive(): boolean {
    return this.#lost === undefined;
  }

  /** Starts `command` through the login shell. Throws LabError: `connection-lost`, or `no-channel` when refused. */
  exec(command: string): Promise<ClientChannel> {
    return this.#open((done) => this.#client.exec(command, done), `starting a command on ${this.board}`);
  }

  /** As exec, with a terminal. */
  terminal(command: string, window: { cols: number; rows: number; term: string }): Promise<ClientChannel> {
    return this.#open(
      (done) => this.#client.exec(command, { pty: window }, done),
      `opening a terminal on ${this.board}`,
    );
  }

  sftp(): Promise<SFTPWrapper> {
    return this.#open((done) => this.#client.sftp(done), `starting SFTP on ${this.board}`);
  }

  /** Ends the connection now; what is pending on it fails with `reason`. */
  drop(reason: LabError): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#client.destroy();
  }

  async #open<T>(
    start: (done: (error: Error | undefined, value: T) => void) => unknown,
    what: string,
  ): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    const opened = new Promise<T>((resolve, reject) => {
      start((error, value) => {
        // ssh2 gives no error at all, or null, depending on the call.
        if (error === undefined || error === null) resolve(value);
        else reject(error);
      });
    });
    try {
      return await within(opened, {
        timeoutMs: CHANNEL_MS,
        late: () => new Error(`no answer in ${CHANNEL_MS / 1000} s`),
      });
    } catch (error) {
      throw this.#channelError(error, what);
    }
  }

  #channelError(error: unknown, what: string): LabError {
    if (this.#lost !== undefined) return this.#lost;
    const message = messageOf(error);
    if (!message.includes('Channel open failure') && !message.startsWith('Unable to')) {
      return lostError(this.board, new Error(`${what}: ${message}`));
    }
    return new LabError(`${what} was refused: ${message}`, {
      board: this.board,
      code: 'no-channel',
      hint: 'the SSH server may limit sessions per connection (MaxSessions) or be short of memory',
      cause: error,
    });
  }
}

export function lostError(board: string, cause: Error | undefined): LabError {
  return new LabError(
    `the SSH connection to ${board} was lost${cause === undefined ? '' : `: ${cause.message}`}`,
    {
      board,
      code: 'connection-lost',
      hint: `look at the console and power state: hil journal --source console; hil power ${board} state`,
      cause,
    },
  );
}

/**
 * Connects, trying again until `signal` aborts: then throws LabError `connect-refused` or `connect-timeout` with what
 * the last try met. Throws ConfigError when the key is refused, LabError `host-key-changed` when another key answers;
 * neither is tried again.
 */
export async function openLink(
  target: LinkTarget,
  signal: AbortSignal,
  state: { last: Error | undefined } = { last: undefined },
): Promise<Link> {
  const privateKey = await readPrivateKey(target);
  const pinned = await pinnedKey(target);
  const startedAt = performance.now();
  while (!signal.aborted) {
    const socket = await dial(target, signal, state);
    if (socket === undefined) break;
    const outcome = await handshake(target, socket, privateKey, pinned, signal);
    if (outcome instanceof Link) return outcome;
    state.last = outcome;
  }
  throw connectError(target, state.last, performance.now() - startedAt);
}

/** What it means that the board did not answer in time. */
export function connectError(target: LinkTarget, last: Error | undefined, waitedMs: number): LabError {
  const refused = last !== undefined && 'code' in last && last.code === 'ECONNREFUSED';
  const where = `${target.host}:${portOf(target)}`;
  return new LabError(
    `${target.name} did not answer on SSH (${where}) in ${(waitedMs / 1000).toFixed(1)} s: ${last?.message ?? 'no answer'}`,
    {
      board: target.name,
      code: refused ? 'connect-refused' : 'connect-timeout',
      hint: `is it powered and booted? hil power ${target.name} state; hil console ${target.name}`,
      cause: last,
    },
  );
}

function portOf(target: LinkTarget): number {
  return typeof target.port === 'number' ? target.port : target.port();
}

async function readPrivateKey(target: LinkTarget): Promise<Buffer> {
  try {
    return await readFile(target.privateKeyPath);
  } catch (error) {
    throw new ConfigError(`cannot read the SSH key for ${target.name}: ${messageOf(error)}`, {
      board: target.name,
      cause: error,
    });
  }
}

async function pinnedKey(target: LinkTarget): Promise<PublicKey | null> {
  const given = typeof target.hostKey === 'string' ? target.hostKey : await target.hostKey();
  if (given !== null) return parsePublicKey(given);
  return target.pinPath === undefined ? null : readPin(target.pinPath, target.name);
}

/**
 * A TCP connection on which the SSH server has begun to speak; undefined when `signal` aborted first. While a board
 * boots, a try may be accepted by a forwarder and then hang in TCP's back-off for seconds, so a new one is started
 * every STAGGER_MS beside those still open, and the first to be spoken to wins.
 */
function dial(
  target: LinkTarget,
  signal: AbortSignal,
  state: { last: Error | undefined },
): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>();
    let stagger = STAGGER_MS;
    let tries = 0;
    let timer: NodeJS.Timeout | undefined;
    const finish = (winner: Socket | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const socket of open) if (socket !== winner) socket.destroy();
      resolve(winner);
    };
    const onAbort = () => finish(undefined);
    const attempt = () => {
      tries += 1;
      if (tries > 20) stagger = Math.min(stagger * 1.1, 2_000);
      let port: number;
      try {
        port = portOf(target);
      } catch (error) {
        reject(error);
        finish(undefined);
        return;
      }
      timer = setTimeout(attempt, stagger);
      const socket = connect({ host: target.host, port, noDelay: true, keepAlive: true });
      open.add(socket);
      const expiry = setTimeout(() => {
        state.last = new Error(`no SSH banner within ${Math.round(stagger * 4)} ms`);
        socket.destroy();
      }, stagger * 4);
      socket.on('error', (error) => {
        state.last = error;
      });
      socket.once('close', () => {
        clearTimeout(expiry);
        open.delete(socket);
      });
      socket.once('data', (chunk) => {
        clearTimeout(expiry);
        socket.pause();
        socket.unshift(chunk);
        finish(socket);
      });
    };
    if (signal.aborted) return finish(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    attempt();
  });
}

/** A ready link, or the error after which another try may help. */
async function handshake(
  target: LinkTarget,
  socket: Socket,
  privateKey: Buffer,
  pinned: PublicKey | null,
  signal: AbortSignal,
): Promise<Link | Error> {
  const client = new ssh2.Client();
  let fatal: HilError | undefined;
  let offered: Buffer | undefined;
  const ready = new Promise<Error | undefined>((resolve) => {
    client.once('ready', () => resolve(undefined));
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'client-authentication') fatal ??= authError(target, error);
      resolve(error);
    });
    client.once('close', () => resolve(new Error('the connection ended during the SSH handshake')));
  });
  const abort = () => client.destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    client.connect({
      sock: socket,
      username: target.user,
      privateKey,
      readyTimeout: HANDSHAKE_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSES,
      algorithms: { serverHostKey: hostKeyPreference(pinned) },
      hostVerifier: (key: Buffer) => {
        offered = key;
        if (pinned === null || pinned.blob.equals(key)) return true;
        fatal = hostKeyChanged(target.name, pinned, key);
        return false;
      },
    });
    const error = await ready;
    if (error !== undefined) {
      client.destroy();
      if (fatal !== undefined) throw fatal;
      return error;
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
  const link = new Link(target.name, client);
  if (pinned === null && offered !== undefined) await pinFirst(target, offered);
  return link;
}

async function pinFirst(target: LinkTarget, offered: Buffer): Promise<void> {
  if (target.pinPath !== undefined) await writePin(target.pinPath, target.name, offered);
  target.onEvent('host-key-pinned', fingerprint(offered));
}

/** The pinned type first, so that a server with several keys presents the one we know. */
function hostKeyPreference(pinned: PublicKey | null): ssh2.ServerHostKeyAlgorithm[] {
  const all: ssh2.ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-rsa',
  ];
  const isPinned = (type: string) =>
    type === pinned?.type || (pinned?.type === 'ssh-rsa' && type.startsWith('rsa-'));
  return [...all.filter(isPinned), ...all.filter((type) => !isPinned(type))];
}

function authError(target: LinkTarget, cause: Error): ConfigError {
  return new ConfigError(`${target.name} refused the key ${target.privateKeyPath} for user ${target.user}`, {
    board: target.name,
    code: 'auth-refused',
    hint: `put ${target.privateKeyPath}.pub into the board's authorized_keys, or correct the user in its profile`,
    cause,
  });
}
