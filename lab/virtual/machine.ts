/** One virtual board: a QEMU process with its disk, console and network, which outlives the program that started it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { abortReason, HarnessError, LabError, messageOf } from '../errors.ts';
import { type Accelerator, probeAccelerator } from './accel.ts';
import type { BoardImage } from './manifest.ts';
import { hasArgument, hasEnded, isSame, type ProcessId, processId, residentBytes } from './process.ts';
import { Qmp, type QmpEvent } from './qmp.ts';

export interface MachineOptions {
  name: string;
  /** Folder of this board: disk, sockets, logs. Its path is part of QEMU's arguments, by which it is known again. */
  dir: string;
  /** Held by the controller while it lives; see guard.sh. */
  lockPath: string;
  hostKeyPath: string;
  authorizedKeysPath: string;
  memoryMiB?: number;
  /** Seconds without a controller after which the board is switched off. */
  orphanGraceS?: number;
}

export type MachineEvent = 'exit' | 'reset' | 'panicked' | 'watchdog';
export type MachineState = 'off' | 'on' | 'frozen' | 'panicked';

const START_MS = 30_000;
const QUIT_MS = 5000;
const QEMU = 'qemu-system-x86_64';

/** What a later program must know to take over. */
const Record = z.object({ sshPort: z.number().int() });

/** Where the crash log survives a reset: 1 MiB at 96 MiB, kept from the kernel's own use. */
const RAMOOPS =
  'memmap=1M$0x6000000 ramoops.mem_address=0x6000000 ramoops.mem_size=0x100000 ramoops.record_size=0x10000';

export class VirtualMachine {
  readonly #options: MachineOptions;
  readonly #listeners: ((event: MachineEvent, detail: string) => void)[] = [];
  #qmp: Qmp | null = null;
  #process: ProcessId | null = null;
  #sshPort = 0;
  #panicked = false;
  /** An end that was asked for is not reported as an event. */
  #ending = false;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  /** A link to the PTY of the serial console; rewritten at each power-on. */
  get consolePath(): string {
    return this.#file('console');
  }

  /** Everything the console said, kept by QEMU itself. */
  get consoleLogPath(): string {
    return this.#file('console.log');
  }

