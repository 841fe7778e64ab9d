/** The lab's own TFTP server: read-only, on one address, and of certain files alone. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { ConfigError, messageOf } from '../../errors.ts';
import {
  type Agreed,
  agree,
  dataPacket,
  ERROR,
  errorPacket,
  OPCODE,
  opcodeOf,
  optionAckPacket,
  parseAck,
  parseError,
  parseReadRequest,
} from './tftp-packet.ts';

export interface FileServerOptions {
  /** Address of the one interface that it is bound to; never all of them. */
  address: string;
  /** Default: the one of the protocol, which needs root. */
  port?: number;
  /** Path of the file by the name it is asked for. */
  files: Readonly<Record<string, string>>;
  onEvent?: (event: FileEvent) => void;
}

/** A file on its way to a board. */
export interface FileEvent {
  client: string;
  name: string;
  /** `begun`, `done`, or why it was not. */
  what: string;
  bytes: number;
}

/** Attempts at a packet that nobody acknowledges. */
const TRIES = 6;
const MAX_CLIENTS = 64;

export class TftpServer implements AsyncDisposable {
  readonly #options: FileServerOptions;
  readonly #socket: Socket;
  readonly #transfers = new Map<string, Transfer>();

  private constructor(options: FileServerOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on('message', (packet, client) => void this.#received(packet, client));
  }

  /** Throws ConfigError when the address can't be had. */
  static async start(options: FileServerOptions): Promise<TftpServer> {
    const { address, port = 69 } = options;
    if (address === '' || address === '0.0.0.0' || address === '::')
      throw new ConfigError('a TFTP server is bound to the address of one interface, not to all of them');
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
    try {
      socket.bind(port, address);
      await once(socket, 'listening');
    } catch (cause) {
      socket.close();
      throw new ConfigError(`TFTP can't be served at ${address}:${port}: ${messageOf(cause)}`, {
        code: 'tftp-address',
        hint: 'port 69 needs root; is there another TFTP server, or is the address not of this machine?',
        cause,
      });
    }
    // An ICMP answer to a packet of ours; the transfer it belongs to notices by itself.
    socket.on('error', () => undefined);
    return new TftpServer(options, socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transfer of this.#transfers.values()) transfer.end('the server ended');
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  async #received(packet: Buffer, client: RemoteInfo): Promise<void> {
    const key = `${client.address}:${client.port}`;
    const refuse = (code: number, message: string) =>
      this.#socket.send(errorPacket(code, message), client.port, client.address);
    if (opcodeOf(packet) === OPCODE.write) return refuse(ERROR.access, 'this server is read-only');
    const request = parseReadRequest(packet);
    if (!request)
      return opcodeOf(packet) === OPCODE.error
        ? undefined
        : refuse(ERROR.illegal, 'a read request was expected');
    // A request that comes again while it is answered.
    if (this.#transfers.has(key)) return;
    const name = request.name.replace(/^(?:\.?\/)+/, '');
    const path = Object.hasOwn(this.#options.files, name) ? this.#options.files[name] : undefined;
    const tell = (what: string, bytes: number) => this.#options.onEvent?.({ client: key, name, what, bytes });
    if (path === undefined) {
      tell('not served', 0);
      return refuse(ERROR.notFound, `no file ${name} here`);
    }
    if (this.#transfers.size >= MAX_CLIENTS) return refuse(ERROR.undefined, 'too many transfers');
    const transfer = new Transfer(client, this.#options.address, tell);
    this.#transfers.set(key, transfer);
    try {
      await transfer.run(path, request.options);
    } catch (error) {
      tell(messageOf(error), 0);
      refuse(ERROR.undefined, 'the file could not be read');
    } finally {
      this.#transfers.delete(key);
    }
  }
}

/** One file on its way to one client, from a port of its own. */
class Transfer {
  readonly #client: RemoteInfo;
  readonly #socket: Socket;
  readonly #tell: (what: string, bytes: number) => void;
  readonly #ended = Promise.withResolvers<string>();
  readonly #address: string;
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  /** Blocks acknowledged and sent, counted without end; the last one of the file. */
  #acked = 0;
  #sent = 0;
  #last = 0;

  constructor(client: RemoteInfo, address: string, tell: (what: string, bytes: number) => void) {
    this.#client = client;
    this.#address = address;
    this.#tell = tell;
    this.#socket = createSocket({ type: client.family === 'IPv6' ? 'udp6' : 'udp4' });
  }

  end(why: string): void {
    this.#ended.resolve(why);
  }

  async run(path: string, options: ReadonlyMap<string, string>): Promise<void> {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const agreed = agree(options, size);
    this.#last = Math.floor(size / agreed.blockSize) + 1;
    this.#socket.on('error', (error) => this.end(messageOf(error)));
    this.#socket.on('message', (packet, from) => {
      if (from.port !== this.#client.port || from.address !== this.#client.address) return;
      this.#answered(packet, file, agreed).catch((error: unknown) => this.end(messageOf(error)));
    });
    this.#socket.bind(0, this.#address);
    await once(this.#socket, 'listening');
    this.#tell('begun', size);
    try {
      if (agreed.answer.size > 0) this.#insist(() => this.#send(optionAckPacket(agreed.answer)), agreed);
      else await this.#window(file, agreed);
      const why = await this.#ended.promise;
      this.#tell(why, why === 'done' ? size : Math.min(size, this.#acked * agreed.blockSize));
    } finally {
      clearTimeout(this.#timer);
      this.#socket.close();
    }
  }

  async #answered(packet: Buffer, file: FileHandle, agreed: Agreed): Promise<void> {
    const error = parseError(packet);
    if (error !== null) return this.end(`the client gave up: ${error || 'no reason'}`);
    const number = parseAck(packet);
    if (number === null) return;
    // Which of the blocks in flight it is, whatever the number has wrapped to.
    let block = this.#acked;
    while (block < this.#sent && (block & 0xffff) !== number) block++;
    if ((block & 0xffff) !== number) return;
    // One that came before says nothing new: answering it would double every packet from here on (RFC 1123, 4.2.3.1).
    if (block === this.#acked && this.#sent > this.#acked && agreed.windowSize === 1) return;
    this.#acked = block;
    this.#tries = 0;
    if (this.#acked >= this.#last) return this.end('done');
    await this.#window(file, agreed);
  }

  async #window(file: FileHandle, agreed: Agreed): Promise<void> {
    const { blockSize, windowSize } = agreed;
    const first = this.#acked + 1;
    const count = Math.min(windowSize, this.#last - this.#acked);
    // Before anything is awaited: the same acknowledgement may come again meanwhile.
    this.#sent = first + count - 1;
    const content = Buffer.alloc(blockSize * count);
    const { bytesRead } = await file.read(content, 0, content.length, (first - 1) * blockSize);
    const packets = Array.from({ length: count }, (_, index) =>
      dataPacket(
        first + index,
        content.subarray(index * blockSize, Math.min(bytesRead, (index + 1) * blockSize)),
      ),
    );
    this.#insist(() => {
      for (const packet of packets) this.#send(packet);
    }, agreed);
  }

  /** Sends, and again until something is acknowledged. */
  #insist(send: () => void, agreed: Agreed): void {
    clearTimeout(this.#timer);
    send();
    this.#timer = setTimeout(() => {
      this.#tries++;
      if (this.#tries >= TRIES) this.end('the client does not answer any more');
      else this.#insist(send, agreed);
    }, agreed.timeoutMs);
  }

  #send(packet: Buffer): void {
    this.#socket.send(packet, this.#client.port, this.#client.address);
  }
}
