/** Puts on record what the harness itself does to a board, so that what follows from it is not taken for a failure. */
import type { JournalSink, PayloadInput } from './event.ts';

/** Does the work, and records how long it took whether it succeeds or not. */
export async function acting<T>(
  journal: JournalSink,
  action: PayloadInput<'harness.action'>['action'],
  detail: string,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    journal.append('harness.action', { action, durationMs: performance.now() - started, detail });
  }
}
