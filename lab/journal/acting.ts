/** Puts on record what the harness itself does to a board, so that what follows from it is not taken for a failure. */
import type { JournalSink, PayloadInput } from './event.ts';

/** Does the work, and records how long it took, whether it succeeded or not. */
export async function acting<T>(
  journal: JournalSink,
  action: PayloadInput<'harness.action'>['action'],
  detail: string,
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  let ok = false;
  try {
    const result = await work();
    ok = true;
    return result;
  } finally {
    journal.append('harness.action', { action, ok, durationMs: performance.now() - started, detail });
  }
}
