/** QEMU's machine protocol (docs/interop/qmp-spec.txt) over a Unix socket: commands with a deadline, and events. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { z } from 'zod';
import { LabError, messageOf } from '../errors.ts';

const Message = z.union([
  z.object({ QMP: z.unknown() }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
]);

export type QmpEvent = { event: string; data: Record<string, unknown> };

const COMMAND_MS = 20_000;

export class Qmp {
  readonly #socket: Socket;
  readonly #board: string;
  readonly #pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #onEvent: (event: QmpEvent) => void;
  #nextId = 1;
  #rest = '';

  private constructor(socket: Socket, board: string, onEvent: (event: QmpEvent) => void) {
    this.#socket = socket;
    this.#board = board;
    this.#onEvent = onEvent;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#received(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const { reject } of this.#pending.values())
        reject(new LabError(`${board}: QEMU has ended`, { board, code: 'power-lost' }));
      this.#pending.clear();
    });
  }

  /** Connects and leaves the negotiation mode. Throws LabError (code `absent`) when nobody listens. */
  static async connect(
    path: string,
    board: string,
    onEvent: (event: QmpEvent) => void,
    onClose: () => void,
  ): Promise<Qmp> {
    const socket = createConnection(path);
    try {
      await once(socket, 'connect');
    } catch (cause) {
      throw new LabError(`${board}: QEMU does not answer at ${path}: ${messageOf(cause)}`, {
        board,
        code: 'absent',
        cause,
      });
    }
    const qmp = new Qmp(socket, board, onEvent);
    socket.once('close', onClose);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** Runs a command; gives what it returns. Throws LabError with QEMU's own words. */
  async execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    const late = () =>
      reject(
        new LabError(`${this.#board}: QEMU did not answer ${command} within ${COMMAND_MS / 1000} s`, {
          code: 'timeout',
        }),
      );
    const timer = setTimeout(late, COMMAND_MS);
    this.#socket.write(`${JSON.stringify({ execute: command, id, ...(args ? { arguments: args } : {}) })}\n`);
    try {
      return await promise;
    } catch (error) {
      throw new LabError(`${this.#board}: ${command}: ${messageOf(error)}`, {
        board: this.#board,
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** A command of the human monitor: those that have no QMP form yet. Whatever it prints is an error. */
  async monitor(command: string): Promise<void> {
    const printed = z
      .string()
      .parse(await this.execute('human-monitor-command', { 'command-line': command }));
    if (printed.trim() !== '')
      throw new LabError(`${this.#board}: ${command}: ${printed.trim()}`, { board: this.#board });
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#message(line);
  }

  #message(line: string): void {
    let parsed: z.output<typeof Message>;
    try {
      parsed = Message.parse(JSON.parse(line));
    } catch {
      // Not QMP: whoever listens there is not QEMU, and pending commands end by their deadline.
      this.#socket.destroy();
      return;
    }
    if ('event' in parsed) this.#onEvent(parsed);
    else if ('return' in parsed) this.#pending.get(parsed.id)?.resolve(parsed.return);
    else if ('error' in parsed && parsed.id !== undefined)
      this.#pending.get(parsed.id)?.reject(new Error(parsed.error.desc));
  }
}
