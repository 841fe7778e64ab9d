import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { ConsoleTransportConfig, makeTransport } from '../../lab/board/console/index.ts';
import type { ConsolePort } from '../../lab/board/console/transport.ts';
import { freePort } from '../../lab/free-port.ts';
import { failure } from '../failure.ts';
import { end, type Recorded, socat, texts } from '../unit/console-bench.ts';
import { type Accepter, ser2net } from './ser2net.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-cables-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const LIMIT = { timeout: 60_000 };
let count = 0;

const ACCEPTERS = { tcp: 'tcp', telnet: 'telnet', rfc2217: 'telnet(rfc2217=true)' } as const;
type Network = keyof typeof ACCEPTERS;

/** A terminal server, its serial device, and the board at the other end of that. */
interface Server extends AsyncDisposable {
  device: string;
  port: number;
  board: ConsolePort;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function server(accepter: Accepter): Promise<Server> {
  const device = join(folder, `device-${++count}`);
  const boardPath = join(folder, `board-${count}`);
  const pair = await socat(device, `PTY,link=${boardPath},rawer`);
  while (!existsSync(boardPath)) await new Promise(setImmediate);
  const port = await freePort();
  let child = await ser2net(folder, device, port, accepter);
  const board = await makeTransport({ type: 'pty', path: boardPath }).open();
  return {
    device,
    port,
    board,
    restart: async () => {
      child = await ser2net(folder, device, port, accepter);
    },
    stop: () => end(child),
    [Symbol.asyncDispose]: async () => {
      await board.close();
      await end(child);
      await end(pair);
    },
  };
}

function cable(type: Network, port: number, more: object = {}): ConsoleTransportConfig {
  const line = type === 'rfc2217' ? { baudRate: 115_200, ...more } : {};
  return ConsoleTransportConfig.parse({ type, host: '127.0.0.1', port, ...line });
}

/** Everything that comes to a port, from now on. */
function heard(port: ConsolePort): { upTo: (length: number) => Promise<Buffer> } {
  let all = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  port.onData((bytes) => {
    all = Buffer.concat([all, bytes]);
    wake();
  });
  return {
    upTo: async (length) => {
      while (all.length < length)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return all;
    },
  };
}

for (const type of ['tcp', 'telnet', 'rfc2217'] as const) {
  test(`${type}: every byte goes both ways through ser2net`, LIMIT, async () => {
    await using other = await server(ACCEPTERS[type]);
    const atBoard = heard(other.board);
    const port = await makeTransport(cable(type, other.port)).open();
    const here = heard(port);
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from('\r\n\r\0\r\xff\xff\xf0\r\r', 'latin1'),
    ]);
    await port.write(bytes);
    assert.deepEqual(await atBoard.upTo(bytes.length), bytes);
    await other.board.write(bytes);
    assert.deepEqual(await here.upTo(bytes.length), bytes);
    await port.close();
  });

  test(
    `${type}: what came before a server ends in mid-line is recorded, and it goes on after`,
    LIMIT,
    async (context) => {
      await using other = await server(ACCEPTERS[type]);
      const events: Recorded[] = [];
      const config = cable(type, other.port);
      const console = new Console({
        board: 'b',
        transport: () => makeTransport(config),
        journal: { append: (kind, data) => void events.push({ kind, data }) },
        prompt: virtual.console,
      });
      context.after(() => console.close());
      const atBoard = heard(other.board);
      await console.open();
      // ser2net accepts a connection before it has opened the device; what comes through shows that it has.
      await console.write('?');
      await atBoard.upTo(1);
      await other.board.write(Buffer.from('whole line\r\nhalf a li'));
      await console.expect('half a li', { from: 0, timeoutMs: 10_000 });
      await other.stop();
      const back = console.reopen({ signal: AbortSignal.timeout(30_000) });
      await other.restart();
      await back;
      await console.write('!');
      await atBoard.upTo(2);
      await other.board.write(Buffer.from('the rest\r\n'));
      await console.expect('the rest\n', { from: 0, timeoutMs: 10_000 });
      await console.close();
      assert.deepEqual(texts(events, 'console.line', 'text'), ['whole line', 'half a li', 'the rest']);
      const happened = texts(events, 'console.event', 'event').filter((event) => event !== 'not there');
      assert.deepEqual(happened.slice(0, 3), ['opened', 'gone', 'opened']);
    },
  );

  test(`${type}: nobody who listens is absent, and says where it was looked for`, LIMIT, async () => {
    const port = await freePort();
    const error = await failure(makeTransport(cable(type, port)).open());
    assert.equal(error.code, 'absent');
    assert.match(error.message, new RegExp(`${type} 127\\.0\\.0\\.1:${port}.*ECONNREFUSED`));
  });
}

