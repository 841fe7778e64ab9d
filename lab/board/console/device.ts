/** A console device that is a path: awaiting it. */
import { watch } from 'node:fs';
import { dirname } from 'node:path';

/** Events of the folder tell of a new device; a look now and then covers what they miss (an unplugged adapter's driver). */
const LOOK_MS = 500;

/** Resolves at the next sign that a device node or link may have appeared, or when the signal is aborted. */
export async function deviceAppeared(path: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LOOK_MS);
  const done = () => resolve();
  signal.addEventListener('abort', done, { once: true });
  let watcher: ReturnType<typeof watch> | null = null;
  try {
    watcher = watch(dirname(path), done);
    watcher.on('error', done);
  } catch {
    // The folder isn't there either: the look now and then must do.
  }
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', done);
  watcher?.close();
}
