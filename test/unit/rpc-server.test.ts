import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Handlers, RpcServer } from '../../lab/controller/server.ts';
import { frame } from '../../lab/rpc/wire.ts';

test('a client that does not read what it follows is disconnected before it fills the memory', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rpc-'));
  const log: string[] = [];
  let emitted = 0;
  const gone = Promise.withResolvers<void>();
  const handlers: Partial<Handlers> = {
    'console.attach': async ({ signal, emit }) => {
      const data = 'x'.repeat(1024 * 1024);
      for (; !signal.aborted && emitted < 100; emitted++) {
        emit({ data });
        await setImmediate();
      }
      return {};
    },
  };
  const server = new RpcServer({
    path: join(dir, 'socket'),
    handlers: handlers as Handlers, // no other method is called
    onDisconnect: () => gone.resolve(),
    log: (message) => log.push(message),
  });
  await server.listen();
  const client = connect(join(dir, 'socket'));
  client.on('error', () => undefined);
  await once(client, 'connect');
  client.pause();
  client.write(frame({ id: 1, method: 'console.attach', params: { board: 'vb1', tail: 0 } }));
  await gone.promise;
  assert.ok(emitted < 30, `${emitted} MiB were taken`);
  assert.match(log.join(), /does not read/);
  client.destroy();
  server.close();
  rmSync(dir, { recursive: true });
});
