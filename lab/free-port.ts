/** A TCP port of this machine that nobody has at this moment. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { HarnessError } from './errors.ts';

/** On 127.0.0.1. Another program may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new HarnessError('a TCP server without a port');
  return address.port;
}
