/** The client's end of the RPC: typed calls, streamed events, cancellation, and a new connection after a loss. */
import type { Socket } from 'node:net';
import { labId } from '../config/find.ts';
import { ConfigError, HarnessError, LabError } from '../errors.ts';
import { stateDir } from '../paths.ts';
import { buildId } from '../rpc/build.ts';
import {
  METHODS,
  type MethodName,
  type Params,
  PROTOCOL,
  Reply,
  type Result,
  type StreamEvent,
} from '../rpc/schema.ts';
import { frame, fromWire, MessageReader } from '../rpc/wire.ts';
import { connectIfRunning, connectOrStart } from './connect.ts';

export interface CallOptions<M extends MethodName> {
  onEvent?: (event: StreamEvent<M>) => void;
  /** Cancels the call at the controller too; the call then rejects once the controller has cleaned up. */
  signal?: AbortSignal | undefined;
}

interface Pending {
  socket: Socket;
  method: MethodName;
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  onEvent: ((event: unknown) => void) | undefined;
}

/** A plain call of a method. */
export type Call = <M extends MethodName>(method: M, params: Params<M>) => Promise<Result<M>>;

/** Further attempts at a connection that is lost before it is of use. */
const RETRIES = 3;

export interface LabClientOptions {
  /** Who is calling, for `hil lab status`. */
  client: string;
  state?: string;
  /** Start a controller when there is none (default), or fail. */
  start?: boolean;
}

export class LabClient implements AsyncDisposable {
  readonly #options: Required<LabClientOptions>;
  readonly #pending = new Map<number, Pending>();
  readonly #onReconnect: ((call: Call) => Promise<void>)[] = [];
  #socket: Socket | null = null;
  #connecting: Promise<Socket> | null = null;
  #nextId = 1;
  #closed = false;

  private constructor(options: LabClientOptions) {
    this.#options = { state: stateDir(), start: true, ...options };
  }

  /** Connects; starts the controller when there is none. Throws LabError when that cannot be done. */
  static async connect(options: LabClientOptions): Promise<LabClient> {
    const client = new LabClient(options);
    await client.#connected();
    return client;
  }

  /** A client of the running controller, or null when none runs. */
  static async ifRunning(options: LabClientOptions): Promise<LabClient | null> {
    const client = new LabClient({ ...options, start: false });
    try {
      await client.#connected();
      return client;
    } catch (error) {
      if (error instanceof LabError && error.code === 'no-controller') return null;
      throw error;
    }
  }

  /** Called after a connection was lost and made anew: to claim again, by `call`, what the connection owned. */
  onReconnect(handler: (call: Call) => Promise<void>): void {
    this.#onReconnect.push(handler);
  }

