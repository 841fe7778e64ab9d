import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { SerialPortMock } from 'serialport';
import { CABLES, ConsoleTransportConfig, makeTransport } from '../../lab/board/console/index.ts';
import { lockHolder, lockPort, usersOf } from '../../lab/board/console/port-users.ts';
import { openSerial } from '../../lab/board/console/serial.ts';
import type { ConsolePort } from '../../lab/board/console/transport.ts';
import { soundPair } from '../../lab/board/ssh/keys.ts';
import { failure } from '../failure.ts';
import { end, socat } from './console-bench.ts';
import { sshServer } from './ssh-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-cable-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const LIMIT = { timeout: 30_000 };

/** All that a port says until the text has come. */
function until(port: ConsolePort, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let seen = '';
  port.onData((bytes) => {
    seen += bytes.toString();
    if (seen.includes(text)) resolve(seen);
  });
  return promise;
}

function closed(port: ConsolePort): Promise<string> {
  return new Promise((resolve) => port.onClose(resolve));
}

test('a socket of the Unix kind is a console; a path without one is absent', LIMIT, async () => {
  const path = join(folder, 'socket');
  const config = ConsoleTransportConfig.parse({ type: 'unix', path });
  assert.equal((await failure(makeTransport(config).open())).code, 'absent');
  const server = createServer((socket) => socket.on('data', (bytes) => socket.end(`you typed ${bytes}`)));
  server.listen(path);
  await once(server, 'listening');
  const port = await makeTransport(config).open();
  const gone = closed(port);
  const seen = until(port, 'typed x');
  await port.write(Buffer.from('x'));
  await seen;
  assert.equal(await gone, 'the other side closed the connection');
  assert.equal((await failure(port.write(Buffer.from('y')))).code, 'absent');
  server.close();
});

const command = (...argv: string[]) => makeTransport(ConsoleTransportConfig.parse({ type: 'command', argv }));

test('a program is a console; why it ended is the last it said on standard error', LIMIT, async () => {
  const port = await command(
    'sh',
    '-c',
    'echo hello; read line; echo "got $line"; echo first >&2; echo "console is down" >&2; exit 3',
  ).open();
  const gone = closed(port);
  const seen = until(port, 'got me');
  await port.write(Buffer.from('me\n'));
  assert.equal(await seen, 'hello\ngot me\n');
  assert.equal(await gone, 'it ended with exit code 3: console is down');
  assert.equal((await failure(port.write(Buffer.from('y')))).code, 'absent');
  const error = await failure(command('hil-no-such-program').open());
  assert.deepEqual([error.code, /hil-no-such-program/.test(error.message)], ['absent', true]);
});

test('a program is ended with all that it started, also what ignores being asked', LIMIT, async () => {
  const port = await command('sh', '-c', 'trap "" TERM; sleep 86398 & echo up; wait; sleep 86398').open();
  await until(port, 'up');
  const gone = closed(port);
  await port.close();
  assert.match(await gone, /SIGKILL/);
  const running = execFileSync('ps', ['-eo', 'args']).toString();
  assert.ok(!running.includes('sleep 86398'));
});

test('a console server is reached by SSH, with a terminal, its host key pinned', LIMIT, async () => {
  const keys = soundPair('me');
  const identityFile = join(folder, 'id');
  writeFileSync(identityFile, keys.private, { mode: 0o600 });
  using server = await sshServer(keys.public, (channel, { line, terminal }) => {
    channel.write(`[${line}, ${terminal ? 'terminal' : 'no terminal'}]\r\n`);
    channel.on('data', (bytes: Buffer) => {
      channel.write(bytes);
      if (!bytes.includes('Q')) return;
      channel.exit(4);
      channel.end();
    });
  });
  const config = (hostKey: string) =>
    ConsoleTransportConfig.parse({
      ...{ type: 'ssh', host: '127.0.0.1', port: server.port, user: 'lab' },
      ...{ identityFile, hostKey, command: 'console b1' },
    });
  const port = await makeTransport(config(`server1,10.0.0.1 ${server.hostKey}`)).open();
  const gone = closed(port);
  const seen = until(port, 'hello');
  await port.write(Buffer.from('hello'));
  assert.equal(await seen, '[console b1, terminal]\r\nhello');
  await port.write(Buffer.from('Q'));
  assert.equal(await gone, 'the command ended with exit code 4');
  await port.close();
  const again = await makeTransport(config(server.hostKey)).open();
  const closing = closed(again);
  await again.close();
  assert.equal(await closing, 'closed');
  const other = await failure(makeTransport(config(soundPair('other').public)).open());
  assert.equal(other.code, 'host-key-changed');
});

test('a host key that is none is refused', () => {
  const ssh = { type: 'ssh', host: 'h', user: 'u', identityFile: '/k', command: 'c' };
  for (const hostKey of ['', 'ssh-ed25519', 'ssh-ed25519 AAAA', 'secret'])
    assert.equal(ConsoleTransportConfig.safeParse({ ...ssh, hostKey }).success, false, hostKey);
});

