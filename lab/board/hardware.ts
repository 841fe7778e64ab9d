/** What a board is wired to: power, console, network. One implementation a kind of wiring; QEMU is one. */
import type { BootPlace, KnownGood } from './boot/place.ts';
import type { Console } from './console/console.ts';
import type { ConsoleTransportConfig } from './console/index.ts';
import type { Remote } from './remote.ts';

/** What the hardware reports of itself; what was asked of it (a reset, a power-off) is not reported. */
export type HardwareEvent = 'exit' | 'reset' | 'panicked' | 'watchdog';
export type HardwareState = 'off' | 'on' | 'frozen' | 'panicked';

export type Progress = (state: string, detail: string) => void;

export interface PowerOnOptions {
  /** Start from a clean disk, where the board has such a thing. */
  fresh: boolean;
  signal: AbortSignal;
  /** To be called before the board runs, when its console is a new device each time. */
  attachConsole: () => Promise<void>;
}

/** By what a board shows that it lives. */
export interface BoardLife {
  console: Console | null;
  remote: Remote;
}

export interface BoardHardware {
  /** Called once, by the board that has this hardware. */
  bind?(life: BoardLife): void;
  /** Makes ready what power-on needs (such as an image). Quick when there is nothing to do. */
  prepare(signal: AbortSignal, progress: Progress): Promise<void>;
  powerOn(options: PowerOnOptions): Promise<void>;
  /** Cuts the power: no shutdown, as pulling the plug. */
  powerOff(): Promise<void>;
  /** The reset line, power staying on; where there is none, the power. */
  reset(signal: AbortSignal): Promise<void>;
  state(): Promise<HardwareState>;
  /** Attaches to a board that was left powered by an earlier process; false when it is off. */
  adopt(): Promise<boolean>;
  /** Lets go of a powered board without touching its power. */
  detach(): Promise<void>;
  onEvent(listener: (event: HardwareEvent, detail: string) => void): void;
  /** Known once powered; null where the board has none. */
  console(): ConsoleTransportConfig | null;
  /** The console is a cable of its own, there with and without power: it is always read. */
  readonly consoleStays?: boolean;
  /** Nothing switches it: it is rebooted by SSH. */
  readonly alwaysOn?: boolean;
  ssh(): { host: string; port: number };
  memoryBytes(): Promise<number | null>;

  /** Where its boot loader fetches what the lab gives it; null or absent where no such place is known. */
  bootPlace?(): BootPlace | null;
  /** By which a board is saved that does not come up any more; null or absent where none is known. */
  knownGood?(): KnownGood | null;

  /** Until it is disposed of, the power is not cut: something is being written that must not be torn. */
  holdPower?(why: string): Disposable;

  /** Only boards with capability `snapshot`. */
  saveSnapshot?(name: string): Promise<void>;
  loadSnapshot?(name: string): Promise<void>;
  /** Where the console's cable has no break of its own. */
  sendBreak?(): Promise<void>;
  /** Only virtual boards: the whole machine stands still, as in a hard hang. */
  freeze?(): Promise<void>;
  thaw?(): Promise<void>;
  /** Only virtual boards: the cable of the management network. */
  setNetworkLink?(up: boolean): Promise<void>;
  /** Only virtual boards: processor time that each thread of the emulator has used, in seconds; null when it is off. */
  emulatorSeconds?(): ReadonlyMap<number, number> | null;
  /** Only virtual boards: their kind, and the socket by which their radios can be in a shared air. */
  air?(): { kind: string; socket: string };
}
