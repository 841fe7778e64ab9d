import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import mqttPackage from 'mqtt';
import type { PowerSwitch } from '../../lab/board/power/backend.ts';
import { powerContext } from '../../lab/board/power/context.ts';
import { PowerControl, PowerPolicy } from '../../lab/board/power/control.ts';
import { makeSwitch, PowerConfig } from '../../lab/board/power/index.ts';
import { LabError } from '../../lab/errors.ts';
import { freePort } from '../../lab/free-port.ts';
import { end } from '../unit/console-bench.ts';
import { until } from './lab.ts';
import { listens } from './ser2net.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-power-'));
const live = new AbortController().signal;
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) await end(child);
});

function start(command: string, ...args: string[]): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, MIBS: '' },
  });
  child.stderr?.resume();
  children.push(child);
  return child;
}

const context = powerContext('b', {
  ask: () => Promise.reject(new Error('nobody is here')),
  onBoard: () => Promise.reject(new Error('no board')),
});
const outlet = (config: object): PowerSwitch => makeSwitch(PowerConfig.parse(config), context);
const policy = PowerPolicy.parse({ minOff: '0s', settle: '0s', minInterval: '0s', confirmWithin: '1s' });

test('PDUDaemon switches an outlet; that it failed is found out by a board that is not silent', async () => {
  const port = await freePort();
  const lamp = (outletPort: string) => join(dir, `lit-${outletPort}`);
  const configuration = {
    daemon: {
      hostname: '127.0.0.1',
      port,
      logging_level: 'DEBUG',
      listener: 'http',
      dbname: join(dir, 'pdud.db'),
    },
    pdus: { bench: { driver: 'localcmdline', cmd_on: `touch ${lamp('%s')}`, cmd_off: `rm ${lamp('%s')}` } },
  };
  const path = join(dir, 'pdudaemon.conf');
  writeFileSync(path, JSON.stringify(configuration));
  start('pdudaemon', '--conf', path, '--listener', 'http');
  await until(() => listens(port), 'PDUDaemon listens');
  const url = `http://127.0.0.1:${port}`;
  const control = (number: number) =>
    new PowerControl({
      ...{ board: 'b', policy, outlet: outlet({ type: 'pdudaemon', url, hostname: 'bench', port: number }) },
      isSilent: async () => {
        if (existsSync(lamp('3'))) throw new LabError('the lamp is lit');
        await Promise.resolve();
      },
    });
  await control(3).on(live);
  await until(() => existsSync(lamp('3')), 'the lamp is lit');
  await control(3).off(live);
  assert.equal(existsSync(lamp('3')), false);

  // Its command fails, and it answers 200 all the same.
  await control(3).on(live);
  await until(() => existsSync(lamp('3')), 'the lamp is lit');
  await assert.rejects(
    control(4).off(live),
    (error) =>
      error instanceof LabError &&
      error.code === 'power-not-switched' &&
      /the lamp is lit/.test(error.message),
  );

  const stranger = outlet({ type: 'pdudaemon', url, hostname: 'nowhere', port: 1 });
  await assert.rejects(
    stranger.on(live),
    (error) => error instanceof LabError && error.code === 'switch-refused',
  );
});

test('a PDU that speaks SNMP is switched and read back, and refuses a wrong community', async () => {
  const port = await freePort();
  // An agent with one outlet of an APC MasterSwitch, whose value is kept in a file (snmpd.conf(5), pass).
  const oid = '.1.3.6.1.4.1.318.1.1.4.4.2.1.3';
  const script = join(dir, 'outlet.sh');
  writeFileSync(
    script,
    `#!/bin/sh\nF=${dir}/outlet5\n[ -e $F ] || echo 2 > $F\ncase "$1" in\n-s) [ "$2" = ${oid}.5 ] || { echo not-writable; exit; }; echo "$4" > $F;;\n-g) [ "$2" = ${oid}.5 ] && { echo "$2"; echo integer; cat $F; };;\nesac\n`,
  );
  chmodSync(script, 0o755);
  const path = join(dir, 'snmpd.conf');
  writeFileSync(
    path,
    `agentaddress udp:127.0.0.1:${port}\nrwcommunity private\npass ${oid} /bin/sh ${script}\n`,
  );
  start('snmpd', '-f', '-C', '-c', path, '-Lf', join(dir, 'snmpd.log'), '-p', join(dir, 'snmpd.pid'));
  process.env.HIL_TEST_COMMUNITY = 'private';
  process.env.HIL_TEST_STRANGER = 'public';
  const pdu = (community: string, number = 5) =>
    outlet({ type: 'snmp', host: '127.0.0.1', port, class: 'apc-masterswitch', community, outlet: number });
  const apc = pdu('env:HIL_TEST_COMMUNITY');
  await until(async () => (await apc.state?.(live).catch(() => null)) === 'off', 'the agent answers');
  await apc.on(live);
  assert.equal(await apc.state?.(live), 'on');
  await apc.off(live);
  assert.equal(await apc.state?.(live), 'off');
  await assert.rejects(
    pdu('env:HIL_TEST_COMMUNITY', 6).on(live),
    (error) => error instanceof LabError && error.code === 'switch-refused',
  );
  await assert.rejects(
    pdu('env:HIL_TEST_STRANGER').on(live),
    (error) => error instanceof LabError && /switch-(unreachable|refused)/.test(error.code ?? ''),
  );
});

test('a switch behind an MQTT broker is switched and read back', async () => {
  const port = await freePort();
  start('mosquitto', '-p', String(port));
  await until(() => listens(port), 'the broker listens');
  const broker = `mqtt://127.0.0.1:${port}`;
  const plug = await mqttPackage.connectAsync(broker);
  after(() => plug.endAsync(true));
  await plug.subscribeAsync('cmnd/plug/POWER', { qos: 1 });
  let state = 'OFF';
  plug.on('message', (_topic, payload) => {
    if (payload.length > 0) state = payload.toString();
    plug.publish('stat/plug/POWER', state, { qos: 1 });
  });
  const socket = outlet({
    ...{ type: 'mqtt', broker, command: 'cmnd/plug/POWER', state: 'stat/plug/POWER' },
    ask: { topic: 'cmnd/plug/POWER' },
  });
  const power = new PowerControl({ board: 'b', policy, outlet: socket });
  await power.on(live);
  assert.equal(await power.state(live), 'on');
  await power.off(live);
  assert.equal(await power.state(live), 'off');
  const nobody = outlet({ type: 'mqtt', broker: `mqtt://127.0.0.1:${await freePort()}`, command: 'x' });
  await assert.rejects(
    nobody.on(live),
    (error) => error instanceof LabError && error.code === 'switch-unreachable',
  );
});

test('a virtual machine that somebody else runs is switched by its monitor', async () => {
  const path = join(dir, 'qmp');
  start(
    'qemu-system-x86_64',
    ...[
      '-nodefaults',
      '-display',
      'none',
      '-no-shutdown',
      '-m',
      '16',
      '-qmp',
      `unix:${path},server=on,wait=off`,
    ],
  );
  await until(() => existsSync(path), 'QEMU listens');
  const machine = new PowerControl({ board: 'b', outlet: outlet({ type: 'qmp', path }), policy });
  assert.equal(await machine.state(live), 'on');
  await machine.off(live);
  assert.equal(await machine.state(live), 'off');
  await machine.on(live);
  assert.equal(await machine.state(live), 'on');
  await assert.rejects(
    outlet({ type: 'qmp', path: join(dir, 'nobody') }).on(live),
    (error) => error instanceof LabError && error.code === 'absent',
  );
});
