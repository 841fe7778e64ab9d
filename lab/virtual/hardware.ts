/** A virtual board as the rest of the lab sees any board: wired by QEMU instead of relays and cables. */
import type { BootPlace, KnownGood } from '../board/boot/place.ts';
import type { ConsoleTransportConfig } from '../board/console/index.ts';
import type {
  BoardHardware,
  HardwareEvent,
  HardwareState,
  PowerOnOptions,
  Progress,
} from '../board/hardware.ts';
import { HarnessError } from '../errors.ts';
import { threadSeconds } from '../process.ts';
import { bootPlaceOf } from './board-files.ts';
import { ensureImage } from './image.ts';
import { DEFAULT_KIND, kindOf } from './kinds.ts';
import { type MachineOptions, VirtualMachine } from './machine.ts';
import type { BoardImage } from './manifest.ts';

export class VirtualHardware implements BoardHardware {
  readonly #machine: VirtualMachine;
  readonly #kind: string;
  readonly #dir: string;
  #image: BoardImage | null = null;

  constructor(options: MachineOptions) {
    this.#kind = options.kind ?? DEFAULT_KIND;
    this.#dir = options.dir;
    this.#machine = new VirtualMachine(options);
  }

  /** Builds the board image if this host has none yet. */
  async prepare(signal: AbortSignal, progress: Progress): Promise<void> {
    this.#image = await ensureImage({
      kind: this.#kind,
      signal,
      progress: ({ step, detail }) =>
        progress('preparing', detail === undefined ? step : `${step}: ${detail}`),
    });
  }

  async powerOn({ fresh, signal, attachConsole }: PowerOnOptions): Promise<void> {
    if (!this.#image) throw new HarnessError('power-on before prepare');
    await this.#machine.start({ image: this.#image, fresh, signal, beforeRun: attachConsole });
  }

  async powerOff(): Promise<void> {
    await this.#machine.quit();
  }

  async reset(): Promise<void> {
    await this.#machine.reset();
  }

  async state(): Promise<HardwareState> {
    return await this.#machine.state();
  }

  async adopt(): Promise<boolean> {
    return await this.#machine.adopt();
  }

  detach(): Promise<void> {
    this.#machine.detach();
    return Promise.resolve();
  }

  onEvent(listener: (event: HardwareEvent, detail: string) => void): void {
    this.#machine.onEvent(listener);
  }

  console(): ConsoleTransportConfig {
    return { type: 'pty', path: this.#machine.consolePath };
  }

  ssh(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.#machine.sshPort };
  }

  emulatorSeconds(): ReadonlyMap<number, number> | null {
    const { pid } = this.#machine;
    return pid === null ? null : threadSeconds(pid);
  }

  air(): { kind: string; socket: string } {
    return { kind: this.#kind, socket: this.#machine.airPath };
  }

  bootPlace(): BootPlace | null {
    return kindOf(this.#kind).machine.firmware === 'u-boot' ? bootPlaceOf(this.#dir) : null;
  }

  /** What it boots by itself. */
  knownGood(): KnownGood | null {
    if (!this.#image) return null;
    const { kernel, initrd } = this.#image;
    return { kernel, initrd, bootargs: kindOf(this.#kind).machine.kernelArguments.join(' ') };
  }

  memoryBytes(): Promise<number | null> {
    return Promise.resolve(this.#machine.memoryBytes());
  }

  async saveSnapshot(name: string): Promise<void> {
    await this.#machine.saveSnapshot(name);
  }

  async loadSnapshot(name: string): Promise<void> {
    await this.#machine.loadSnapshot(name);
  }

  async freeze(): Promise<void> {
    await this.#machine.freeze();
  }

  async thaw(): Promise<void> {
    await this.#machine.thaw();
  }

  async sendBreak(): Promise<void> {
    await this.#machine.sendBreak();
  }

  async setNetworkLink(up: boolean): Promise<void> {
    await this.#machine.setNetworkLink(up);
  }
}
