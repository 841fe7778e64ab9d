import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import { backOff, backOffMs } from '../../lab/board/console/backoff.ts';
import { Console } from '../../lab/board/console/console.ts';
import { ConsoleTransportConfig, makeTransport } from '../../lab/board/console/index.ts';
import {
  DO,
  DONT,
  negotiation,
  subnegotiation,
  TelnetParser,
  type Verb,
  WILL,
  WONT,
} from '../../lab/board/console/telnet-codec.ts';
import { failure } from '../failure.ts';
import { type Recorded, texts } from './console-bench.ts';

const LIMIT = { timeout: 30_000 };
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function serving(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const config = (type: string, port: number, more: object = {}): ConsoleTransportConfig =>
  ConsoleTransportConfig.parse({ type, host: '127.0.0.1', port, ...more });

/** A telnet server that agrees to some options, and answers each subnegotiation. */
function telnetServer(
  agreed: readonly number[],
  answer: (payload: Buffer) => Buffer = () => Buffer.alloc(0),
): { serve: (socket: Socket) => void; data: Buffer[]; told: [Verb, number][] } {
  const data: Buffer[] = [];
  const told: [Verb, number][] = [];
  const serve = (socket: Socket) => {
    const parser = new TelnetParser({
      data: (bytes) => void data.push(bytes),
      negotiation: (verb, option) => {
        told.push([verb, option]);
        if (verb === WILL) socket.write(negotiation(agreed.includes(option) ? DO : DONT, option));
        if (verb === DO) socket.write(negotiation(agreed.includes(option) ? WILL : WONT, option));
      },
      subnegotiation: (option, payload) => void socket.write(subnegotiation(option, answer(payload))),
    });
    // As it is on the wire: NULs after carriage returns are looked at.
    parser.binary = true;
    socket.on('data', (bytes) => parser.push(bytes));
  };
  return { serve, data, told };
}

test('rfc2217: a baud rate that the server refuses is told with what it answered', LIMIT, async () => {
  const { serve } = telnetServer([0, 3, 44], (payload) => {
    const [command = 0, ...value] = payload;
    return Buffer.of(command + 100, ...(command === 1 ? [0, 0x01, 0xc2, 0x00] : value));
  });
  const port = await serving(serve);
  const error = await failure(makeTransport(config('rfc2217', port, { baudRate: 1_500_000 })).open());
  assert.deepEqual([error.code, error.fault], ['line-refused', 'config']);
  assert.match(error.message, /answered baud rate 115200 where 1500000 was asked for/);
});

test('rfc2217: parity is told by its name where another one is answered', LIMIT, async () => {
  const { serve } = telnetServer([0, 3, 44], (payload) => {
    const [command = 0, ...value] = payload;
    return Buffer.of(command + 100, ...(command === 3 ? [1] : value));
  });
  const port = await serving(serve);
  const settings = { baudRate: 9600, parity: 'even' };
  const error = await failure(makeTransport(config('rfc2217', port, settings)).open());
  assert.match(error.message, /answered parity none where even was asked for/);
});

test(
  'telnet: without binary mode a carriage return goes with a NUL, and a break is IAC BRK',
  LIMIT,
  async () => {
    const { serve, data } = telnetServer([3]);
    const wire: Buffer[] = [];
    const done = Promise.withResolvers<void>();
    const port = await serving((socket) => {
      serve(socket);
      socket.on('data', (bytes) => void wire.push(bytes));
      socket.on('end', done.resolve);
    });
    const console = await makeTransport(config('telnet', port)).open();
    await console.write(Buffer.from('ls\r'));
    await console.sendBreak?.();
    await console.write(Buffer.from('x'));
    await console.close();
    await done.promise.catch(() => undefined);
    assert.deepEqual([...Buffer.concat(data)], [...Buffer.from('ls\r\0x')]);
    assert.ok(Buffer.concat(wire).includes(Buffer.of(255, 243)));
  },
);

test(
  'telnet: options that are not known are refused, once; those that are on already are not answered',
  LIMIT,
  async () => {
    const { serve, told } = telnetServer([0, 3]);
    const here = Promise.withResolvers<Socket>();
    const port = await serving((socket) => {
      serve(socket);
      here.resolve(socket);
    });
    const console = await makeTransport(config('telnet', port)).open();
    const socket = await here.promise;
    told.length = 0;
    // Asked for twice: terminal type (24); on already: binary (0).
    for (const [verb, option] of [
      [DO, 24],
      [DO, 0],
      [WILL, 0],
      [WILL, 1],
    ] as const)
      socket.write(negotiation(verb, option));
    while (told.length < 2) await new Promise(setImmediate);
    await console.close();
    assert.deepEqual(told, [
      [WONT, 24],
      [DO, 1],
    ]);
  },
);

test('what a board says while its line is being set is not lost', LIMIT, async () => {
  const { serve } = telnetServer([0, 3, 44], (payload) => {
    const [command = 0, ...value] = payload;
    return Buffer.of(command + 100, ...value);
  });
  const port = await serving((socket) => {
    socket.write('U-Boot 2024.01\r\n');
    serve(socket);
  });
  const console = await makeTransport(config('rfc2217', port, { baudRate: 115_200 })).open();
  const first = Promise.withResolvers<Buffer>();
  console.onData(first.resolve);
  assert.equal((await first.promise).toString(), 'U-Boot 2024.01\r\n');
  await console.close();
});

test('a server that hangs up at once is asked again, more and more seldom', LIMIT, async () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 50].map(backOffMs), [250, 500, 1000, 2000, 4000, 5000, 5000]);
  let connections = 0;
  const port = await serving((socket) => {
    connections++;
    socket.end('Port already in use\r\n');
  });
  const events: Recorded[] = [];
  const console = new Console({
    board: 'b',
    transport: () => makeTransport(config('tcp', port)),
    journal: { append: (kind, data) => void events.push({ kind, data }) },
    prompt: virtual.console,
  });
  await console.open();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const asked = connections;
  const closing = performance.now();
  await console.close();
  assert.ok(performance.now() - closing < 200, 'a wait of the back-off ends with the console');
  assert.ok(asked >= 2 && asked <= 3, `${asked} connections in 1.2 s`);
  assert.equal(texts(events, 'console.line', 'text')[0], 'Port already in use');
});

test('a back-off ends when it is aborted', LIMIT, async () => {
  const abort = new AbortController();
  const waiting = backOff(abort.signal, 50);
  abort.abort();
  const started = performance.now();
  await waiting;
  assert.ok(performance.now() - started < 1000);
});

test('opening a server that does not answer ends when it is aborted', LIMIT, async () => {
  const silent = await serving(() => undefined);
  const abort = new AbortController();
  const opening = failure(makeTransport(config('rfc2217', silent, { baudRate: 115_200 })).open(abort.signal));
  setTimeout(() => abort.abort(), 100);
  const started = performance.now();
  await opening;
  assert.ok(performance.now() - started < 900);
  assert.equal((await failure(makeTransport(config('tcp', silent)).open(abort.signal))).code, 'aborted');
});
