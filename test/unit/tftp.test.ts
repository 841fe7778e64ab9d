import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { type FileEvent, TftpServer } from '../../lab/board/boot/tftp.ts';
import { agree, parseAck, parseError, parseReadRequest } from '../../lab/board/boot/tftp-packet.ts';
import { ConfigError } from '../../lab/errors.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'hil-tftp-'));
let count = 0;

function file(bytes: number): string {
  const path = join(dir, `file${count++}`);
  writeFileSync(path, randomBytes(bytes));
  return path;
}

async function serve(files: Record<string, string>): Promise<{ server: TftpServer; events: FileEvent[] }> {
  const events: FileEvent[] = [];
  const server = await TftpServer.start({
    address: '127.0.0.1',
    port: 0,
    files,
    onEvent: (event) => events.push(event),
  });
  return { server, events };
}

/** By curl, the client that is everywhere; blocks of the size that U-Boot asks for unless told otherwise. */
async function fetched(port: number, name: string, blockSize = 1468): Promise<Buffer> {
  const out = join(dir, `out${count++}`);
  await run('curl', [
    '-sS',
    '--tftp-blksize',
    String(blockSize),
    '--max-time',
    '60',
    '-o',
    out,
    `tftp://127.0.0.1:${port}/${name}`,
  ]);
  return readFileSync(out);
}

for (const [title, bytes, blockSize] of [
  ['whole blocks alone', 1024, 512],
  ['a part of a block', 1025, 512],
  ['more blocks than a block number counts', 66_000 * 8 + 3, 8],
  ['a kernel', 33 * 1024 * 1024, 1468],
] as const) {
  test(`a file comes over as it is: ${title}`, { timeout: 120_000 }, async () => {
    const path = file(bytes);
    const { server, events } = await serve({ Image: path });
    await using _server = server;
    assert.ok((await fetched(server.port, 'Image', blockSize)).equals(readFileSync(path)));
    assert.deepEqual(
      events.map(({ name, what }) => [name, what]),
      [
        ['Image', 'begun'],
        ['Image', 'done'],
      ],
    );
    assert.equal(events[1]?.bytes, bytes);
  });
}

test('several boards are served at a time', async () => {
  const [a, b] = [file(300_000), file(300_001)];
  const { server } = await serve({ a, b });
  await using _server = server;
  const got = await Promise.all(['a', 'b', 'a', 'b'].map((name) => fetched(server.port, name)));
  assert.deepEqual(
    got.map((bytes) => bytes.length),
    [300_000, 300_001, 300_000, 300_001],
  );
});

/** A client of our own, so that packets can be lost: every `lose`th one of either side. */
async function lossy(
  port: number,
  name: string,
  lose: number,
  options: Record<string, string>,
): Promise<{ content: Buffer; packets: number }> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const words = [name, 'octet', ...Object.entries(options).flat()];
  const request = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.from(words.map((word) => `${word}\0`).join('')),
  ]);
  const size = Number(options.blksize ?? 512);
  const content: Buffer[] = [];
  let packets = 0;
  let expected = 1;
  let sent = 0;
  const done = Promise.withResolvers<void>();
  const say = (packet: Buffer, to: number) => {
    if (++sent % lose !== 0) socket.send(packet, to, '127.0.0.1');
  };
  const ack = (block: number) => Buffer.from([0, 4, (block >> 8) & 255, block & 255]);
  socket.on('message', (packet: Buffer, { port: from }: RemoteInfo) => {
    packets++;
    if (packets % lose === 0) return;
    if (packet[1] === 6) return say(ack(0), from);
    if (packet[1] !== 3) return done.reject(new Error(parseError(packet) ?? 'what is this?'));
    if (packet.readUInt16BE(2) !== (expected & 0xffff)) return say(ack(expected - 1), from);
    content.push(packet.subarray(4));
    say(ack(expected++), from);
    if (packet.length - 4 < size) done.resolve();
  });
  socket.send(request, port, '127.0.0.1');
  try {
    await done.promise;
  } finally {
    socket.close();
  }
  return { content: Buffer.concat(content), packets };
}