test('each cable says what it is called without being opened, and refuses what it does not know', () => {
  const hostKey = soundPair('x').public;
  const examples = [
    [{ type: 'pty', path: '/dev/pts/9' }, '/dev/pts/9'],
    [{ type: 'serial', path: '/dev/ttyUSB0', baudRate: 115_200 }, '/dev/ttyUSB0'],
    [{ type: 'tcp', host: 'ts1', port: 7001 }, 'tcp ts1:7001'],
    [{ type: 'telnet', host: 'ts1', port: 7001 }, 'telnet ts1:7001'],
    [{ type: 'rfc2217', host: 'ts1', port: 7001, baudRate: 9600 }, 'rfc2217 ts1:7001'],
    [{ type: 'unix', path: '/run/vm' }, 'socket /run/vm'],
    [{ type: 'command', argv: ['virsh', 'console', 'b'] }, 'program virsh'],
    [
      { type: 'ssh', host: 'cs', user: 'lab', identityFile: '/k', hostKey, command: 'console b1' },
      'ssh lab@cs:22 console b1',
    ],
  ] as const;
  assert.equal(examples.length, Object.keys(CABLES).length);
  for (const [config, name] of examples) {
    assert.equal(makeTransport(ConsoleTransportConfig.parse(config)).name, name);
    assert.equal(ConsoleTransportConfig.safeParse({ ...config, colour: 'red' }).success, false);
  }
});

test('serial: any baud rate up to 4,000,000 is set, also one that has no name', LIMIT, async () => {
  const path = join(folder, 'fast');
  const child = await socat(path, 'PTY,rawer');
  for (const baudRate of [4_000_000, 1_843_200]) {
    execFileSync('stty', ['-F', path, 'hupcl']);
    const port = await makeTransport(ConsoleTransportConfig.parse({ type: 'serial', path, baudRate })).open();
    const line = execFileSync('stty', ['-F', path, '-a']).toString();
    // stty says 0 where a rate is none of its table.
    assert.match(line, new RegExp(`speed ${baudRate === 4_000_000 ? baudRate : '(?:0|1843200)'} baud`));
    assert.match(line, / -hupcl/);
    await port.close();
  }
  const tooFast = { type: 'serial', path, baudRate: 5_000_000 };
  assert.equal(ConsoleTransportConfig.safeParse(tooFast).success, false);
  await end(child);
});

test('serial: a break leaves DTR and RTS as they were told to be', LIMIT, async () => {
  SerialPortMock.binding.createPort('/dev/mock', { echo: false });
  const calls: object[] = [];
  const settings = CABLES.serial.config.parse({
    ...{ type: 'serial', path: '/dev/mock', baudRate: 115_200 },
    dtr: 'off',
  });
  const port = await openSerial(settings, (options) => {
    assert.deepEqual([options.lock, options.hupcl], [true, false]);
    const mock = new SerialPortMock(options);
    const set = mock.set.bind(mock);
    mock.set = (lines, callback) => {
      calls.push(lines);
      set(lines, callback);
    };
    return mock;
  });
  await port.sendBreak?.();
  const quiet = { dtr: false, rts: true };
  assert.deepEqual(calls, [
    { brk: false, ...quiet },
    { brk: true, ...quiet },
    { brk: false, ...quiet },
  ]);
  await port.close();
});

test('serial: lines that are kept are not touched when a port is opened', LIMIT, async () => {
  SerialPortMock.binding.createPort('/dev/mock2', { echo: false });
  const settings = CABLES.serial.config.parse({ type: 'serial', path: '/dev/mock2', baudRate: 9600 });
  let sets = 0;
  const port = await openSerial(settings, (options) => {
    const mock = new SerialPortMock(options);
    mock.set = () => void sets++;
    return mock;
  });
  await port.close();
  assert.equal(sets, 0);
});

test("a lock file of UUCP names who has a port; one left behind is nobody's", LIMIT, async () => {
  const locks = mkdtempSync(join(folder, 'locks-'));
  const file = join(locks, 'LCK..ttyUSB7');
  const holder = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(holder, 'spawn');
  writeFileSync(file, `${String(holder.pid).padStart(10)}\n`);
  assert.deepEqual(await lockHolder('/dev/ttyUSB7', locks), { pid: holder.pid, program: 'sleep' });
  const binary = Buffer.alloc(4);
  binary.writeInt32LE(holder.pid ?? 0);
  writeFileSync(file, binary);
  assert.equal((await lockHolder('/dev/ttyUSB7', locks))?.program, 'sleep');
  const kept = await lockPort('/dev/ttyUSB7', locks);
  await kept.release();
  assert.deepEqual(readFileSync(file), binary, "somebody else's lock is left alone");
  await end(holder);
  assert.equal(await lockHolder('/dev/ttyUSB7', locks), null);
  const lock = await lockPort('/dev/ttyUSB7', locks);
  assert.equal(readFileSync(file, 'latin1'), `${String(process.pid).padStart(10)}\n`);
  await lock.release();
  assert.ok(!existsSync(file));
});

test(
  'serial: a port that is locked the way of UUCP is refused, and its own lock is taken away',
  LIMIT,
  async () => {
    const path = join(folder, 'locked');
    const child = await socat(path, 'PTY,rawer');
    const device = execFileSync('readlink', ['-f', path]).toString().trim();
    const file = join('/var/lock', `LCK..${basename(device)}`);
    const transport = makeTransport(ConsoleTransportConfig.parse({ type: 'serial', path, baudRate: 9600 }));
    try {
      const port = await transport.open();
      assert.ok(existsSync(file));
      await port.close();
      assert.ok(!existsSync(file));
      writeFileSync(file, `${String(child.pid).padStart(10)}\n`);
      const error = await failure(transport.open());
      assert.equal(error.code, 'absent');
      assert.match(error.message, new RegExp(`socat \\(pid ${child.pid}\\) has locked it`));
      assert.ok((await usersOf(device)).every(({ pid }) => pid !== process.pid));
    } finally {
      rmSync(file, { force: true });
      await end(child);
    }
  },
);
