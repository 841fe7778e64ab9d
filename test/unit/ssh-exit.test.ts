import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchExit } from '../../lab/board/ssh/exit.ts';
import { soundPair } from '../../lab/board/ssh/keys.ts';
import { openLink } from '../../lab/board/ssh/link.ts';
import { LabError } from '../../lab/errors.ts';
import { sshServer } from './ssh-server.ts';

/** A relay that gives the client all at once what the server says without a pause, as a busy client reads it. */
async function lumpingRelay(port: number): Promise<{ port: number } & Disposable> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.pipe(upstream);
    let lump: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    upstream.on('data', (bytes) => {
      lump.push(bytes);
      clearTimeout(timer);
      timer = setTimeout(() => {
        client.write(Buffer.concat(lump));
        lump = [];
      }, 30);
    });
    for (const end of [client, upstream]) {
      end.on('error', () => undefined);
      end.on('close', () => [client, upstream].map((socket) => socket.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

test('how a command ended is known, also when it ended in the read that opened its channel', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hil-exit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const keys = soundPair('me');
  const privateKeyPath = join(folder, 'id');
  writeFileSync(privateKeyPath, keys.private, { mode: 0o600 });
  using server = await sshServer(keys.public, (channel, { line }) => {
    channel.write('all of it');
    if (line === 'killed') channel.exit('KILL');
    else if (line !== 'silent') channel.exit(7);
    channel.end();
  });
  using relay = await lumpingRelay(server.port);
  const link = await openLink(
    {
      ...{ name: 'b1', host: '127.0.0.1', port: relay.port, user: 'me', privateKeyPath },
      ...{ hostKey: server.hostKey, onEvent: () => undefined },
    },
    AbortSignal.timeout(20_000),
  );
  const outcomeOf = async (command: string) => {
    const channel = await link.exec(command);
    const watch = watchExit(channel);
    let output = '';
    channel.stderr.resume();
    channel.on('data', (bytes: Buffer) => {
      output += bytes;
    });
    return { exit: await watch.closed, output };
  };
  assert.deepEqual(await outcomeOf('seven'), { exit: { exitCode: 7, signal: null }, output: 'all of it' });
  assert.deepEqual(await outcomeOf('killed'), {
    ...{ exit: { exitCode: null, signal: 'KILL' }, output: 'all of it' },
  });
  assert.deepEqual(await outcomeOf('silent'), { exit: undefined, output: 'all of it' });
  link.drop(new LabError('done'));
  await link.closed;
});
