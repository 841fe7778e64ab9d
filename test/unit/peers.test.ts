import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalRemote } from '../../lab/board/local.ts';
import { SshRemote } from '../../lab/board/ssh/connection.ts';
import type { PeerEntry } from '../../lab/config/schema.ts';
import { Peers } from '../../lab/controller/peers.ts';
import { ConfigError, LabError, ProductError } from '../../lab/errors.ts';

const live = new AbortController().signal;
const dir = mkdtempSync(join(tmpdir(), 'hil-peers-'));
const here = new LocalRemote('here');

function peers(): Peers {
  const entry = (roles: PeerEntry['roles']): PeerEntry => ({ ssh: 'local', roles });
  return new Peers({
    peers: { a: entry(['iperf3-server']), b: entry(['station', 'ap']), c: entry(['station']) },
    links: [
      { kind: 'wifi', board: 'x', peer: 'a' },
      { kind: 'wifi', board: 'x', peer: 'b' },
      { kind: 'wifi', board: 'x', peer: 'c' },
      { kind: 'ethernet', board: 'z', peer: 'c' },
    ],
    ...{ state: dir, privateKeyPath: '' },
  });
}

test('a board has the first peer with a role that it is linked with', () => {
  const lab = peers();
  assert.equal(lab.partnerOf('x', 'station'), 'b');
  assert.equal(lab.partnerOf('x', 'iperf3-server'), 'a');
  assert.equal(lab.partnerOf('x', 'monitor'), null);
  assert.equal(lab.partnerOf('y', 'station'), null);
  assert.equal(lab.partnerOf('z', 'station'), null, 'a cable leads to no radio');
  assert.throws(() => lab.open('nobody'), ConfigError);
});

test('the radio of a peer is used by one at a time, first come first served', async () => {
  const lab = peers();
  const order: string[] = [];
  const first = await lab.claim('b', 'one', live);
  const waiting = ['two', 'three', 'four'].map(async (by, index) => {
    const signal = index === 1 ? AbortSignal.timeout(50) : live;
    const claim = await lab.claim('b', by, signal);
    order.push(by);
    return claim;
  });
  const other = await lab.claim('c', 'two', live);
  await assert.rejects(waiting[1] ?? Promise.resolve(), 'who gives up does not keep the line');
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await waiting[0])?.[Symbol.dispose]();
  (await waiting[2])?.[Symbol.dispose]();
  other[Symbol.dispose]();
  assert.deepEqual(order, ['two', 'four']);
  (await lab.claim('b', 'five', live))[Symbol.dispose]();
});

test('a machine that was never reached has nothing to be ended', async () => {
  const remote = new SshRemote({
    ...{ name: 'nowhere', host: '127.0.0.1', port: 1, user: 'root', privateKeyPath: '/nowhere' },
    hostKey: () => Promise.resolve(null),
  });
  await assert.rejects(remote.run('true', { signal: AbortSignal.timeout(50) }));
  await remote.reap({ timeoutMs: 1 });
});

test('this machine runs commands as a board does', async () => {
  const { exitCode, stdout, stderr } = await here.run('echo out; echo err >&2; cat; exit 3');
  assert.deepEqual([exitCode, stdout, stderr], [3, 'out\n', 'err\n']);
  assert.equal((await here.run('kill -TERM $$')).signal, 'TERM');
  await assert.rejects(here.check('exit 1'), ProductError);
  await assert.rejects(
    here.run('sleep 60', { timeoutMs: 100 }),
    (error) => error instanceof LabError && error.code === 'timeout',
  );
  await assert.rejects(here.run('sleep 60', { signal: AbortSignal.timeout(50) }));
});

test('what was started on this machine is told line by line, and ended with all it has started', async () => {
  const lines: string[] = [];
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const program = await here.stream(
    'echo $$; sleep 1000 & trap "" TERM; echo ready; while :; do sleep 1000; done',
    {
      onLine: (line) => {
        lines.push(line);
        if (line === 'ready') resolve();
      },
    },
  );
  await begun;
  assert.equal(lines[0], String(program.pgid));
  await program.stop(100);
  assert.ok(!existsSync(`/proc/${program.pgid}`) || isZombie(program.pgid));
  await program.stop();
  const second = await here.stream('exec sleep 1000');
  await here.reap();
  assert.equal((await second.exited).signal, 'TERM');
  const fed = await here.stream('cat', {
    stdin: Buffer.from('x'),
    onData: (chunk) => lines.push(String(chunk)),
  });
  assert.equal((await fed.exited).exitCode, 0);
  assert.equal(lines.at(-1), 'x');
});

test('files come to this machine whole, or not at all', async () => {
  const path = join(dir, 'deep/er/file');
  const { sha256, bytes } = await here.upload(Buffer.from('content'), path, { mode: 0o600 });
  assert.deepEqual([bytes, statSync(path).mode & 0o777], [7, 0o600]);
  const copy = join(dir, 'copy');
  assert.equal((await here.download(path, copy)).sha256, sha256);
  assert.equal(readFileSync(copy, 'utf8'), 'content');
  writeFileSync(join(dir, 'in-the-way'), '');
  await assert.rejects(here.upload(Buffer.from('x'), join(dir, 'in-the-way/file')), LabError);
  await assert.rejects(here.download(join(dir, 'nothing'), copy), ConfigError);
});

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
