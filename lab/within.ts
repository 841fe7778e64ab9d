/** Waiting with an end: an abort signal and a deadline around a promise. */
import { abortReason } from './errors.ts';

export interface Limits {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  /** The error of a missed deadline. */
  late: () => Error;
}

/** Settles as `work` does, unless the signal aborts (then abortReason is thrown) or the deadline passes first. */
export function within<T>(work: Promise<T>, limits: Limits): Promise<T> {
  const { signal, timeoutMs, late } = limits;
  if (signal?.aborted === true) {
    // The caller is told of the abort; how the abandoned work ends no longer matters to anyone.
    work.catch(() => undefined);
    return Promise.reject(abortReason(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => finish(() => reject(signal === undefined ? undefined : abortReason(signal)));
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => finish(() => reject(late())), timeoutMs);
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}
