/** Keeps one session with a board: connects on demand, shares one attempt among all that wait, notes losses. */
import { abortReason, LabError } from '../../errors.ts';
import { within } from '../../within.ts';
import { connectError, type LinkTarget, openLink } from './link.ts';
import { Session } from './session.ts';

export type SshState = 'disconnected' | 'connecting' | 'connected';

export interface ConnectorOptions {
  target: LinkTarget;
  /** In the environment of what held shells start. */
  tag: string;
  /** Ends it for good; its reason is what those who wait are told. */
  signal: AbortSignal | undefined;
  /** Called with each new session, before anybody uses it. */
  onSession: (session: Session) => void;
}

interface Attempt {
  session: Promise<Session>;
  cancel: AbortController;
  waiters: number;
  startedAt: number;
  progress: { last: Error | undefined };
}

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #watchers = new Set<() => void>();
  #session: Session | undefined;
  #attempt: Attempt | undefined;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', () => this.disconnect('the connection is no longer wanted'), {
      once: true,
    });
  }

  get state(): SshState {
    if (this.#session?.link.alive === true) return 'connected';
    return this.#attempt === undefined ? 'disconnected' : 'connecting';
  }

  /** The last session, alive or not. */
  get last(): Session | undefined {
    return this.#session;
  }

  /** A live session: the one there is, or a new one. Throws what openLink throws, or why it was aborted. */
  async session(limits: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Session> {
    for (const signal of [this.#options.signal, limits.signal]) {
      if (signal?.aborted === true) throw abortReason(signal);
    }
    if (this.#session?.link.alive === true) return this.#session;
    this.#attempt ??= this.#start();
    const attempt = this.#attempt;
    attempt.waiters += 1;
    try {
      return await within(attempt.session, {
        ...limits,
        late: () =>
          connectError(this.#options.target, attempt.progress.last, performance.now() - attempt.startedAt),
      });
    } finally {
      attempt.waiters -= 1;
      if (attempt.waiters === 0) {
        attempt.cancel.abort();
        // Whoever calls next starts afresh, with an own deadline.
        if (this.#attempt === attempt) this.#attempt = undefined;
      }
    }
  }

  /** Resolves when connected, by whomever. */
  whenConnected(signal: AbortSignal | undefined): Promise<void> {
    if (this.state === 'connected') return Promise.resolve();
    let wake: () => void = () => undefined;
    const connected = new Promise<void>((resolve) => {
      wake = resolve;
      this.#watchers.add(wake);
    });
    const late = () => this.#gone('nobody connected it');
    return within(connected, { signal, late }).finally(() => this.#watchers.delete(wake));
  }

  disconnect(reason: string): void {
    this.#attempt?.cancel.abort();
    this.#attempt = undefined;
    this.#session?.close(this.#gone(reason));
  }

  #start(): Attempt {
    const { target, tag } = this.#options;
    const cancel = new AbortController();
    const progress: Attempt['progress'] = { last: undefined };
    const open = (signal: AbortSignal) => openLink(target, signal, progress);
    const session = Session.open(tag, open, cancel.signal).then((opened) => {
      // Given up while the last handshake went through.
      if (cancel.signal.aborted) {
        const reason = this.#gone('given up while connecting');
        opened.close(reason);
        throw reason;
      }
      this.#adopt(opened);
      return opened;
    });
    // Each that waits is told of a failure; with none left nobody needs it.
    session.catch(() => undefined);
    return { session, cancel, waiters: 0, startedAt: performance.now(), progress };
  }

  #adopt(session: Session): void {
    const { onEvent } = this.#options.target;
    this.#attempt = undefined;
    this.#session = session;
    onEvent('connected', `boot ${session.bootId}`);
    void session.link.closed.then((reason) => onEvent('lost', reason.message));
    this.#options.onSession(session);
    for (const wake of this.#watchers) wake();
  }

  #gone(reason: string): LabError {
    const board = this.#options.target.name;
    return new LabError(`the SSH connection to ${board} was closed: ${reason}`, {
      board,
      code: 'connection-lost',
    });
  }
}