for (const type of ['pty', 'serial'] as const) {
  test(
    `${type}: a cable pulled in mid-line loses nothing that had come, and comes back`,
    LIMIT,
    async (context) => {
      const path = join(folder, `pulled-${type}`);
      const boardPath = join(folder, `pulled-${type}-board`);
      const plug = async () => {
        const pair = await socat(path, `PTY,link=${boardPath},rawer`);
        while (!existsSync(boardPath)) await new Promise(setImmediate);
        return { pair, board: await makeTransport({ type: 'pty', path: boardPath }).open() };
      };
      const first = await plug();
      const events: Recorded[] = [];
      const line = type === 'serial' ? { baudRate: 1_500_000 } : {};
      const console = new Console({
        board: 'b',
        transport: () => makeTransport(ConsoleTransportConfig.parse({ type, path, ...line })),
        journal: { append: (kind, data) => void events.push({ kind, data }) },
        prompt: virtual.console,
      });
      context.after(() => console.close());
      await console.open();
      await first.board.write(Buffer.from('whole line\r\nhalf a li'));
      await console.expect('half a li', { from: 0, timeoutMs: 10_000 });
      await end(first.pair);
      const second = await plug();
      await console.reopen({ signal: AbortSignal.timeout(30_000) });
      await second.board.write(Buffer.from('the rest\r\n'));
      await console.expect('the rest\n', { from: 0, timeoutMs: 10_000 });
      await console.close();
      await first.board.close();
      await second.board.close();
      await end(second.pair);
      assert.deepEqual(texts(events, 'console.line', 'text'), ['whole line', 'half a li', 'the rest']);
    },
  );
}

test('rfc2217: the baud rate and the line are set at the server', LIMIT, async () => {
  await using other = await server(ACCEPTERS.rfc2217);
  const settings = { baudRate: 1_500_000, stopBits: 2, purge: true, dtr: 'on', rts: 'off' };
  const port = await makeTransport(cable('rfc2217', other.port, settings)).open();
  const line = execFileSync('stty', ['-F', other.device, '-a']).toString();
  assert.match(line, /speed 1500000 baud/);
  assert.match(line, / cstopb/);
  await port.close();
});

test(
  'rfc2217: a server that speaks telnet alone, or nothing, is told from one that does',
  LIMIT,
  async () => {
    await using other = await server(ACCEPTERS.telnet);
    const error = await failure(makeTransport(cable('rfc2217', other.port)).open());
    assert.equal(error.code, 'unsupported');
    await using raw = await server(ACCEPTERS.tcp);
    assert.equal((await failure(makeTransport(cable('rfc2217', raw.port)).open())).code, 'absent');
  },
);

test('telnet and rfc2217: a break is taken by ser2net, and the console goes on', LIMIT, async () => {
  for (const type of ['telnet', 'rfc2217'] as const) {
    await using other = await server(ACCEPTERS[type]);
    const port = await makeTransport(cable(type, other.port)).open();
    const atBoard = heard(other.board);
    await port.sendBreak?.();
    await port.write(Buffer.from('b'));
    assert.equal((await atBoard.upTo(1)).at(-1), 'b'.charCodeAt(0));
    await port.close();
  }
});
