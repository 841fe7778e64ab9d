/** When to try again what is at the other end of a network: soon at first, then more seldom. */

const FIRST_MS = 250;
const LAST_MS = 5000;

/** How long to wait after so many attempts in vain (1 and more): 0.25 s, doubled each time, 5 s at most. */
export function backOffMs(failures: number): number {
  return Math.min(LAST_MS, FIRST_MS * 2 ** (Math.max(1, failures) - 1));
}

/** Resolves after that time, or when the signal is aborted. */
export async function backOff(signal: AbortSignal, failures: number): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, backOffMs(failures));
  const done = () => resolve();
  signal.addEventListener('abort', done, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', done);
}
