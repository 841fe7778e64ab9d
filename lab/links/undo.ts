/** Steps to be undone, last first, each of them even if another fails. */
import { LabError, messageOf } from '../errors.ts';

export class UndoStack {
  #steps: { name: string; run: () => Promise<unknown> }[] = [];

  push(name: string, run: () => Promise<unknown>): void {
    this.#steps.push({ name, run });
  }

  /** Undoes everything once; throws LabError naming what could not be undone. */
  async undo(): Promise<void> {
    const failures: string[] = [];
    for (const { name, run } of this.#steps.splice(0).reverse()) {
      try {
        await run();
      } catch (error) {
        failures.push(`${name}: ${messageOf(error)}`);
      }
    }
    if (failures.length > 0)
      throw new LabError(`not everything could be undone: ${failures.join('; ')}`, { code: 'undo-failed' });
  }
}
