/** A virtual board without a controller, reached by SSH, with what would be journalled kept in memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROFILES } from '../../devices/index.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import { SshRemote } from '../../lab/board/ssh/connection.ts';
import { ensureHostKey, ensureLabKeys } from '../../lab/board/ssh/keys.ts';
import { HarnessError } from '../../lab/errors.ts';
import type { EventKind, JournalSink, PayloadInput } from '../../lab/journal/event.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { VirtualMachine } from '../../lab/virtual/machine.ts';

export const BOOT_MS = 120_000;

export interface Recorded {
  kind: EventKind;
  data: PayloadInput<EventKind>;
}

export class RemoteBoard {
  readonly dir = mkdtempSync(join(tmpdir(), 'rb-'));
  /** Keys of the lab and of the board. */
  readonly keyDir: string;
  readonly events: Recorded[] = [];
  readonly journal: JournalSink = { append: (kind, data) => void this.events.push({ kind, data }) };
  readonly machine: VirtualMachine;
  readonly remote: SshRemote;
  readonly console: Console;
  readonly #kind: string;
  #lock: ChildProcess | undefined;

  private constructor(
    keyDir: string,
    keys: { privateKeyPath: string; authorizedKeysPath: string },
    machine: (dir: string) => VirtualMachine,
    hostKey: string,
    kind: string,
  ) {
    const profile = PROFILES[kind];
    if (!profile) throw new HarnessError(`there is no profile ${kind}`);
    this.#kind = kind;
    this.keyDir = keyDir;
    this.machine = machine(this.dir);
    this.remote = this.connection({ privateKeyPath: keys.privateKeyPath, hostKey });
    this.console = new Console({
      board: 'rb',
      transport: () => makeTransport({ type: 'pty', path: this.machine.consolePath }),
      journal: { append: () => undefined },
      prompt: profile.console,
    });
  }

  static async make(kind = 'virtual'): Promise<RemoteBoard> {
    const keyDir = mkdtempSync(join(tmpdir(), 'rbk-'));
    const keys = await ensureLabKeys(keyDir);
    const host = await ensureHostKey(keyDir);
    const machine = (dir: string) =>
      new VirtualMachine({
        ...{ name: 'rb', kind },
        dir: join(dir, 'board'),
        lockPath: join(dir, 'lock'),
        hostKeyPath: host.privateKeyPath,
        authorizedKeysPath: keys.authorizedKeysPath,
        orphanGraceS: 2,
      });
    return new RemoteBoard(keyDir, keys, machine, host.publicKey, kind);
  }

  /** Another connection to the same board. */
  connection(options: { privateKeyPath: string; hostKey: string; user?: string }): SshRemote {
    const { privateKeyPath, hostKey, user = 'root' } = options;
    const port = () => this.machine.sshPort;
    return new SshRemote({
      name: 'rb',
      host: '127.0.0.1',
      port,
      user,
      privateKeyPath,
      hostKey,
      journal: this.journal,
    });
  }

  /** Power on, and connect. */
  async boot(): Promise<void> {
    this.#lock = spawn('flock', [join(this.dir, 'lock'), 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.#lock.stdout !== null) await once(this.#lock.stdout, 'data');
    const image = await ensureImage({ kind: this.#kind });
    const signal = AbortSignal.timeout(BOOT_MS);
    await this.machine.start({ image, fresh: true, signal, beforeRun: () => this.console.open() });
    await this.remote.connect({ timeoutMs: BOOT_MS });
  }

  eventsOf(kind: EventKind): PayloadInput<EventKind>[] {
    return this.events.filter((event) => event.kind === kind).map(({ data }) => data);
  }

  /** Command lines of the processes whose command line matches. */
  async processes(pattern: string): Promise<string[]> {
    const { stdout } = await this.remote.run(
      `for f in /proc/[0-9]*/cmdline;do tr '\\0' ' ' <$f;echo;done 2>/dev/null`,
      {
        quiet: true,
        timeoutMs: BOOT_MS,
      },
    );
    return stdout.split('\n').filter((line) => new RegExp(pattern).test(line) && !line.includes('/proc/'));
  }

  async dispose(): Promise<void> {
    this.remote.disconnect('end of the test');
    await this.machine.quit();
    await this.console.close();
    if (this.#lock !== undefined) {
      const closed = once(this.#lock, 'close');
      this.#lock.stdin?.end();
      await closed;
    }
    for (const dir of [this.dir, this.keyDir]) rmSync(dir, { recursive: true, force: true });
  }
}
