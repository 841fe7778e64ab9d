/** A board on the bench: its power switch, its console cable and its address, as the lab file has them. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HarnessError, LabError, messageOf } from '../errors.ts';
import { replaceFile } from '../replace-file.ts';
import type { BootPlace, KnownGood } from './boot/place.ts';
import type { ConsoleTransportConfig } from './console/index.ts';
import type { BoardHardware, BoardLife, HardwareState, PowerOnOptions } from './hardware.ts';
import type { PowerControl } from './power/control.ts';

export interface WiredOptions {
  board: string;
  /** Where it is kept whether the board is on, for switches that can't tell. */
  dir: string;
  /** Makes its power switch, which looks whether the board still lives; null where nothing switches the board. */
  power: ((life: BoardLife) => PowerControl) | null;
  console: ConsoleTransportConfig | null;
  ssh: { host: string; port: number };
  bootPlace: BootPlace | null;
  knownGood: KnownGood | null;
}

/** How long a switch may take, its waiting included. */
const SWITCH_MS = 120_000;

const KEPT = z.object({ state: z.enum(['on', 'off']) });

export class WiredHardware implements BoardHardware {
  readonly consoleStays = true;
  readonly alwaysOn: boolean;
  readonly #options: WiredOptions;
  #power: PowerControl | null = null;

  constructor(options: WiredOptions) {
    this.#options = options;
    this.alwaysOn = options.power === null;
  }

  bind(life: BoardLife): void {
    this.#power = this.#options.power?.(life) ?? null;
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  async powerOn({ signal }: PowerOnOptions): Promise<void> {
    if (!this.#power) return;
    await this.#power.on(signal);
    this.#keep('on');
  }

  async powerOff(): Promise<void> {
    const { board } = this.#options;
    if (!this.#power)
      throw new LabError(`nothing switches ${board}, so it can't be switched off`, {
        board,
        code: 'unsupported',
        hint: 'give it a "power" in the lab file',
      });
    await this.#power.off(AbortSignal.timeout(SWITCH_MS));
    this.#keep('off');
  }

  holdPower(why: string): Disposable {
    return this.#power?.holdForFlash(why) ?? { [Symbol.dispose]: () => undefined };
  }

  /** A board on the bench has no reset line that we could pull: its power is cycled. */
  async reset(signal: AbortSignal): Promise<void> {
    const { board } = this.#options;
    if (!this.#power) throw new HarnessError(`${board} is to be rebooted by SSH`, { board });
    await this.#power.cycle(signal);
    this.#keep('on');
  }

  async state(): Promise<HardwareState> {
    if (!this.#power) return 'on';
    return (await this.#power.state(AbortSignal.timeout(SWITCH_MS))) ?? this.#kept();
  }

  async adopt(): Promise<boolean> {
    return (await this.state()) === 'on';
  }

  detach(): Promise<void> {
    return Promise.resolve();
  }

  /** A switch tells nothing by itself. */
  readonly onEvent = (): void => undefined;

  console(): ConsoleTransportConfig | null {
    return this.#options.console;
  }

  ssh(): { host: string; port: number } {
    return this.#options.ssh;
  }

  bootPlace(): BootPlace | null {
    return this.#options.bootPlace;
  }

  knownGood(): KnownGood | null {
    return this.#options.knownGood;
  }

  memoryBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  get #path(): string {
    return join(this.#options.dir, 'power.json');
  }

  #keep(state: 'on' | 'off'): void {
    mkdirSync(this.#options.dir, { recursive: true, mode: 0o700 });
    replaceFile(this.#path, JSON.stringify({ state }));
  }

  /** What it was switched to last; off when that is not known: who needs the board then switches it on. */
  #kept(): 'on' | 'off' {
    try {
      return KEPT.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).state;
    } catch (error) {
      if (/ENOENT/.test(messageOf(error))) return 'off';
      throw new LabError(`${this.#path} is damaged: ${messageOf(error)}`, {
        board: this.#options.board,
        hint: `delete ${this.#path}`,
      });
    }
  }
}
