/** The lab's own HTTP server for boot loaders: read-only, on one address, and of certain files alone. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { ConfigError, messageOf } from '../../errors.ts';
import type { FileServerOptions } from './tftp.ts';

export class HttpServer implements AsyncDisposable {
  readonly #options: FileServerOptions;
  readonly #server: Server;

  private constructor(options: FileServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Throws ConfigError when the address can't be had. */
  static async start(options: FileServerOptions): Promise<HttpServer> {
    const { address, port = 80 } = options;
    if (address === '' || address === '0.0.0.0' || address === '::')
      throw new ConfigError('an HTTP server is bound to the address of one interface, not to all of them');
    const made = new HttpServer(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    made.#server.once('error', reject).listen(port, address, resolve);
    await promise.catch((cause: unknown) => {
      throw new ConfigError(`HTTP can't be served at ${address}:${port}: ${messageOf(cause)}`, {
        code: 'http-address',
        hint: 'port 80 needs root; is there another server, or is the address not of this machine?',
        cause,
      });
    });
    return made;
  }

  get port(): number {
    return this.#address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  get #address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('it does not listen');
    return address;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { remoteAddress = '', remotePort = 0 } = request.socket;
    const client = `${isIPv6(remoteAddress) ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
    const name = nameOf(request.url ?? '');
    const tell = (what: string, bytes: number) => this.#options.onEvent?.({ client, name, what, bytes });
    const refuse = (code: number, what: string) => {
      tell(what, 0);
      response.writeHead(code).end();
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'this server is read-only');
    const path = Object.hasOwn(this.#options.files, name) ? this.#options.files[name] : undefined;
    if (path === undefined) return refuse(404, 'not served');
    try {
      const { size } = await stat(path);
      response.writeHead(200, { 'content-length': size, 'content-type': 'application/octet-stream' });
      if (request.method === 'HEAD') return void response.end();
      tell('begun', size);
      await pipeline(createReadStream(path), response);
      tell('done', size);
    } catch (error) {
      tell(messageOf(error), 0);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  }
}

/** What of a URL names a file; empty for what can't be one. */
function nameOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url, 'http://board').pathname).replace(/^\/+/, '');
  } catch {
    return '';
  }
}