  /** Port of SSH on 127.0.0.1; 0 before the first power-on. */
  get sshPort(): number {
    return this.#sshPort;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Resident memory of QEMU in bytes. */
  memoryBytes(): number | null {
    return this.#process === null ? null : residentBytes(this.#process.pid);
  }

  /** Resets, panics and ends that nobody asked for. */
  onEvent(listener: (event: MachineEvent, detail: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Power on. The machine is first made without running: `beforeRun` can open the console, so that not a byte is missed.
   * Throws LabError with QEMU's own message when it does not start.
   */
  async start(options: {
    image: BoardImage;
    fresh: boolean;
    signal: AbortSignal;
    beforeRun?: () => Promise<void>;
  }): Promise<void> {
    const { image, fresh, signal, beforeRun } = options;
    const { name, dir } = this.#options;
    if (this.#process && isSame(this.#process)) throw new HarnessError(`${name} is on already`);
    signal.throwIfAborted();
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await this.#disk(image, fresh);
    await writeFile(this.#file('hostname'), name);
    await rm(this.#file('qmp'), { force: true });
    await rm(this.#file('pid'), { force: true });
    this.#sshPort = await freePort();
    await writeFile(this.#file('machine.json'), JSON.stringify({ sshPort: this.#sshPort }));
    const accelerator = await probeAccelerator(image);
    await this.#spawn(image, accelerator, signal);
    this.#panicked = false;
    this.#ending = false;
    await this.#linkConsole();
    await beforeRun?.();
    await this.#command('cont');
  }

  /** Power off: the process ends at once, as by pulling the plug; the disk keeps what was written to it. */
  async quit(): Promise<void> {
    const id = this.#process;
    if (!id) return;
    this.#ending = true;
    // QEMU may end before it answers, or not answer at all: either way the process is looked at.
    await this.#qmp?.execute('quit').catch(() => undefined);
    if (!(await hasEnded(id, QUIT_MS))) {
      if (isSame(id)) process.kill(id.pid, 'SIGKILL');
      if (!(await hasEnded(id, QUIT_MS)))
        throw new LabError(`${this.#options.name}: QEMU (pid ${id.pid}) can't be ended`, {
          board: this.#options.name,
        });
    }
    this.#forget();
  }

  async reset(): Promise<void> {
    await this.#command('system_reset');
    this.#panicked = false;
  }

  async freeze(): Promise<void> {
    await this.#command('stop');
  }

  async thaw(): Promise<void> {
    await this.#command('cont');
  }

  /** The cable of the management network. */
  async setNetworkLink(up: boolean): Promise<void> {
    await this.#command('set_link', { name: 'nic0', up });
  }

  async saveSnapshot(name: string): Promise<void> {
    await this.#monitor(`savevm ${snapshotName(name)}`);
  }

  async loadSnapshot(name: string): Promise<void> {
    await this.#monitor(`loadvm ${snapshotName(name)}`);
    this.#panicked = false;
  }

  async state(): Promise<MachineState> {
    if (!this.#qmp || !this.#process || !isSame(this.#process)) return 'off';
    const { status } = z.object({ status: z.string() }).parse(await this.#command('query-status'));
    if (this.#panicked) return 'panicked';
    return status === 'running' ? 'on' : 'frozen';
  }

  /** Takes over a machine that another program started; false when there is none. */
  async adopt(): Promise<boolean> {
    const id = this.#running();
    if (!id) return false;
    const record = Record.parse(JSON.parse(await readFile(this.#file('machine.json'), 'utf8')));
    this.#process = id;
    this.#sshPort = record.sshPort;
    try {
      await this.#connect(AbortSignal.timeout(START_MS));
      await this.#linkConsole();
    } catch (error) {
      // A machine that can't be driven is of no use to anybody.
      if (isSame(id)) process.kill(id.pid, 'SIGKILL');
      await hasEnded(id, QUIT_MS);
      this.#forget();
      throw new LabError(
        `${this.#options.name}: a running QEMU could not be taken over and was ended: ${messageOf(error)}`,
        { cause: error },
      );
    }
    return true;
  }

  /** Lets go of the machine, which runs on. */
  detach(): void {
    this.#ending = true;
    this.#qmp?.close();
    this.#qmp = null;
    this.#process = null;
  }

  #file(name: string): string {
    return join(this.#options.dir, name);
  }

  /** The QEMU of this folder, by its pid file. */
  #running(): ProcessId | null {
    try {
      const id = processId(Number(readFileSync(this.#file('pid'), 'utf8')));
      return id && hasArgument(id.pid, this.#file('qmp')) ? id : null;
    } catch {
      return null; // never started, or it cleaned up when it ended
    }
  }

  async #disk(image: BoardImage, fresh: boolean): Promise<void> {
    const disk = this.#file('data.qcow2');
    // A disk belongs to the image it was first used with.
    const mark = this.#file('image-key');
    const key = await readFile(mark, 'utf8').catch(() => '');
    if (!fresh && key === image.key) return;
    await copyFile(image.dataTemplate, `${disk}.new`);
    await rename(`${disk}.new`, disk);
    await writeFile(mark, image.key);
  }

  async #spawn(image: BoardImage, accelerator: Accelerator, signal: AbortSignal): Promise<void> {
    const { name, lockPath, orphanGraceS = 20 } = this.#options;
    const logPath = this.#file('qemu.log');
    const log = openSync(logPath, 'w', 0o600);
    const guard = join(import.meta.dirname, 'guard.sh');
    const child = spawn(
      guard,
      [lockPath, String(orphanGraceS), QEMU, ...this.#arguments(image, accelerator)],
      {
        detached: true,
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    child.unref();
    const failed = (why: string) => {
      const said = readFileSync(logPath, 'utf8').trim();
      const missing = /not found/.test(said);
      return new LabError(`${name}: QEMU did not start: ${said === '' ? why : said}`, {
        board: name,
        code: 'qemu-failed',
        hint: missing ? 'apt-get install -y --no-install-recommends qemu-system-x86' : `see ${logPath}`,
      });
    };
    const exit = new Promise<never>((_, reject) => {
      child.once('error', (error) => reject(failed(messageOf(error))));
      child.once('exit', (code) => reject(failed(`exit code ${String(code)}`)));
    });
    exit.catch(() => undefined);
    await Promise.race([exit, this.#connect(AbortSignal.any([signal, AbortSignal.timeout(START_MS)]))]);
    this.#process = this.#running();
    if (!this.#process) throw failed('it wrote no pid file');
  }

  #arguments(image: BoardImage, accelerator: Accelerator): string[] {
    const { hostKeyPath, authorizedKeysPath, memoryMiB = 128 } = this.#options;
    const fwCfg = (name: string, path: string) => ['-fw_cfg', `name=opt/hil/${name},file=${path}`];
    const kvm = accelerator === 'kvm';
    return [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-S', '-pidfile', this.#file('pid')],
      ...['-qmp', `unix:${this.#file('qmp')},server=on,wait=off`],
      // Measured: one CPU gives twice the Wi-Fi throughput of two; a small translation cache saves 400 MiB at no cost.
      ...['-machine', 'q35', '-smp', '1', '-m', String(memoryMiB)],
      ...['-accel', kvm ? 'kvm' : 'tcg,tb-size=32', '-cpu', kvm ? 'host' : 'qemu64,+rdrand'],
      ...['-kernel', image.kernel, '-initrd', image.initrd],
      ...['-append', `console=ttyS0 sysrq_always_enabled=1 ${RAMOOPS}`],
      ...[
        '-drive',
        `file=${image.root},format=raw,if=none,id=root,readonly=on`,
        '-device',
        'virtio-blk-pci,drive=root',
      ],
      ...[
        '-drive',
        `file=${this.#file('data.qcow2')},format=qcow2,if=none,id=data`,
        '-device',
        'virtio-blk-pci,drive=data',
      ],
      ...['-netdev', `user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:${this.#sshPort}-:22`],
      ...['-device', 'virtio-net-pci,netdev=n0,id=nic0,romfile='],
      ...[
        '-chardev',
        `pty,id=console,logfile=${this.consoleLogPath},logappend=on`,
        '-serial',
        'chardev:console',
      ],
      ...[
        '-device',
        'virtio-rng-pci',
        '-device',
        'qemu-xhci,id=usb',
        '-device',
        'i6300esb',
        '-device',
        'pvpanic-pci',
      ],
      // By default QEMU would end in the middle of a panic's text.
      ...['-action', 'panic=none', '-action', 'watchdog=reset'],
      ...fwCfg('hostname', this.#file('hostname')),
      ...fwCfg('host_key', hostKeyPath),
      ...fwCfg('authorized_keys', authorizedKeysPath),
    ];
  }

  /** QEMU makes its socket a moment after it was started. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { name } = this.#options;
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      try {
        const qmp = await Qmp.connect(
          this.#file('qmp'),
          name,
          (event) => this.#event(event),
          () => {
            if (this.#qmp === qmp) this.#ended();
          },
        );
        this.#qmp = qmp;
        return;
      } catch (error) {
        if (!(error instanceof LabError) || error.code !== 'absent') throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  async #linkConsole(): Promise<void> {
    const chardevs = z
      .array(z.object({ label: z.string(), filename: z.string() }))
      .parse(await this.#command('query-chardev'));
    const pty = chardevs.find(({ label }) => label === 'console')?.filename.replace(/^pty:/, '');
    if (pty === undefined) throw new LabError(`${this.#options.name}: QEMU has no console`);
    await rm(`${this.consolePath}.new`, { force: true });
    await symlink(pty, `${this.consolePath}.new`);
    await rename(`${this.consolePath}.new`, this.consolePath);
  }

  async #command(command: string, args?: { [key: string]: unknown }): Promise<unknown> {
    return await this.#driven().execute(command, args);
  }

  async #monitor(command: string): Promise<void> {
    await this.#driven().monitor(command);
  }

  #driven(): Qmp {
    if (!this.#qmp)
      throw new LabError(`${this.#options.name} is off`, { board: this.#options.name, code: 'board-off' });
    return this.#qmp;
  }

  #event({ event, data }: QmpEvent): void {
    const reason = typeof data.reason === 'string' ? data.reason : '';
    if (event === 'GUEST_PANICKED') {
      this.#panicked = true;
      this.#tell('panicked', reason);
    } else if (event === 'WATCHDOG')
      this.#tell('watchdog', typeof data.action === 'string' ? data.action : '');
    else if (event === 'RESET' && data.guest === true) {
      this.#panicked = false;
      this.#tell('reset', reason);
    }
  }

  /** The QMP socket closed: QEMU has ended, asked or not. */
  #ended(): void {
    this.#qmp = null;
    if (this.#ending) return;
    this.#forget();
    this.#tell('exit', 'QEMU has ended: the board shut itself down, or was killed');
  }

  #forget(): void {
    this.#qmp?.close();
    this.#qmp = null;
    this.#process = null;
    this.#panicked = false;
  }

  #tell(event: MachineEvent, detail: string): void {
    for (const listener of this.#listeners) listener(event, detail);
  }
}

function snapshotName(name: string): string {
  if (/^[A-Za-z][\w-]{0,62}$/.test(name)) return name;
  throw new LabError(`"${name}" can't name a snapshot: letters, digits, _ and - only`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new HarnessError('a TCP server without a port');
  return address.port;
}
