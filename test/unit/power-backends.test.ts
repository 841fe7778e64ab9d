import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, globSync, mkdtempSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import type { PowerSwitch } from '../../lab/board/power/backend.ts';
import { powerContext } from '../../lab/board/power/context.ts';
import { makeSwitch, PowerConfig } from '../../lab/board/power/index.ts';
import { relayBytes, SERIAL_RELAYS } from '../../lab/board/power/serial-relays.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-power-'));
const live = new AbortController().signal;
process.env.HIL_TEST_PLUG = 'plug-password';

const asked: string[] = [];
const context = powerContext('b', {
  ask: (request) => Promise.resolve(void asked.push(`ask: ${request}`)),
  onBoard: (command) => Promise.resolve(void asked.push(`on board: ${command}`)),
});

const outlet = (config: object): PowerSwitch => makeSwitch(PowerConfig.parse(config), context);

/** A web server that answers as it is told. */
async function web(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('each backend is one file of less than 80 lines, half of them of less than 45', () => {
  const others = [
    'backend',
    'context',
    'control',
    'http',
    'index',
    'digest',
    'silence',
    'mqtt-session',
    'snmp-session',
    'snmp-classes',
    'serial-relays',
  ];
  const lengths = globSync('lab/board/power/*.ts', { cwd: join(import.meta.dirname, '../..') })
    .filter((path) => !others.includes(basename(path, '.ts')))
    .map((path) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8').split('\n').length)
    .sort((a, b) => a - b);
  assert.equal(lengths.length, 12);
  assert.ok(
    lengths.every((length) => length < 80),
    String(lengths),
  );
  assert.ok((lengths[5] ?? 99) < 60, String(lengths));
});

test('Tasmota is switched and read back as its documentation says, with its password', async () => {
  let on = false;
  const port = await web((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    assert.equal(url.pathname, '/cm');
    if (url.searchParams.get('password') !== 'plug-password')
      return void response.end('{"WARNING":"Need user=<username>&password=<password>"}');
    const command = url.searchParams.get('cmnd') ?? '';
    if (/^Power2 (On|Off)$/.test(command)) on = command.endsWith('On');
    response.end(JSON.stringify({ POWER2: on ? 'ON' : 'OFF' }));
  });
  const plug = outlet({ type: 'tasmota', host: '127.0.0.1', port, relay: 2, password: 'env:HIL_TEST_PLUG' });
  await plug.on(live);
  assert.equal(on, true);
  assert.equal(await plug.state?.(live), 'on');
  await plug.off(live);
  assert.equal(await plug.state?.(live), 'off');
  const stranger = outlet({ type: 'tasmota', host: '127.0.0.1', port, relay: 2 });
  await assert.rejects(
    stranger.on(live),
    (error) =>
      error instanceof LabError &&
      error.code === 'switch-refused' &&
      !String(error).includes('plug-password'),
  );
});

test('Shelly of both generations is switched and read back, with basic and with digest passwords', async () => {
  let on = false;
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const port = await web((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    const header = request.headers.authorization ?? '';
    if (url.pathname.startsWith('/rpc/')) {
      const field = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(header)?.[1] ?? '';
      const right = sha(
        `${sha('admin:shelly:plug-password')}:n0nce:00000001:${field('cnonce')}:auth:${sha(`GET:${request.url}`)}`,
      );
      if (field('response') !== right) {
        response.writeHead(401, {
          'www-authenticate': 'Digest qop="auth", realm="shelly", nonce="n0nce", algorithm=SHA-256',
        });
        return void response.end();
      }
      if (url.pathname === '/rpc/Switch.Set') on = url.searchParams.get('on') === 'true';
      return void response.end(JSON.stringify({ id: 0, output: on }));
    }
    if (header !== `Basic ${Buffer.from('admin:plug-password').toString('base64')}`) {
      response.writeHead(401);
      return void response.end('401 Unauthorized');
    }
    if (url.searchParams.has('turn')) on = url.searchParams.get('turn') === 'on';
    response.end(JSON.stringify({ ison: on, has_timer: false }));
  });
  for (const generation of [1, 2]) {
    const plug = outlet({
      type: 'shelly',
      host: `127.0.0.1:${port}`,
      generation,
      password: 'env:HIL_TEST_PLUG',
    });
    await plug.on(live);
    assert.equal(await plug.state?.(live), 'on', `generation ${generation}`);
    await plug.off(live);
    assert.equal(on, false);
    assert.equal(await plug.state?.(live), 'off');
  }
  process.env.HIL_TEST_WRONG = 'other-password';
  const wrong = outlet({ type: 'shelly', host: `127.0.0.1:${port}`, password: 'env:HIL_TEST_WRONG' });
  await assert.rejects(
    wrong.on(live),
    (error) => error instanceof LabError && error.code === 'switch-refused',
  );
});

test('a switch that is not there is told as such', async () => {
  const plug = outlet({ type: 'tasmota', host: '127.0.0.1', port: 1 });
  await assert.rejects(
    plug.on(live),
    (error) =>
      error instanceof LabError &&
      error.code === 'switch-unreachable' &&
      /ECONNREFUSED|bad port/.test(error.message),
  );
});

/** A program in PATH that writes down how it was called and prints what it is told. */
function program(name: string, script: string): void {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\necho "$0 $*" | sed 's#.*/##' >> ${dir}/calls\n${script}\n`);
  chmodSync(path, 0o755);
}

const calls = (): string[] => {
  const lines = readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n');
  writeFileSync(join(dir, 'calls'), '');
  return lines;
};

test('uhubctl is called for a port, and what it prints is read back', async () => {
  program(
    'uhubctl',
    'echo "Current status for hub 1-1 [05e3:0610 USB2.1 Hub, USB 2.10, 4 ports, ppps]"; cat "$(dirname "$0")/port"',
  );
  const port = outlet({ type: 'uhubctl', location: '1-1', port: 2 });
  writeFileSync(join(dir, 'port'), '  Port 2: 0100 power\n');
  await port.on(live);
  assert.equal(await port.state?.(live), 'on');
  writeFileSync(join(dir, 'port'), '  Port 2: 0000 off\n');
  assert.equal(await port.state?.(live), 'off');
  await port.off(live);
  assert.deepEqual(calls(), [
    'uhubctl -l 1-1 -p 2 -a on',
    'uhubctl -l 1-1 -p 2',
    'uhubctl -l 1-1 -p 2',
    'uhubctl -l 1-1 -p 2 -a off',
  ]);
  writeFileSync(join(dir, 'port'), 'No compatible devices detected at location 1-1!\n');
  await assert.rejects(async () => port.state?.(live), /says nothing of port 2/);
  calls();
});

test('a GPIO line is set with the arguments of the libgpiod that is there', async () => {
  program('gpioset', '[ "$1" = --version ] && cat "$(dirname "$0")/version"; exit 0');
  const line = outlet({ type: 'gpio', chip: 'gpiochip0', line: 7, activeLow: true });
  writeFileSync(join(dir, 'version'), 'gpioset (libgpiod) v1.6.3\n');
  await line.on(live);
  writeFileSync(join(dir, 'version'), 'gpioset (libgpiod) v2.1.3\n');
  await line.off(live);
  assert.deepEqual(
    calls().filter((call) => !call.includes('--version')),
    ['gpioset --active-low gpiochip0 7=1', 'gpioset --active-low -t0 -c gpiochip0 7=0'],
  );
});

test('any program can be a switch; one that fails, or is not there, is told with what it said', async () => {
  program('mypdu', 'case $1 in fail) echo "outlet burnt" >&2; exit 3;; state) echo ON;; esac');
  const pdu = outlet({
    type: 'command',
    on: ['mypdu', 'on', 'a b'],
    off: ['mypdu', 'fail'],
    state: ['mypdu', 'state'],
  });
  await pdu.on(live);
  assert.equal(await pdu.state?.(live), 'on');
  await assert.rejects(pdu.off(live), /exit 3[\s\S]*outlet burnt/);
  assert.deepEqual(calls(), ['mypdu on a b', 'mypdu state', 'mypdu fail']);
  const absent = outlet({ type: 'command', on: ['no-such-pdu'], off: ['no-such-pdu'] });
  await assert.rejects(
    absent.on(live),
    (error) => error instanceof ConfigError && error.code === 'missing-tool',
  );
});

test('relay boards on a serial port get the bytes that their makers document', async () => {
  const bytes = (model: keyof typeof SERIAL_RELAYS, action: 'on' | 'off', channel: number) =>
    relayBytes(SERIAL_RELAYS[model][action], channel, SERIAL_RELAYS[model].first).toString('hex');
  assert.deepEqual(
    [bytes('lcus', 'on', 1), bytes('lcus', 'off', 1), bytes('lcus', 'on', 3)],
    ['a00101a2', 'a00100a1', 'a00301a4'],
  );
  assert.equal(bytes('kmtronic', 'on', 2), 'ff0201');
  assert.equal(relayBytes(SERIAL_RELAYS.numato.on, 1, 0).toString(), 'relay on 0\r');

  const near = join(dir, 'relay');
  const far = join(dir, 'far');
  const socat = spawn('socat', ['-d', '-d', `pty,rawer,link=${near}`, `pty,rawer,link=${far}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  after(() => socat.kill());
  let said = '';
  while (!said.includes('starting data transfer loop')) said += String((await once(socat.stderr, 'data'))[0]);
  const fd = openSync(far, 'r+');
  const relay = outlet({ type: 'serial-relay', path: near, channel: 2 });
  await relay.on(live);
  await relay.off(live);
  const got = Buffer.alloc(8);
  let count = 0;
  while (count < 8) count += readSync(fd, got, count, 8 - count, null);
  assert.equal(got.toString('hex'), 'a00201a3a00200a2');
  const absent = outlet({ type: 'serial-relay', path: join(dir, 'nothing') });
  await assert.rejects(
    absent.on(live),
    (error) => error instanceof LabError && error.code === 'switch-unreachable',
  );
});

test('Wake-on-LAN sends the magic packet, and switches off by a command on the board', async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  after(() => socket.close());
  const heard = once(socket, 'message');
  const pc = outlet({
    type: 'wake-on-lan',
    mac: '52:54:00:12:34:56',
    broadcast: '127.0.0.1',
    port: socket.address().port,
  });
  await pc.on(live);
  const [packet] = (await heard) as [Buffer];
  assert.equal(packet.toString('hex'), `ffffffffffff${'525400123456'.repeat(16)}`);
  asked.length = 0;
  await pc.off(live);
  assert.deepEqual(asked, ['on board: poweroff']);
});

test('a person is asked by name of the board', async () => {
  asked.length = 0;
  const person = outlet({ type: 'manual' });
  await person.on(live);
  await person.off(live);
  assert.deepEqual(asked, ['ask: switch b on', 'ask: switch b off']);
});

process.env.PATH = `${dir}:${process.env.PATH}`;
