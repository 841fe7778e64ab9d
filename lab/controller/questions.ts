/** What people at the bench are asked to do, until one of them says that it is done. */
import { randomUUID } from 'node:crypto';
import { abortReason, ConfigError } from '../errors.ts';

export interface Question {
  id: string;
  board: string;
  request: string;
}

export class Questions {
  readonly #open = new Map<string, Question & { done: () => void }>();
  readonly #listeners = new Set<() => void>();

  /** Resolves when somebody has done it; rejects when the signal is aborted. */
  async ask(board: string, request: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortReason(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const id = randomUUID().slice(0, 4);
    const leave = () => reject(abortReason(signal));
    signal.addEventListener('abort', leave, { once: true });
    this.#open.set(id, { id, board, request, done: resolve });
    this.#changed();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
      this.#open.delete(id);
      this.#changed();
    }
  }

  list(): Question[] {
    return [...this.#open.values()].map(({ id, board, request }) => ({ id, board, request }));
  }

  /** It is done. Without an id: the only question there is. Throws ConfigError when it is not clear which. */
  done(id: string | undefined): Question {
    const all = [...this.#open.values()];
    const found = id === undefined && all.length === 1 ? all[0] : this.#open.get(id ?? '');
    if (!found)
      throw new ConfigError(
        id === undefined ? `${all.length} things are asked for` : `nothing is asked for under "${id}"`,
        {
          code: 'no-question',
          hint:
            all.length === 0
              ? 'nobody waits for anything'
              : all.map((each) => `${each.id}: ${each.request}`).join('; '),
        },
      );
    found.done();
    return { id: found.id, board: found.board, request: found.request };
  }

  /** Calls the listener whenever one is asked or done. Gives what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
