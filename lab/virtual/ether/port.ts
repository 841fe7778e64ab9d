/** The way to the agent on one board: datagrams of its kernel, each with its length before it, over QEMU's socket. */
import { connect, type Socket } from 'node:net';
import { LabError } from '../../errors.ts';

/** Frames of which the agent gives several to its kernel as one datagram, up to so many bytes. */
const DATAGRAM = 8192;
/** Longest that the kernel sends. */
const LONGEST = 16_384;
/** What a board has not taken yet; beyond it frames are dropped, as a radio does whose queue is full. */
const BACKLOG = 4 * 1024 * 1024;

export class AgentPort {
  readonly #board: string;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #batch: Buffer[] = [];
  #batchBytes = 0;
  #dropped = 0;

  private constructor(board: string, socket: Socket) {
    this.#board = board;
    this.#socket = socket;
  }

  /** Rejects with LabError when QEMU does not listen. `onEnd`: with why it ended, unless it was closed. */
  static async connect(
    board: string,
    path: string,
    { onDatagram, onEnd }: { onDatagram: (datagram: Buffer) => void; onEnd: (why: string) => void },
  ): Promise<AgentPort> {
    const socket = connect(path);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', () => resolve());
    socket.once('error', (cause) =>
      reject(new LabError(`${board}: its radios can't be reached: ${cause.message}`, { board, cause })),
    );
    await promise;
    const port = new AgentPort(board, socket);
    let why = 'the board is off, or was reset';
    socket.on('error', (error) => {
      why = error.message;
    });
    socket.once('close', () => onEnd(why));
    socket.on('data', (chunk: Buffer) => {
      try {
        port.#read(chunk, onDatagram);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    return port;
  }

  /** Messages that were dropped for the board did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a message for the board's kernel; sent at flush. */
  send(message: Buffer): void {
    if (this.#batchBytes + message.length > DATAGRAM) this.flush();
    this.#batch.push(message);
    this.#batchBytes += message.length;
  }

  flush(): void {
    if (this.#batchBytes === 0) return;
    if (this.#socket.writableLength > BACKLOG) this.#dropped += this.#batch.length;
    else {
      const head = Buffer.allocUnsafe(4);
      head.writeUInt32LE(this.#batchBytes);
      this.#socket.write(Buffer.concat([head, ...this.#batch]));
    }
    this.#batch = [];
    this.#batchBytes = 0;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #read(chunk: Buffer, onDatagram: (datagram: Buffer) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + 4 <= bytes.length) {
      const length = bytes.readUInt32LE(at);
      if (length > LONGEST)
        throw new LabError(`${this.#board}: a datagram of ${length} bytes`, { code: 'bad-netlink' });
      if (at + 4 + length > bytes.length) break;
      onDatagram(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    // A copy: what is left must not keep the whole chunk.
    this.#rest = Buffer.from(bytes.subarray(at));
  }
}
