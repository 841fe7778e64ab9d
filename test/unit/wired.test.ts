import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { BoardLife } from '../../lab/board/hardware.ts';
import { PowerControl, PowerPolicy } from '../../lab/board/power/control.ts';
import { awaitSilence, type Life } from '../../lab/board/power/silence.ts';
import { WiredHardware } from '../../lab/board/wired.ts';
import { Questions } from '../../lab/controller/questions.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

const live = new AbortController().signal;
const policy = PowerPolicy.parse({ minOff: '0s', settle: '0s', minInterval: '0s' });
const nobody: BoardLife = {
  console: null,
  remote: {
    name: 'b',
    run: () => Promise.reject(new LabError('no')),
    check: () => Promise.reject(new LabError('no')),
    stream: () => Promise.reject(new LabError('no')),
    upload: () => Promise.reject(new LabError('no')),
    download: () => Promise.reject(new LabError('no')),
  },
};
const coded = (code: string) => (error: unknown) => error instanceof LabError && error.code === code;

function wired(dir: string, switched: string[] | null): WiredHardware {
  const outlet = {
    name: 'outlet',
    on: () => Promise.resolve(void switched?.push('on')),
    off: () => Promise.resolve(void switched?.push('off')),
  };
  const hardware = new WiredHardware({
    ...{
      board: 'b',
      dir,
      console: null,
      bootPlace: null,
      knownGood: null,
      ssh: { host: '127.0.0.1', port: 22 },
    },
    power: switched === null ? null : () => new PowerControl({ board: 'b', outlet, policy }),
  });
  hardware.bind(nobody);
  return hardware;
}

const powerOn = { fresh: false, signal: live, attachConsole: () => Promise.resolve() };

test('a switch that tells nothing is remembered, also by the next controller', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hil-wired-'));
  const switched: string[] = [];
  const first = wired(dir, switched);
  assert.equal(await first.state(), 'off', 'not known: who needs it switches it on');
  assert.equal(await first.adopt(), false);
  await first.powerOn(powerOn);
  assert.equal(await wired(dir, []).adopt(), true);
  await first.reset(live);
  assert.deepEqual(switched, ['on', 'off', 'on']);
  await first.powerOff();
  assert.equal(await wired(dir, []).state(), 'off');
  writeFileSync(join(dir, 'power.json'), '{');
  await assert.rejects(wired(dir, []).state(), /power\.json is damaged/);
});

test('while something is written to a board its power is not cut', async () => {
  const switched: string[] = [];
  const hardware = wired(mkdtempSync(join(tmpdir(), 'hil-wired-')), switched);
  {
    using _whole = hardware.holdPower('a bundle is being written to it');
    await assert.rejects(hardware.powerOff(), coded('flash-in-progress'));
  }
  await hardware.powerOff();
  assert.deepEqual(switched, ['off']);
});

test('a board that nothing switches is on, and can not be switched off', async () => {
  const hardware = wired(mkdtempSync(join(tmpdir(), 'hil-wired-')), null);
  assert.equal(hardware.alwaysOn, true);
  assert.equal(await hardware.adopt(), true);
  await hardware.powerOn(powerOn);
  await assert.rejects(hardware.powerOff(), coded('unsupported'));
});

/** A machine that accepts connections; `banner` null: as a network that answers for a board that is off. */
async function machine(banner: string | null): Promise<Life['ssh']> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (banner !== null) socket.end(banner);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('a board without power is silent, though something accepts connections in its place', async () => {
  await awaitSilence({ console: null, ssh: await machine(null) }, 100, live);
  await awaitSilence({ console: null, ssh: { host: '127.0.0.1', port: 1 } }, 100, live);
});

test('a board whose SSH server or console answers is not off', async () => {
  const ssh = await machine('SSH-2.0-x\r\n');
  await assert.rejects(
    awaitSilence({ console: null, ssh }, 100, live),
    (error) => coded('still-alive')(error) && /SSH server still answers/.test(String(error)),
  );
  const keys: string[] = [];
  const echoing: NonNullable<Life['console']> = {
    position: 0,
    write: (text) => Promise.resolve(void keys.push(String(text))),
    expect: () => Promise.resolve({ index: 0, match: [''], before: '', position: 1 }),
  };
  const quiet = { host: '127.0.0.1', port: 1 };
  await assert.rejects(awaitSilence({ console: echoing, ssh: quiet }, 0, live), /console still answers/);
  assert.ok(keys.length > 0);
  const dark = { ...echoing, write: () => Promise.reject(new LabError('the console is gone')) };
  await awaitSilence({ console: dark, ssh: quiet }, 0, live);
});

test('what somebody is asked to do is open until one says that it is done', async () => {
  const questions = new Questions();
  let changes = 0;
  questions.subscribe(() => changes++);
  const first = questions.ask('b1', 'switch b1 on', live);
  const [question] = questions.list();
  assert.ok(question);
  assert.deepEqual([question.board, question.request], ['b1', 'switch b1 on']);
  const second = questions.ask('b2', 'switch b2 off', live);
  assert.throws(
    () => questions.done(undefined),
    (error) => error instanceof ConfigError && /2 things are asked for/.test(error.message),
  );
  questions.done(question.id);
  await first;
  questions.done(undefined);
  await second;
  assert.deepEqual(questions.list(), []);
  assert.ok(changes >= 4);
  assert.throws(() => questions.done('zz'), /nothing is asked for under "zz"/);
});

test('who no longer needs it takes the question back', async () => {
  const questions = new Questions();
  const gone = new AbortController();
  const asked = questions.ask('b1', 'switch b1 on', gone.signal);
  gone.abort(new LabError('the lease ended', { code: 'lease-lost' }));
  await assert.rejects(asked, coded('lease-lost'));
  assert.deepEqual(questions.list(), []);
});
