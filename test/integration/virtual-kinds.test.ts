/** Each kind of virtual board boots and lets the lab in by its own ways: SSH, files, console, snapshots. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROFILES } from '../../devices/index.ts';
import { BOOT_MS, RemoteBoard } from './remote-board.ts';

/** An emulated processor on a busy machine. */
const LONG_MS = 300_000;

/** What tells the kinds apart, as their profiles and users would see it. */
const EXPECTED = [
  {
    kind: 'virtual-small',
    machine: 'x86_64',
    shell: 'busybox',
    via: 'channel',
    lacks: ['bash', 'udevadm', 'sshd'],
  },
  { kind: 'virtual-arm64', machine: 'aarch64', shell: 'dash', via: 'sftp', lacks: ['dropbear'] },
] as const;

for (const { kind, machine, shell, via, lacks } of EXPECTED) {
  describe(`a board of the kind ${kind}`, { timeout: 3 * LONG_MS }, () => {
    let board: RemoteBoard;
    let dir: string;

    before(async () => {
      dir = mkdtempSync(join(tmpdir(), 'kinds-'));
      board = await RemoteBoard.make(kind);
      await board.boot();
    });
    after(async () => {
      await board.dispose();
      rmSync(dir, { recursive: true });
    });

    test('runs commands over SSH on the machine that its profile tells', { timeout: LONG_MS }, async () => {
      assert.equal((await board.remote.check('uname -m')).trim(), machine);
      assert.equal(PROFILES[kind]?.arch, machine);
      assert.equal((await board.remote.check('readlink /bin/sh')).trim(), shell);
      for (const program of lacks)
        assert.equal((await board.remote.run(`command -v ${program}`)).stdout, '', `it has ${program}`);
    });

    test('takes a file and gives it back', { timeout: LONG_MS }, async () => {
      const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 37) % 256));
      const up = await board.remote.upload(content, '/root/folder of it/file', { mode: 0o640 });
      assert.equal(up.via, via);
      const local = join(dir, 'file');
      const down = await board.remote.download('/root/folder of it/file', local);
      assert.deepEqual(readFileSync(local), content);
      assert.deepEqual([down.sha256, down.bytes, down.via], [up.sha256, content.length, via]);
      assert.equal((await board.remote.check("stat -c %a '/root/folder of it/file'")).trim(), '640');
    });

    test('ends what was started on it', { timeout: LONG_MS }, async () => {
      const running = await board.remote.stream('sleep 1234 & sleep 1234');
      assert.equal((await board.processes('^sleep 1234')).length, 2);
      await running.stop();
      assert.deepEqual(await board.processes('^sleep 1234'), []);
    });

    test('lets one in on its serial console', { timeout: LONG_MS }, async () => {
      await board.console.login();
      const question = 'uname -m; cat /proc/sys/kernel/random/boot_id';
      const { output, exitCode } = await board.console.run(question);
      assert.equal(exitCode, 0);
      assert.equal(output.trim(), (await board.remote.check(question)).trim());
    });

    test('keeps its crash log over a panic and the reset after it', { timeout: LONG_MS }, async () => {
      const from = board.console.position;
      await board.console.run('sync');
      await board.remote.stream('sleep 0.2; echo c >/proc/sysrq-trigger');
      await board.console.expect('end Kernel panic', { from, timeoutMs: BOOT_MS });
      board.remote.disconnect('it has crashed');
      await board.machine.reset();
      await board.remote.connect({ timeoutMs: BOOT_MS });
      // Mounted in the background, once the board is up.
      const kept = await board.remote.check(
        'until grep -q pstore /proc/mounts; do sleep 0.1; done; cat /sys/fs/pstore/dmesg-ramoops-*',
        { timeoutMs: BOOT_MS },
      );
      assert.match(kept, /Kernel panic - not syncing: sysrq triggered crash/);
      assert.ok(PROFILES[kind]?.capabilities.includes('crash-log'));
    });

    test('goes back to a snapshot', { timeout: LONG_MS }, async () => {
      await board.remote.check('echo before >/root/state; sync');
      await board.machine.saveSnapshot('here');
      await board.remote.check('echo after >/root/state; sync');
      board.remote.disconnect('back to the snapshot');
      await board.machine.loadSnapshot('here');
      await board.remote.connect({ timeoutMs: BOOT_MS });
      assert.equal((await board.remote.check('cat /root/state')).trim(), 'before');
      assert.ok(PROFILES[kind]?.capabilities.includes('snapshot'));
    });
  });
}
