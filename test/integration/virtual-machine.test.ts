/** Virtual boards by themselves, without a controller: power, console, disk, events, adoption, and the guard of orphans. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import { ensureHostKey, ensureLabKeys } from '../../lab/board/ssh/keys.ts';
import { hasEnded, isSame, processId } from '../../lab/process.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { VirtualMachine } from '../../lab/virtual/machine.ts';
import type { BoardImage } from '../../lab/virtual/manifest.ts';

const BOOT_MS = 120_000;
const run = promisify(execFile);

/** What a machine needs beside itself: keys, the lock of a controller, and somebody who reads its console. */
class Bench {
  readonly dir: string;
  readonly lockPath: string;
  readonly events: { event: string; detail: string }[] = [];
  readonly machine: VirtualMachine;
  readonly console: Console;
  readonly #keyPath: string;
  #lock: ChildProcess | null = null;

  private constructor(dir: string, keyPath: string, machine: VirtualMachine) {
    this.dir = dir;
    this.lockPath = join(dir, 'lock');
    this.#keyPath = keyPath;
    this.machine = machine;
    machine.onEvent((event, detail) => this.events.push({ event, detail }));
    this.console = new Console({
      board: 'bench',
      transport: () => makeTransport({ type: 'pty', path: machine.consolePath }),
      journal: { append: () => undefined },
      prompt: virtual.console,
    });
  }

  static async make(): Promise<Bench> {
    const dir = mkdtempSync(join(tmpdir(), 'vm-'));
    const keys = await ensureLabKeys(join(dir, 'keys'));
    return new Bench(dir, keys.privateKeyPath, await Bench.machineIn(dir));
  }

  /** Any number of objects can stand for the machine of a folder; one at a time may drive it. */
  static async machineIn(dir: string): Promise<VirtualMachine> {
    const keys = await ensureLabKeys(join(dir, 'keys'));
    const host = await ensureHostKey(dir);
    return new VirtualMachine({
      name: 'bench',
      dir: join(dir, 'board'),
      lockPath: join(dir, 'lock'),
      hostKeyPath: host.privateKeyPath,
      authorizedKeysPath: keys.authorizedKeysPath,
      orphanGraceS: 2,
    });
  }