  async call<M extends MethodName>(
    method: M,
    params: Params<M>,
    options: CallOptions<M> = {},
  ): Promise<Result<M>> {
    const parsed = METHODS[method].params.safeParse(params);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(
        (issue) => `${issue.path.join('.') || method}: ${issue.message}`,
      );
      throw new ConfigError(`${method}: ${issues.join('; ')}`);
    }
    options.signal?.throwIfAborted();
    const socket = await this.#connected();
    options.signal?.throwIfAborted();
    return this.#send(socket, method, params, options);
  }

  /** Ends the connection; the controller ends what it owned. */
  close(): void {
    this.#closed = true;
    this.#socket?.end();
    this.#socket?.unref();
  }

  /** Resolves when the controller has closed the connection. */
  async closed(): Promise<void> {
    if (!this.#socket || this.#socket.destroyed) return;
    this.#socket.ref();
    await whenClosed(this.#socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed();
  }

  async #send<M extends MethodName>(
    socket: Socket,
    method: M,
    params: Params<M>,
    options: CallOptions<M> = {},
  ): Promise<Result<M>> {
    if (socket.destroyed) throw this.#lost();
    const id = this.#nextId++;
    const result = new Promise<unknown>((resolve, reject) => {
      const onEvent = options.onEvent as ((event: unknown) => void) | undefined; // checked against the schema when it comes
      this.#pending.set(id, { socket, method, resolve, reject, onEvent });
    });
    const cancel = () => socket.write(frame({ id, cancel: true }));
    socket.write(frame({ id, method, params }));
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      return (await result) as Result<M>; // parsed by this method's schema in #receive
    } finally {
      options.signal?.removeEventListener('abort', cancel);
    }
  }

  #lost(cause?: Error): LabError {
    const why = cause === undefined ? '' : `: ${cause.message}`;
    return new LabError(`the connection to the lab controller was lost${why}`, {
      code: 'controller-lost',
      hint: `see ${this.#options.state}/controller.log`,
      cause,
    });
  }

  async #connected(): Promise<Socket> {
    if (this.#closed)
      throw new HarnessError('the connection to the lab controller was closed by this program');
    if (this.#socket && !this.#socket.destroyed && !this.#connecting) return this.#socket;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Socket> {
    const again = this.#socket !== null;
    for (let attempt = 0; ; attempt++) {
      const socket = await this.#open();
      this.#attach(socket);
      try {
        if (!(await this.#suits(socket, attempt < RETRIES))) continue;
        // A call of its own would wait for this very connection.
        const call: Call = (method, params) => this.#send(socket, method, params);
        if (again) for (const handler of this.#onReconnect) await handler(call);
        return socket;
      } catch (error) {
        // Perhaps it was dying as we came.
        if (!(error instanceof LabError) || error.code !== 'controller-lost' || attempt >= RETRIES)
          throw error;
      }
    }
  }

  /** Whether this controller is of our version; an idle one of another version is asked to go, if it may be replaced. */
  async #suits(socket: Socket, replace: boolean): Promise<boolean> {
    const hello = await this.#send(socket, 'hello', { client: this.#options.client, pid: process.pid });
    const lab = await labId();
    if (hello.lab !== lab && this.#options.start) return await this.#otherLab(socket, hello, replace);
    if (hello.build === buildId()) return true;
    if (!hello.busy && this.#options.start && replace) {
      const left = whenClosed(socket);
      const { stopping } = await this.#send(socket, 'lab.stop', { force: false, onlyIfIdle: true });
      if (stopping) {
        await left;
        return false;
      }
    }
    if (hello.protocol === PROTOCOL) return true;
    socket.destroy();
    throw new ConfigError(`the lab controller (pid ${hello.pid}) runs another version, from ${hello.root}`, {
      hint: 'wait until its runs have ended, or end them: hil lab stop --force',
    });
  }

  /** A controller of another lab has other boards: it must end before ours can begin. */
  async #otherLab(socket: Socket, hello: Result<'hello'>, replace: boolean): Promise<false> {
    if (!hello.busy && !hello.boardsInUse && replace) {
      const left = whenClosed(socket);
      const { stopping } = await this.#send(socket, 'lab.stop', { force: false });
      if (stopping) await left;
      return false;
    }
    socket.destroy();
    const theirs = hello.labFile ?? 'the virtual lab';
    throw new ConfigError(
      `the lab controller (pid ${hello.pid}) works for another lab, or for this one before it was changed: ${theirs}`,
      { code: 'other-lab', hint: 'end it: hil lab stop; or give this lab a state of its own: HIL_STATE_DIR' },
    );
  }

  async #open(): Promise<Socket> {
    if (this.#options.start) return connectOrStart(this.#options.state);
    const socket = await connectIfRunning(this.#options.state);
    if (socket === null) throw new LabError('no lab controller is running', { code: 'no-controller' });
    return socket;
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    const reader = new MessageReader();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#receive(message);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    let cause: Error | undefined;
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => {
      const error = this.#lost(cause);
      // By now there may be a new connection, with calls of its own.
      for (const [id, pending] of this.#pending) {
        if (pending.socket !== socket) continue;
        this.#pending.delete(id);
        pending.reject(error);
      }
    });
  }

  #receive(message: unknown): void {
    const reply = Reply.parse(message);
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    const schema = METHODS[pending.method];
    if (reply.event !== undefined) {
      if (schema.event) pending.onEvent?.(schema.event.parse(reply.event));
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.error !== undefined) {
      pending.reject(fromWire(reply.error));
      return;
    }
    const parsed = schema.result.safeParse(reply.result);
    if (parsed.success) pending.resolve(parsed.data);
    else
      pending.reject(
        new HarnessError(
          `${pending.method}: the controller's answer has another shape: ${parsed.error.message}`,
        ),
      );
  }
}

/** However it ended: `once` would reject for a connection that was reset, as by a controller that was killed. */
function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