const NEVER = Number.POSITIVE_INFINITY;

test('an empty file comes over too', async () => {
  const { server } = await serve({ f: file(0) });
  await using _server = server;
  assert.equal((await lossy(server.port, 'f', NEVER, { tsize: '0' })).content.length, 0);
});

test('only what is served can be had, and nothing can be put', async () => {
  const { server, events } = await serve({ 'boot/Image': file(10) });
  await using _server = server;
  assert.equal((await lossy(server.port, '/boot/Image', NEVER, {})).content.length, 10);
  for (const name of ['Image', '../../etc/passwd', '/etc/passwd', 'boot/../boot/Image', 'constructor'])
    await assert.rejects(lossy(server.port, name, NEVER, {}), /no file .* here/, name);
  assert.ok(events.some(({ what }) => what === 'not served'));
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.send(Buffer.from('\0\x02f\0octet\0'), server.port, '127.0.0.1');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  assert.equal(parseError(answer), 'this server is read-only');
});

test('lost packets are sent again, in single blocks and in windows', { timeout: 120_000 }, async () => {
  const path = file(40 * 512 + 100);
  const { server } = await serve({ f: path });
  await using _server = server;
  for (const options of [{}, { blksize: '1024', windowsize: '8' }] as Record<string, string>[]) {
    const { content } = await lossy(server.port, 'f', 7, options);
    assert.ok(content.equals(readFileSync(path)), JSON.stringify(options));
  }
});

test('an acknowledgement that comes twice does not double the transfer', async () => {
  const path = file(100 * 512 - 1);
  const { server } = await serve({ f: path });
  await using _server = server;
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let data = 0;
  const done = Promise.withResolvers<void>();
  socket.on('message', (packet: Buffer, { port }: RemoteInfo) => {
    data++;
    for (let twice = 0; twice < 2; twice++)
      socket.send(Buffer.from([0, 4, packet[2] ?? 0, packet[3] ?? 0]), port, '127.0.0.1');
    if (packet.length < 516) done.resolve();
  });
  socket.send(Buffer.from('\0\x01f\0octet\0'), server.port, '127.0.0.1');
  await done.promise;
  socket.close();
  assert.equal(data, 100);
});

test('a client that falls silent is given up', { timeout: 60_000 }, async () => {
  const gone = Promise.withResolvers<FileEvent>();
  await using server = await TftpServer.start({
    ...{ address: '127.0.0.1', port: 0, files: { f: file(5000) } },
    onEvent: (event) => event.what !== 'begun' && gone.resolve(event),
  });
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.send(Buffer.from('\0\x01f\0octet\0'), server.port, '127.0.0.1');
  assert.match((await gone.promise).what, /does not answer any more/);
  socket.close();
});

test('it is bound to one address, and says so when it cannot be', async () => {
  await assert.rejects(
    TftpServer.start({ address: '0.0.0.0', files: {} }),
    (error) => error instanceof ConfigError,
  );
  await assert.rejects(
    TftpServer.start({ address: '192.0.2.1', port: 0, files: {} }),
    (error) => error instanceof ConfigError && error.code === 'tftp-address',
  );
});

test('whatever is sent is parsed or refused, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      const packet = Buffer.from(bytes);
      const request = parseReadRequest(packet);
      parseAck(packet);
      parseError(packet);
      if (request) {
        const { blockSize, windowSize, timeoutMs } = agree(request.options, 1000);
        assert.ok(
          blockSize >= 8 && blockSize <= 65464 && windowSize >= 1 && windowSize <= 64 && timeoutMs >= 1000,
        );
      }
    }),
  );
  const { answer } = agree(
    new Map([
      ['blksize', '7'],
      ['windowsize', '0'],
      ['tsize', '0'],
      ['timeout', 'x'],
    ]),
    1234,
  );
  assert.deepEqual([...answer], [['tsize', '1234']]);
});
