/** What a board died of on its own, from the moment it is seen until somebody has read what the board kept of it. */
import { messageOf, ProductError } from '../errors.ts';
import type { JournalSink } from '../journal/event.ts';
import type { CrashWatch } from '../kernel/crash-watch.ts';
import type { BoardState } from './board.ts';
import type { Console } from './console/console.ts';
import { type Patient, readRemains } from './post-mortem.ts';

/** The line with which a panic ends: kernel/panic.c. */
const PANIC_END = /end Kernel panic|Rebooting in \d+ seconds/;
/** A slow console takes its time, and what is not waited for is lost. */
const PANIC_MS = 30_000;

export interface MortalBoard {
  name: string;
  console: Console;
  crashes: CrashWatch;
  journal: JournalSink;
  state: () => BoardState;
  patient: () => Promise<Patient>;
  suspect: (why: string) => void;
}

export class Death {
  readonly #board: MortalBoard;
  #cause: ProductError | null = null;
  /** Where on the console it was seen. */
  #position = 0;

  constructor(board: MortalBoard) {
    this.#board = board;
  }

  /** Null while the board is well, or what it died of has been dealt with. */
  get cause(): ProductError | null {
    return this.#cause;
  }

  /** The kernel is at its end. Gives what is under way on the board its reason. */
  crashed(message: string, code: string): ProductError {
    const { name: board, console: port } = this.#board;
    this.#position = port.position;
    const hint = `what led to it is in console.log; the board is power-cycled before it is used again`;
    this.#cause = new ProductError(`${board}: ${message}`, { board, code, hint });
    return this.#cause;
  }

  /** It runs anew without having been told to. What it died of before that explains more. */
  rebooted(what: string, code: string): ProductError {
    const { name: board } = this.#board;
    const death = new ProductError(`${board} ${what}`, { board, code });
    this.#cause ??= death;
    return death;
  }

  /** The harness has ended the board's life itself. */
  overtaken(): void {
    this.#cause = null;
  }

  /** Nobody wants to know of it; the board is power-cycled before it is used again. */
  forget(): void {
    if (this.#cause) this.#board.suspect(this.#cause.message);
    this.#cause = null;
  }

  /**
   * Resolves when a board that panics has said all: it prints for some time, and keeps its log for after the reset only
   * then. Never throws.
   */
  async restOfPanic(signal: AbortSignal): Promise<void> {
    const { console: port, journal, state } = this.#board;
    if (state() !== 'crashed' || this.#cause?.code !== 'kernel-panic') return;
    try {
      const limits = { timeoutMs: PANIC_MS, signal };
      const end = await port.expect(PANIC_END, { ...limits, from: this.#position });
      await port.expect('\n', { ...limits, from: end.position });
    } catch (error) {
      journal.append('journal.note', { message: `the end of the panic was not seen: ${messageOf(error)}` });
    }
  }

  /**
   * Resets the board, unless it has rebooted (cutting the power would lose what the kernel kept in memory), reads what it
   * kept, and leaves it to be power-cycled before it is used again. Nothing on one that lives. Never throws.
   */
  async postMortem(signal: AbortSignal): Promise<void> {
    if (!this.#cause) return;
    const { name, crashes, journal, state, patient, suspect } = this.#board;
    await this.restOfPanic(signal);
    crashes.settle();
    const crashed = state() === 'crashed';
    this.#cause = null;
    try {
      const asked = await patient();
      if (crashed) await asked.reset(signal);
      await asked.boot(signal);
      await readRemains(asked, signal);
    } catch (error) {
      const message = `what ${name} kept of its crash could not be read: ${messageOf(error)}`;
      journal.append('journal.note', { message });
    }
    if (crashed) suspect('it crashed');
  }
}
