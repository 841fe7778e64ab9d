/** A few held shells, opened on demand: a slow command does not hold up a quick one. */
import type { HeldShell } from './shell.ts';

export class ShellPool {
  readonly #open: () => Promise<HeldShell>;
  readonly #limit: number;
  #idle: HeldShell[] = [];
  #count = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(open: () => Promise<HeldShell>, limit: number) {
    this.#open = open;
    this.#limit = limit;
  }

  /** Puts in one that was opened elsewhere. */
  add(shell: HeldShell): void {
    this.#count += 1;
    this.#idle.push(shell);
  }

  /** A shell for the caller alone, until given back. Waits its turn when all are taken. */
  async take(): Promise<HeldShell> {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle?.usable === true) return idle;
      if (idle !== undefined) {
        this.#count -= 1;
        continue;
      }
      if (this.#count < this.#limit) {
        this.#count += 1;
        try {
          return await this.#open();
        } catch (error) {
          this.#count -= 1;
          this.#wakeOne();
          throw error;
        }
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  give(shell: HeldShell): void {
    if (shell.usable) {
      this.#idle.push(shell);
    } else {
      shell.close();
      this.#count -= 1;
    }
    this.#wakeOne();
  }

  #wakeOne(): void {
    this.#waiting.shift()?.();
  }
}