  /** Takes the lock as a controller does. */
  async hold(): Promise<void> {
    this.#lock = spawn('flock', [this.lockPath, 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(this.#lock.stdout);
    await once(this.#lock.stdout, 'data');
  }

  async letGo(): Promise<void> {
    if (this.#lock === null) return;
    const closed = once(this.#lock, 'close');
    this.#lock.stdin?.end();
    await closed;
    this.#lock = null;
  }

  /** Power on, to the login prompt. */
  async boot(image: BoardImage, fresh: boolean): Promise<void> {
    const from = this.console.position;
    const signal = AbortSignal.timeout(BOOT_MS);
    const attach = async (): Promise<void> =>
      await (from === 0 ? this.console.open() : this.console.reopen());
    await this.machine.start({ image, fresh, signal, beforeRun: attach });
    await this.login(from);
  }

  async login(from: number): Promise<void> {
    await this.console.expect('login: ', { from, timeoutMs: BOOT_MS });
  }

  async ssh(command: string): Promise<string> {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'BatchMode=yes',
    ];
    const args = options.flatMap((option) => ['-o', option]);
    args.push('-i', this.#keyPath, '-p', String(this.machine.sshPort), 'root@127.0.0.1', command);
    return (await run('ssh', args, { timeout: BOOT_MS })).stdout.trim();
  }

  async event(name: string): Promise<void> {
    const deadline = Date.now() + BOOT_MS;
    while (!this.events.some(({ event }) => event === name)) {
      assert.ok(Date.now() < deadline, `no event "${name}", there were ${JSON.stringify(this.events)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async dispose(): Promise<void> {
    await this.machine.quit();
    await this.console.close();
    await this.letGo();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** First bytes that the SSH server sends. */
async function banner(port: number): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    const [data] = await once(socket, 'data', { signal: AbortSignal.timeout(5000) });
    return String(data);
  } finally {
    socket.destroy();
  }
}

describe('a virtual board', { timeout: 600_000 }, () => {
  let bench: Bench;
  let image: BoardImage;

  before(async () => {
    image = await ensureImage();
    bench = await Bench.make();
    await bench.hold();
  });
  after(async () => {
    await bench.dispose();
  });

  test('is found in the cache once its image was built', async () => {
    const began = performance.now();
    const again = await ensureImage();
    assert.equal(again.key, image.key);
    assert.ok(performance.now() - began < 1000, 'a cached image takes less than a second');
  });

  test('boots to a login prompt and serves SSH with the keys of the lab', async () => {
    assert.equal(await bench.machine.state(), 'off');
    await bench.boot(image, true);
    assert.equal(await bench.machine.state(), 'on');
    assert.match(await banner(bench.machine.sshPort), /^SSH-2\.0-/);
    assert.equal(await bench.ssh('hostname; uname -r'), `bench\n${image.kernelRelease}`);
    const rss = bench.machine.memoryBytes();
    assert.ok(rss !== null && rss < 280 * 1024 * 1024, `${rss} bytes resident`);
  });

  test('has an untainted kernel, plain interface names and no driver loaded before a test does', async () => {
    assert.equal(
      await bench.ssh('cat /proc/sys/kernel/tainted; ls /sys/class/net | tr "\\n" " "'),
      '0\neth0 lo',
    );
    assert.equal(await bench.ssh('lsmod | grep -c hwsim || true'), '0');
    assert.equal(
      await bench.ssh('modprobe mac80211_hwsim radios=2; ls /sys/class/net | tr "\\n" " "'),
      'eth0 hwsim0 lo wlan0 wlan1',
    );
    assert.equal(await bench.ssh('cat /proc/sys/kernel/tainted; modprobe -r mac80211_hwsim'), '0');
  });

  test('reaches neither the host nor the network behind it', async () => {
    const guest = 'nc -w 2 10.0.2.2 22 < /dev/null; echo $?';
    assert.equal(await bench.ssh(guest), '1');
  });

  test('keeps its files through a hard reset and through a power cut', async () => {
    await bench.ssh('echo kept > /root/file; mkdir -p /lib/firmware/x; echo fw > /lib/firmware/x/y; sync');
    let from = bench.console.position;
    await bench.machine.reset();
    await bench.login(from);
    assert.equal(await bench.ssh('cat /root/file /lib/firmware/x/y'), 'kept\nfw');
    assert.deepEqual(bench.events, [], 'a reset that was asked for is not an event');
    await bench.machine.quit();
    assert.equal(await bench.machine.state(), 'off');
    from = bench.console.position;
    await bench.boot(image, false);
    assert.equal(await bench.ssh('cat /root/file'), 'kept');
  });

  test('loses a write of the last second at most when its power is cut', async () => {
    await bench.ssh('echo unsynced > /root/unsynced; sleep 2');
    await bench.machine.quit();
    await bench.boot(image, false);
    assert.equal(await bench.ssh('cat /root/unsynced'), 'unsynced');
  });

  test('stands still when frozen and goes on when thawed', async () => {
    await bench.machine.freeze();
    assert.equal(await bench.machine.state(), 'frozen');
    await assert.rejects(banner(bench.machine.sshPort));
    await bench.machine.thaw();
    assert.equal(await bench.machine.state(), 'on');
    assert.equal(await bench.ssh('echo back'), 'back');
  });

  test('loses and regains its network cable', async () => {
    await bench.machine.setNetworkLink(false);
    await bench.console.login();
    const carrier = await bench.console.run('sleep 1; cat /sys/class/net/eth0/carrier');
    assert.equal(carrier.output.trim(), '0');
    await bench.machine.setNetworkLink(true);
    assert.equal(await bench.ssh('cat /sys/class/net/eth0/carrier'), '1');
  });

  test('returns to a snapshot, memory and disk', async () => {
    await bench.ssh('echo before > /root/state; sync');
    // The kernel makes this up when it is first read.
    const bootId = await bench.ssh('cat /proc/sys/kernel/random/boot_id');
    await bench.machine.saveSnapshot('warm');
    await bench.ssh('echo after > /root/state; sync');
    await bench.machine.loadSnapshot('warm');
    assert.equal(await bench.ssh('cat /root/state /proc/sys/kernel/random/boot_id'), `before\n${bootId}`);
    await assert.rejects(bench.machine.loadSnapshot('never-saved'), /never-saved/);
    assert.equal(await bench.machine.state(), 'on');
  });

  test('is taken over by another program while it runs', async () => {
    const { pid } = bench.machine;
    const other = await Bench.machineIn(bench.dir);
    bench.machine.detach();
    assert.equal(await other.adopt(), true);
    assert.equal(other.pid, pid);
    assert.equal(await other.state(), 'on');
    assert.ok(other.sshPort > 0);
    assert.match(await banner(other.sshPort), /^SSH-2\.0-/);
    other.detach();
    assert.equal(await bench.machine.adopt(), true);
    assert.equal(await bench.ssh('echo mine again'), 'mine again');
  });

  test('reports a panic, stays panicked, and boots again after a reset', async () => {
    bench.events.length = 0;
    const from = bench.console.position;
    await bench.machine.sendBreak();
    await bench.console.write('c');
    await bench.event('panicked');
    await bench.console.expect('end Kernel panic', { from, timeoutMs: BOOT_MS });
    assert.equal(await bench.machine.state(), 'panicked');
    const reset = bench.console.position;
    await bench.machine.reset();
    assert.equal(await bench.machine.state(), 'on');
    await bench.login(reset);
    await bench.ssh('for i in $(seq 50); do ls /sys/fs/pstore | grep -q dmesg && break; sleep 0.2; done');
    assert.match(await bench.ssh('cat /sys/fs/pstore/dmesg-ramoops-*'), /Kernel panic - not syncing: sysrq/);
  });

  test('reports a reset and an end that nobody asked for', async () => {
    bench.events.length = 0;
    const from = bench.console.position;
    await bench.ssh('(sleep 0.5; reboot -f) > /dev/null 2>&1 &');
    await bench.event('reset');
    await bench.login(from);
    assert.equal(bench.events.filter(({ event }) => event === 'reset').length, 1);
    await bench.ssh('(sleep 0.5; poweroff -f) > /dev/null 2>&1 &');
    await bench.event('exit');
    assert.equal(await bench.machine.state(), 'off');
  });

  test('is ended by its guard when its controller died and no other came', async () => {
    await bench.boot(image, false);
    const { pid } = bench.machine;
    assert.ok(pid !== null);
    const id = processId(pid);
    assert.ok(id !== null);
    // A controller that comes back within the grace keeps the board.
    await bench.letGo();
    await bench.hold();
    assert.equal(await hasEnded(id, 4000), false);
    bench.machine.detach();
    await bench.letGo();
    assert.equal(await hasEnded(id, 20_000), true);
    assert.match(
      readFileSync(join(bench.dir, 'board', 'qemu.log'), 'utf8'),
      /guard: no lab controller for 2 s/,
    );
    assert.equal(await bench.machine.adopt(), false);
    await bench.hold();
  });

  test('is not started when the wait is given up, and leaves nothing behind', async () => {
    const given = new AbortController();
    let pid: number | null = null;
    const giveUp = (): Promise<void> => {
      pid = bench.machine.pid;
      given.abort();
      return Promise.resolve();
    };
    await assert.rejects(
      bench.machine.start({ image, fresh: false, signal: given.signal, beforeRun: giveUp }),
      { code: 'aborted' },
    );
    assert.ok(pid !== null);
    const id = processId(pid);
    assert.ok(id === null || !isSame(id));
    assert.equal(await bench.machine.state(), 'off');
  });
});
