/** One virtual board: a QEMU process with its disk, console and network, which outlives the program that started it. */
import { rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { abortReason, HarnessError, LabError, messageOf } from '../errors.ts';
import { hasEnded, isSame, type ProcessId, residentBytes } from '../process.ts';
import { probeAccelerator } from './accel.ts';
import { prepareFiles } from './board-files.ts';
import { type BoardKind, DEFAULT_KIND, kindOf } from './kinds.ts';
import { launchQemu, type RunningQemu, runningQemu } from './launch.ts';
import type { BoardImage } from './manifest.ts';
import { type Accelerator, BOARD_FILES, DEVICE } from './qemu.ts';
import { Qmp, type QmpEvent } from './qmp.ts';

export interface MachineOptions {
  name: string;
  /** Name of a kind of virtual board. */
  kind?: string;
  /** Folder of this board: disk, sockets, logs. Its path is part of QEMU's arguments, by which it is known again. */
  dir: string;
  /** Held by the controller while it lives; see guard.sh. */
  lockPath: string;
  hostKeyPath: string;
  authorizedKeysPath: string;
  /** Seconds without a controller after which the board is switched off. */
  orphanGraceS?: number;
}

export type MachineEvent = 'exit' | 'reset' | 'panicked' | 'watchdog';
export type MachineState = 'off' | 'on' | 'frozen' | 'panicked';

const START_MS = 30_000;
const QUIT_MS = 5000;
/** After any reset the firmware resets the machine up to ten times more before it starts the kernel. */
const RESET_BURST_MS = 3000;

export class VirtualMachine {
  readonly #options: MachineOptions;
  readonly #kind: BoardKind;
  readonly #listeners: ((event: MachineEvent, detail: string) => void)[] = [];
  #qmp: Qmp | null = null;
  #process: ProcessId | null = null;
  #sshPort = 0;
  #panicked = false;
  #resetAt = Number.NEGATIVE_INFINITY;
  /** An end that was asked for is not reported as an event. */
  #ending = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#kind = kindOf(options.kind ?? DEFAULT_KIND);
  }

  /** A link to the PTY of the serial console; rewritten at each power-on. */
  get consolePath(): string {
    return this.#file(BOARD_FILES.console);
  }

  /** Everything the console said, kept by QEMU itself. */
  get consoleLogPath(): string {
    return this.#file(BOARD_FILES.consoleLog);
  }

  /** Port of SSH on 127.0.0.1; 0 before the first power-on. */
  get sshPort(): number {
    return this.#sshPort;
  }

  /** Socket to the port of its radios. */
  get airPath(): string {
    return this.#file(BOARD_FILES.air);
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
    // One that just ended by itself may need a moment more.
    const left = runningQemu(dir);
    if (left !== null && (this.#qmp !== null || !(await hasEnded(left.id, QUIT_MS))))
      throw new HarnessError(`${name} is on already, QEMU pid ${left.id.pid}`, { board: name });
    if (signal.aborted) throw abortReason(signal);
    const { hostKeyPath } = this.#options;
    await prepareFiles({ name, kind: this.#kind, dir, image, fresh, hostKeyPath });
    const accelerator = await probeAccelerator(image, this.#kind.machine, signal);
    this.#ending = false;
    try {
      await this.#launch(image, accelerator, signal);
      this.#panicked = false;
      await this.#linkConsole();
      await beforeRun?.();
      if (signal.aborted) throw abortReason(signal);
      await this.#command('cont');
    } catch (error) {
      await this.quit();
      throw error;
    }
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
    // Its pseudo-terminal may be anybody's from now on.
    await rm(this.consolePath, { force: true });
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
    await this.#command('set_link', { name: DEVICE.nic, up });
  }

  /** A break condition on the serial console; the kernel takes the next character as a SysRq command. */
  async sendBreak(): Promise<void> {
    await this.#command('chardev-send-break', { id: DEVICE.console });
  }

  async saveSnapshot(name: string): Promise<void> {
    await this.#monitor(`savevm ${snapshotName(name)}`);
  }

  async loadSnapshot(name: string): Promise<void> {
    const running = (await this.#status()) === 'running';
    try {
      await this.#monitor(`loadvm ${snapshotName(name)}`);
    } catch (error) {
      // QEMU leaves the machine stopped when there is no such snapshot.
      if (running) await this.#command('cont');
      throw error;
    }
    this.#panicked = false;
  }

  async state(): Promise<MachineState> {
    if (!this.#qmp || !this.#process || !isSame(this.#process)) return 'off';
    const status = await this.#status();
    if (this.#panicked) return 'panicked';
    return status === 'running' ? 'on' : 'frozen';
  }

  /** Takes over a machine that another program started; false when there is none. */
  async adopt(): Promise<boolean> {
    const running = runningQemu(this.#options.dir);
    if (!running) return false;
    const { id } = running;
    this.#process = id;
    this.#sshPort = running.sshPort;
    this.#ending = false;
    this.#panicked = false;
    try {
      await this.#connect(AbortSignal.timeout(START_MS));
      await this.#linkConsole();
      // Its starter died before it let the machine run.
      if ((await this.#status()) === 'prelaunch') await this.#command('cont');
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

  async #launch(image: BoardImage, accelerator: Accelerator, signal: AbortSignal): Promise<void> {
    const { name, dir, lockPath, orphanGraceS = 20, authorizedKeysPath } = this.#options;
    const { id, sshPort }: RunningQemu = await launchQemu({
      board: name,
      setup: { kind: this.#kind, image, accelerator, dir, authorizedKeysPath },
      lockPath,
      orphanGraceS,
      logPath: this.#file('qemu.log'),
      signal,
      connect: (patience) => this.#connect(patience),
    });
    this.#process = id;
    this.#sshPort = sshPort;
  }

  /** QEMU makes its socket a moment after it was started. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { name } = this.#options;
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      try {
        const qmp = await Qmp.connect(
          this.#file(BOARD_FILES.qmp),
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
    const pty = chardevs.find(({ label }) => label === DEVICE.console)?.filename.replace(/^pty:/, '');
    if (pty === undefined) throw new LabError(`${this.#options.name}: QEMU has no console`);
    await rm(`${this.consolePath}.new`, { force: true });
    await symlink(pty, `${this.consolePath}.new`);
    await rename(`${this.consolePath}.new`, this.consolePath);
  }

  async #status(): Promise<string> {
    return z.object({ status: z.string() }).parse(await this.#command('query-status')).status;
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
    else if (event === 'RESET') this.#wasReset(data.guest === true, reason);
  }

  #wasReset(byGuest: boolean, reason: string): void {
    const now = performance.now();
    if (now - this.#resetAt < RESET_BURST_MS) return;
    this.#resetAt = now;
    this.#panicked = false;
    if (byGuest) this.#tell('reset', reason);
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
