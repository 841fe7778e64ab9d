/** The controller's end of the RPC: connections, dispatch, cancellation. Knows no method by name. */

import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ConfigError, LabError } from '../errors.ts';
import { redactDeep } from '../redact.ts';
import {
  METHODS,
  type MethodName,
  type ParsedParams,
  Request,
  type Result,
  type StreamEvent,
} from '../rpc/schema.ts';
import { frame, MessageReader, toWire } from '../rpc/wire.ts';

/** One client. Its calls are cancelled when it goes. */
export interface Connection {
  readonly id: number;
  /** Aborted when the client is gone. */
  readonly gone: AbortSignal;
  name: string;
}

export interface Call<M extends MethodName> {
  params: ParsedParams<M>;
  connection: Connection;
  /** Aborted when the client cancels the call or is gone. */
  signal: AbortSignal;
  emit: (event: StreamEvent<M>) => void;
}

export type Handlers = { [M in MethodName]: (call: Call<M>) => Promise<Result<M>> | Result<M> };

type AnyHandler = (call: {
  params: unknown;
  connection: Connection;
  signal: AbortSignal;
  emit: (event: unknown) => void;
}) => Promise<unknown> | unknown;

export interface RpcServerOptions {
  path: string;
  handlers: Handlers;
  onDisconnect: (connection: Connection) => void;
  log: (message: string) => void;
}

/** A client that leaves more than this unread is disconnected: what it follows (a console, say) may be without end. */
const MAX_QUEUED = 16 * 1024 * 1024;

export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #nextId = 1;
  /** Calls answered since the start. */
  commands = 0;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Listens with mode 0600; a socket left by a dead controller is replaced (the lock says that it is dead). */
  async listen(): Promise<void> {
    const { path } = this.#options;
    rmSync(path, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
    chmodSync(path, 0o600);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Stops listening, lets answers under way be written, and ends all connections. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.end();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const gone = new AbortController();
    const connection: Connection = { id: this.#nextId++, gone: gone.signal, name: '?' };
    const calls = new Map<number, AbortController>();
    const reader = new MessageReader();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) this.#receive(message, socket, connection, calls);
      } catch (error) {
        socket.end(frame({ id: 0, error: toWire(error) }));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      const reason = new LabError('the client is gone', { code: 'aborted' });
      gone.abort(reason);
      for (const call of calls.values()) call.abort(reason);
      this.#options.onDisconnect(connection);
    });
  }

  #receive(
    message: unknown,
    socket: Socket,
    connection: Connection,
    calls: Map<number, AbortController>,
  ): void {
    const request = Request.parse(message);
    if (request.cancel) {
      calls.get(request.id)?.abort(new LabError('cancelled', { code: 'aborted' }));
      return;
    }
    const abort = new AbortController();
    calls.set(request.id, abort);
    const send = (reply: object): void => {
      if (socket.destroyed) return;
      // Looked at before, not after: one long answer is nobody's slowness.
      if (socket.writableLength > MAX_QUEUED) {
        this.#options.log(`${connection.name} does not read what it asked for: disconnected`);
        socket.destroy();
      } else socket.write(frame(redactDeep({ id: request.id, ...reply })));
    };
    void this.#dispatch(request.method ?? '', request.params, connection, abort.signal, (event) =>
      send({ event }),
    )
      .then(
        (result) => send({ result: result ?? {} }),
        (error: unknown) => send({ error: toWire(error) }),
      )
      .finally(() => {
        calls.delete(request.id);
        this.commands++;
      });
  }

  async #dispatch(
    method: string,
    raw: unknown,
    connection: Connection,
    signal: AbortSignal,
    emit: (event: unknown) => void,
  ): Promise<unknown> {
    if (!isMethod(method)) throw new ConfigError(`the lab controller knows no "${method}"`);
    const parsed = METHODS[method].params.safeParse(raw);
    if (!parsed.success) throw new ConfigError(`${method}: ${parsed.error.message}`);
    // The table pairs each method with a handler of its own parameters, which were just parsed by its own schema.
    const handler = this.#options.handlers[method] as AnyHandler;
    return await handler({ params: parsed.data, connection, signal, emit });
  }
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}
