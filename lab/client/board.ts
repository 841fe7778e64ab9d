/** A board held under a lease: what fixtures and commands drive. Each call goes to the controller. */

import { asHilError, LabError } from '../errors.ts';
import type {
  BoardFacts,
  LeasedMethod,
  LeaseInfo,
  LeaseRef,
  Params,
  PowerAction,
  Result,
  StreamEvent,
} from '../rpc/schema.ts';
import type { CallOptions, LabClient } from './client.ts';

type LeasedParams<M extends LeasedMethod> = Omit<Params<M>, 'lease'>;

export interface AcquireOptions extends CallOptions<'lease.acquire'> {
  owner: string;
  run?: string | null;
  boards?: string[];
  needs?: string[];
  prefer?: string | undefined;
  waitMs?: number;
  fresh?: boolean;
  endState?: 'off' | 'on';
}

/** Program output as it comes. */
export type OutputListener = (stream: 'stdout' | 'stderr', chunk: Buffer) => void;

export class LeasedBoard implements AsyncDisposable {
  readonly lab: LabClient;
  readonly info: LeaseInfo;
  readonly name: string;
  /** Aborted when the lease is lost: the board may be somebody else's now. */
  readonly signal: AbortSignal;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #released = false;

  private constructor(lab: LabClient, info: LeaseInfo) {
    this.lab = lab;
    this.info = info;
    this.name = info.board;
    this.signal = this.#lost.signal;
    this.#timer = setInterval(() => void this.#heartbeat(), Math.max(500, info.expiresInMs / 4));
    this.#timer.unref();
  }

  /** Waits in line for a board. Throws ConfigError for what no board of the lab has, LabError at the deadline. */
  static async acquire(lab: LabClient, options: AcquireOptions): Promise<LeasedBoard> {
    const { onEvent, signal, run = null, prefer, ...rest } = options;
    const params = { ...rest, run, ...(prefer === undefined ? {} : { prefer }) };
    const info = await lab.call('lease.acquire', params, { ...(onEvent ? { onEvent } : {}), signal });
    return new LeasedBoard(lab, info);
  }

  get ref(): LeaseRef {
    return { id: this.info.id, token: this.info.token };
  }

  /** Any call that needs the lease, with the lease filled in. */
  call<M extends LeasedMethod>(
    method: M,
    params: LeasedParams<M>,
    options: CallOptions<M> = {},
  ): Promise<Result<M>> {
    // The rest of M's parameters and the lease are M's parameters; TypeScript cannot see that through Omit.
    return this.lab.call(method, { ...params, lease: this.ref } as unknown as Params<M>, options);
  }

  ready(options: CallOptions<'board.ready'> & { timeoutMs?: number } = {}): Promise<BoardFacts> {
    const { timeoutMs, ...call } = options;
    return this.call('board.ready', timeoutMs === undefined ? {} : { timeoutMs }, call);
  }

  power(action: PowerAction, signal?: AbortSignal): Promise<Result<'power'>> {
    return this.call('power', { action }, { signal });
  }

  /** Runs a program on a channel of its own, its output streamed raw; ends with the program. */
  exec(
    command: string,
    options: { stdin?: Buffer; onOutput?: OutputListener; signal?: AbortSignal } = {},
  ): Promise<Result<'ssh.exec'>> {
    const { stdin, onOutput, signal } = options;
    const onEvent = (event: StreamEvent<'ssh.exec'>) =>
      onOutput?.(event.stream, Buffer.from(event.data, 'base64'));
    const params = stdin === undefined ? { command } : { command, stdin: stdin.toString('base64') };
    return this.call('ssh.exec', params, { onEvent, signal });
  }

  beginScope(test: string, dir: string): Promise<unknown> {
    return this.call('scope.begin', { test, dir });
  }

  endScope(): Promise<Result<'scope.end'>> {
    return this.call('scope.end', {});
  }

  /** Gives the board back; the controller undoes what was started and brings it to its end state. */
  async release(endState?: 'off' | 'on'): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    if (this.signal.aborted) return;
    await this.call('lease.release', endState === undefined ? {} : { endState });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #heartbeat(): Promise<void> {
    try {
      await this.call('lease.heartbeat', {});
    } catch (thrown) {
      const error = asHilError(thrown);
      // A lost connection is made anew at the next beat; only the controller can say that the lease is lost.
      if (error.code !== 'lease-lost' || this.#released) return;
      clearInterval(this.#timer);
      this.#lost.abort(
        new LabError(`the lease on ${this.name} was lost: ${error.message}`, {
          board: this.name,
          code: 'lease-lost',
        }),
      );
    }
  }
}
