/** The tests of a run, out of its journal: each had a board under a lease of its own. */
import type { AnyEvent } from '../journal/event.ts';
import { ScopeEvents } from './scope-events.ts';

export interface JournalScope {
  board: string;
  test: string;
  events: ScopeEvents;
}

export class JournalScopes {
  /** By board. */
  readonly #open = new Map<string, JournalScope>();

  /** Takes the events of a journal in their order; gives a test that has ended with one, if any. */
  take(event: AnyEvent): JournalScope | null {
    const { board, mono } = event;
    if (board === null) return null;
    const atS = mono / 1e9;
    if (event.kind === 'lease.acquired') {
      // The owner of a lease is `run: test`.
      const test = event.data.owner.replace(/^[^:]*: /, '');
      this.#open.set(board, { board, test, events: new ScopeEvents(atS) });
      return null;
    }
    const open = this.#open.get(board);
    open?.events.take({ ...event, atS });
    if (event.kind !== 'lease.released') return null;
    this.#open.delete(board);
    return open ?? null;
  }

  /** Tests whose end the journal does not tell. */
  rest(): JournalScope[] {
    return [...this.#open.values()];
  }
}
