/** Waiting for a record of a kernel log that is to come. */
import { abortReason, type HilError } from '../errors.ts';
import type { KernelRecord } from './kmsg.ts';

export interface RecordLimits {
  timeoutMs: number;
  signal?: AbortSignal;
}

/**
 * The first record to come that is wanted, and what gives the wait up. Rejects with what `late` says when it does not come
 * in time, or with why the signal was aborted.
 */
export function nextRecord(
  subscribe: (listener: (record: KernelRecord) => void) => () => void,
  wanted: (record: KernelRecord) => boolean,
  limits: RecordLimits,
  late: () => HilError,
): [Promise<KernelRecord>, () => void] {
  const { signal, timeoutMs } = limits;
  let cancel: () => void = () => undefined;
  const seen = new Promise<KernelRecord>((resolve, reject) => {
    const finish = (settle: () => void) => {
      cancel();
      settle();
    };
    const onAbort = () => finish(() => reject(signal === undefined ? late() : abortReason(signal)));
    const timer = setTimeout(() => finish(() => reject(late())), timeoutMs);
    const forget = subscribe((record) => {
      if (wanted(record)) finish(() => resolve(record));
    });
    cancel = () => {
      clearTimeout(timer);
      forget();
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  // The command that makes the record come may fail first, and is then what is reported.
  seen.catch(() => undefined);
  return [seen, cancel];
}
