/** The client of the lab controller, against controllers that die at bad moments. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { LabClient } from '../../lab/client/client.ts';
import { socketPath } from '../../lab/paths.ts';
import { buildId } from '../../lab/rpc/build.ts';
import { PROTOCOL, Request } from '../../lab/rpc/schema.ts';
import { frame, MessageReader } from '../../lab/rpc/wire.ts';

const state = mkdtempSync(join(tmpdir(), 'hil-client-'));
after(() => rmSync(state, { recursive: true }));

const HELLO = { pid: 1, protocol: PROTOCOL, build: buildId(), root: '/', busy: false };

/** A controller of which each test decides what it does with each request. */
async function controller(
  answer: (request: { method?: string | undefined }, socket: Socket) => object | null,
) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const reader = new MessageReader();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) {
        const request = Request.parse(message);
        const result = answer(request, socket);
        if (result !== null && !socket.destroyed) socket.write(frame({ id: request.id, result }));
      }
    });
  });
  server.listen(socketPath(state));
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { sockets, [Symbol.asyncDispose]: close };
}

function client(): Promise<LabClient | null> {
  return LabClient.ifRunning({ client: 'test', state });
}

/** A client that claims something again, by a call of lab.stop, whenever it has a new connection. */
async function claimingClient(): Promise<LabClient> {
  const lab = await client();
  assert.ok(lab);
  lab.onReconnect(async (call) => {
    await call('lab.stop', { force: false });
  });
  return lab;
}

test('a controller that dies as the client comes is asked for again, but not for ever', async () => {
  let dying = 2;
  await using server = await controller((_, socket) => {
    if (dying-- <= 0) return HELLO;
    socket.destroy();
    return null;
  });
  const lab = await client();
  assert.ok(lab);
  assert.equal(server.sockets.length, 3);
  lab.close();
  dying = Number.POSITIVE_INFINITY;
  await assert.rejects(client(), { code: 'controller-lost' });
});

test('a call under way when the connection breaks is lost; the next one, and what is claimed again, goes over a new one', async () => {
  const asked: string[] = [];
  await using server = await controller(({ method = '' }, socket) => {
    asked.push(`${server.sockets.indexOf(socket)} ${method}`);
    if (method === 'hello') return HELLO;
    if (method === 'lab.stop') return { stopping: false };
    server.sockets[0]?.destroy();
    return null;
  });
  const lab = await claimingClient();
  await assert.rejects(lab.call('lab.status', {}), { code: 'controller-lost' });
  await lab.call('lab.stop', { force: false, onlyIfIdle: true });
  assert.deepEqual(asked, ['0 hello', '0 lab.status', '1 hello', '1 lab.stop', '1 lab.stop']);
  lab.close();
});

test('a controller that dies while something is claimed again is lost, not waited for', async () => {
  await using _ = await controller(({ method }, socket) => {
    if (method === 'hello') return HELLO;
    socket.destroy();
    return null;
  });
  const lab = await claimingClient();
  await assert.rejects(lab.call('lab.status', {}), { code: 'controller-lost' });
  await assert.rejects(lab.call('lab.status', {}), { code: 'controller-lost' });
  lab.close();
});

test('a connection that is reset is closed like any other', async () => {
  await using server = await controller((_, socket) => {
    void setImmediate().then(() => socket.pause());
    return HELLO;
  });
  const lab = await client();
  assert.ok(lab);
  const lost = assert.rejects(lab.call('lab.status', {}), { code: 'controller-lost', message: /ECONNRESET/ });
  const closed = lab.closed();
  // Closed with something unread in its buffer, as that of a program that is killed, a socket is reset.
  while (server.sockets[0]?.isPaused() !== true) await setImmediate();
  await setImmediate();
  server.sockets[0].destroy();
  await Promise.all([lost, closed]);
  lab.close();
});
