/** Steps to be undone, last first, each of them even if another fails. */
import { LabError, messageOf } from '../errors.ts';

interface Step {
  name: string;
  run: () => Promise<unknown>;
}

export class UndoStack {
  #steps: Step[] = [];
  #undoing: Promise<void> | null = null;

  push(name: string, run: () => Promise<unknown>): void {
    this.#steps.push({ name, run });
  }

  /**
   * Undoes everything; throws LabError naming what could not be undone, which is tried again at the next call. Calls at
   * the same time share the work.
   */
  undo(): Promise<void> {
    this.#undoing ??= this.#undo().finally(() => {
      this.#undoing = null;
    });
    return this.#undoing;
  }

  async #undo(): Promise<void> {
    const failures: string[] = [];
    const left: Step[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step.run();
      } catch (error) {
        failures.push(`${step.name}: ${messageOf(error)}`);
        left.unshift(step);
      }
    }
    this.#steps.unshift(...left);
    if (failures.length > 0)
      throw new LabError(`not everything could be undone: ${failures.join('; ')}`, { code: 'undo-failed' });
  }
}
