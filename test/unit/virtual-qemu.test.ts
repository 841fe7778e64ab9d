/** QEMU's command line and its machine protocol, and how programs of the lab machine are run and told apart. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, LabError } from '../../lab/errors.ts';
import { hasEnded, isSame, processId, residentBytes } from '../../lab/process.ts';
import { runTool } from '../../lab/program.ts';
import { kindOf } from '../../lab/virtual/kinds.ts';
import type { BoardImage } from '../../lab/virtual/manifest.ts';
import { qemuArguments } from '../../lab/virtual/qemu.ts';
import { Qmp, type QmpEvent } from '../../lab/virtual/qmp.ts';
import { U_BOOT } from '../../lab/virtual/u-boot.ts';

const IMAGE: BoardImage = {
  kind: 'virtual',
  key: 'k',
  recipe: 'r',
  dir: '/image',
  kernel: '/image/vmlinux',
  initrd: '/image/initrd',
  root: '/image/ro,ot',
  dataTemplate: '/image/data',
  kernelRelease: '6.1',
  packages: {},
  sizes: {},
  modules: [],
  builtAt: '',
};

function argumentsIn(dir: string, kind = 'virtual'): string[] {
  return qemuArguments({
    kind: kindOf(kind),
    image: IMAGE,
    accelerator: 'tcg',
    dir,
    sshPort: 2222,
    authorizedKeysPath: '/k/authorized',
  });
}

test('commas in paths do not end an option of QEMU', () => {
  const args = argumentsIn('/state/a,b');
  assert.ok(args.some((arg) => arg.startsWith('file=/image/ro,,ot,format=raw')));
  assert.ok(args.includes('unix:/state/a,,b/qmp,server=on,wait=off'));
});

test('a board under U-Boot gets flash and TFTP folder instead of a kernel, and nothing that its machine has not', () => {
  const args = argumentsIn('/state/a,b', 'virtual-arm64');
  for (const word of ['-kernel', '-append', 'pvpanic-pci', 'i6300esb']) assert.ok(!args.includes(word), word);
  assert.ok(args.includes(U_BOOT));
  assert.ok(args.includes('if=pflash,format=raw,index=1,file=/state/a,,b/flash,readonly=on'));
  assert.ok(args.some((arg) => arg.startsWith('user,') && arg.endsWith('-:22,tftp=/state/a,,b/tftp')));
  assert.ok(
    argumentsIn('/state').every((arg) => !/tftp|pflash/.test(arg)),
    'of the usual kind',
  );
});

test('a state folder too long for a socket is an error of the configuration with a way out', () => {
  assert.throws(
    () => argumentsIn(`/${'x'.repeat(110)}`),
    (error) => error instanceof ConfigError && error.hint?.includes('HIL_STATE_DIR') === true,
  );
});

/** Something that speaks QMP as far as the test needs: `answer` gets each line. */
async function peer(
  answer: (line: string, socket: Socket) => void,
): Promise<{ path: string } & AsyncDisposable> {
  const dir = mkdtempSync(join(tmpdir(), 'qmp-'));
  const path = join(dir, 's');
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) answer(line, socket);
    });
  }).listen(path);
  await once(server, 'listening');
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      rmSync(dir, { recursive: true });
    },
  };
}

const idOf = (line: string): number => Number(/"id":(\d+)/.exec(line)?.[1]);
const ignore = (): void => undefined;

test('answers find their commands though they come torn, out of order and between events', async () => {
  const waiting: number[] = [];
  await using board = await peer((line, socket) => {
    if (line.includes('qmp_capabilities'))
      return void socket.write(`{"return": {}, "id": ${idOf(line)}}\r\n`);
    waiting.push(idOf(line));
    if (waiting.length < 2) return;
    const [first, second] = waiting;
    const text = [
      `{"return": {"of": 2}, "id": ${second}}`,
      '{"event": "RESET", "data": {"guest": true, "reason": "grün"}, "timestamp": {}}',
      `{"return": {"of": 1}, "id": ${first}}\r\n`,
    ].join('\r\n');
    for (const byte of Buffer.from(text)) socket.write(Buffer.from([byte]));
  });
  const events: QmpEvent[] = [];
  const qmp = await Qmp.connect(board.path, 'b', (event) => events.push(event), ignore);
  const [one, two] = await Promise.all([qmp.execute('one'), qmp.execute('two')]);
  assert.deepEqual([one, two], [{ of: 1 }, { of: 2 }]);
  assert.deepEqual(events, [{ event: 'RESET', data: { guest: true, reason: 'grün' } }]);
  qmp.close();
});

