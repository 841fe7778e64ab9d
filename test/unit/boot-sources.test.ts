import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HttpServer } from '../../lab/board/boot/http.ts';
import { BootPlan } from '../../lab/board/boot/plan.ts';
import { loadCommand } from '../../lab/board/boot/sources.ts';
import type { FileEvent } from '../../lab/board/boot/tftp.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-http-'));
const kernel = join(dir, 'kernel');
writeFileSync(kernel, 'x'.repeat(1_000_000));

test('HTTP gives the named files, whole, and nothing else', async () => {
  const events: FileEvent[] = [];
  await using server = await HttpServer.start({
    ...{ address: '127.0.0.1', port: 0, files: { kernel, 'a b': kernel, gone: join(dir, 'gone') } },
    onEvent: (event) => events.push(event),
  });
  const get = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${server.port}/${path}`, { method, signal: AbortSignal.timeout(10_000) });
  for (const name of ['kernel', 'a%20b']) assert.equal((await (await get(name)).text()).length, 1_000_000);
  const head = await get('kernel', 'HEAD');
  assert.equal(head.headers.get('content-length'), '1000000');
  for (const [path, status] of [
    ['other', 404],
    ['../../etc/passwd', 404],
    ['%2e%2e/kernel', 200],
    ['%zz', 404],
    ['__proto__', 404],
    ['gone', 500],
  ] as const) {
    const answer = await get(path);
    await answer.arrayBuffer();
    assert.equal(answer.status, status, path);
  }
  assert.equal((await get('kernel', 'PUT')).status, 405);
  assert.ok(
    events.some(({ name, what, bytes }) => name === 'kernel' && what === 'done' && bytes === 1_000_000),
  );
  assert.ok(events.some(({ name, what }) => name === 'other' && what === 'not served'));
});

test('a client that hangs up, or never asks, keeps nobody', async () => {
  const server = await HttpServer.start({ address: '127.0.0.1', port: 0, files: { kernel } });
  const idle = connect(server.port, '127.0.0.1');
  const rude = connect(server.port, '127.0.0.1');
  rude.write('GET /kernel HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => rude.once('data', resolve));
  rude.destroy();
  idle.on('error', () => undefined);
  await server[Symbol.asyncDispose]();
});

test('it is bound to one address alone', async () => {
  await assert.rejects(HttpServer.start({ address: '0.0.0.0', files: {} }), ConfigError);
  await assert.rejects(
    HttpServer.start({ address: '203.0.113.7', port: 0, files: {} }),
    (error) => error instanceof ConfigError && error.code === 'http-address',
  );
});

test('each source has its command of U-Boot', () => {
  const network = 'dhcp' as const;
  const server = { network, serverip: '10.0.0.1', port: 69, prefix: 'lab/' };
  assert.equal(loadCommand({ by: 'tftp', ...server }, '0x40', 'Image'), 'tftpboot 0x40 lab/Image');
  assert.equal(loadCommand({ by: 'http', ...server }, '0x40', 'Image'), 'wget 0x40 10.0.0.1:/lab/Image');
  assert.equal(loadCommand({ by: 'usb', device: '0:1' }, '0x40', 'Image'), 'load usb 0:1 0x40 Image');
});

test('what a board boots in place of its own kernel outlives the controller, and the files it came from', async () => {
  const board = mkdtempSync(join(tmpdir(), 'hil-plan-'));
  const given = join(board, 'given');
  writeFileSync(given, 'kernel');
  await new BootPlan(board).set({ kernel: given, bootargs: 'a=b' });
  rmSync(given);
  const plan = new BootPlan(board);
  assert.equal(plan.current?.bootargs, 'a=b');
  assert.equal(readFileSync(plan.current?.kernel ?? '', 'utf8'), 'kernel');
  plan.clear();
  assert.equal(new BootPlan(board).current, null);
  assert.ok(!existsSync(join(board, 'boot-plan')));
  await plan.set({ kernel, bootargs: '' });
  writeFileSync(join(board, 'boot-plan/plan.json'), '{"kernel"');
  assert.throws(
    () => new BootPlan(board),
    (error) => error instanceof LabError && /is damaged/.test(error.message),
  );
});