test("an error of QEMU comes with the board, the command and QEMU's own words", async () => {
  await using board = await peer((line, socket) => {
    const body = line.includes('qmp_cap')
      ? '"return": {}'
      : '"error": {"class": "GenericError", "desc": "no such link"}';
    socket.write(`{${body}, "id": ${idOf(line)}}\n`);
  });
  const qmp = await Qmp.connect(board.path, 'vb1', ignore, ignore);
  await assert.rejects(qmp.execute('set_link'), (error) => {
    assert.ok(error instanceof LabError);
    assert.match(error.message, /vb1: set_link: no such link/);
    return true;
  });
  qmp.close();
});

test('commands fail at once when the connection ends or turns to nonsense', async () => {
  for (const nonsense of [null, 'not json\n', '{"event": 3}\n']) {
    await using board = await peer((line, socket) => {
      if (line.includes('qmp_cap')) socket.write(`{"return": {}, "id": ${idOf(line)}}\n`);
      else if (nonsense === null) socket.destroy();
      else socket.write(nonsense);
    });
    const closed = Promise.withResolvers<void>();
    const qmp = await Qmp.connect(board.path, 'b', ignore, closed.resolve);
    await assert.rejects(qmp.execute('quit'), LabError);
    await closed.promise;
  }
});

test('nobody at the socket is told apart from a broken one', async () => {
  await assert.rejects(Qmp.connect('/nonexistent/qmp', 'b', ignore, ignore), {
    fault: 'lab',
    code: 'absent',
  });
});

test('a process is known by its start, and its end is noticed', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const id = processId(child.pid ?? 0);
  assert.ok(id !== null);
  assert.equal(isSame(id), true);
  assert.equal(
    isSame({ ...id, startTime: id.startTime - 1 }),
    false,
    'another process had this number before',
  );
  assert.ok((residentBytes(process.pid) ?? 0) > 10_000_000);
  assert.equal(await hasEnded(id, 50), false);
  child.kill();
  assert.equal(await hasEnded(id, 5000), true);
  assert.equal(processId(id.pid), null);
});

test('a program that fails is reported with its step, its command and its last words', async () => {
  const failing = runTool('sh', ['-c', 'echo said >&2; exit 3'], { step: 'packing' });
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof LabError);
    assert.match(error.message, /^packing: `sh -c .*`: exit 3\nsaid$/s);
    return true;
  });
  const full = runTool('sh', ['-c', 'echo "write failed: No space left on device" >&2; exit 1'], {
    step: 'x',
  });
  await assert.rejects(full, { code: 'no-space', hint: /HIL_CACHE_DIR/ });
  await assert.rejects(runTool('no-such-program-here', [], { step: 'x' }), { fault: 'lab' });
});

test('a program that hangs is ended with all it started', async () => {
  const marker = `3${process.pid}.25`;
  const began = performance.now();
  const hanging = runTool('sh', ['-c', `sleep ${marker} & wait`], { step: 'waiting', timeoutMs: 200 });
  await assert.rejects(hanging, /no end after 0\.2 s/);
  const abort = new AbortController();
  const aborted = runTool('sh', ['-c', `sleep ${marker} & wait`], { step: 'waiting', signal: abort.signal });
  abort.abort(new LabError('enough', { code: 'aborted' }));
  await assert.rejects(aborted, { code: 'aborted' });
  assert.ok(performance.now() - began < 5000);
  const left = (await runTool('ps', ['-eo', 'args='], { step: 'looking' })).toString();
  assert.ok(!left.includes(`sleep ${marker}`));
});
