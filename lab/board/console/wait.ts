/** Waiting for something on a console: with a deadline, an abort, and an error that tells what was seen instead. */
import { abortReason, LabError } from '../../errors.ts';

export interface WaitOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface ConsoleView {
  board: string;
  tail(count: number): string[];
  /** Aborted when the console is closed for good. */
  closed: AbortSignal;
}

/** Until `subscribe` resolves. `act` is done once it listens. Throws LabError (code `timeout`), or why it was aborted. */
export async function waitOn<T>(
  view: ConsoleView,
  { timeoutMs = 30_000, signal }: WaitOptions,
  what: string,
  subscribe: (resolve: (value: T) => void) => () => void,
  act?: () => Promise<void>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const late = `waited ${Number((timeoutMs / 1000).toPrecision(3))} s on the console ${what.slice(0, 300)}`;
  const timer = setTimeout(() => reject(timeout(view, late)), timeoutMs);
  const abort = signal ? AbortSignal.any([view.closed, signal]) : view.closed;
  const onAbort = () => reject(abortReason(abort));
  if (abort.aborted) onAbort();
  else abort.addEventListener('abort', onAbort, { once: true });
  const unsubscribe = subscribe(resolve);
  try {
    if (!abort.aborted) act?.().catch(reject);
    return await promise;
  } finally {
    clearTimeout(timer);
    abort.removeEventListener('abort', onAbort);
    unsubscribe();
  }
}

/** A deadline that passed, with the last lines seen. */
export function timeout({ board, tail }: ConsoleView, message: string): LabError {
  const seen = tail(5).join('\n  ');
  return new LabError(`${board}: ${message}`, {
    board,
    code: 'timeout',
    hint: seen === '' ? 'nothing was seen' : `last seen:\n  ${seen}`,
  });
}

/** Null in place of the error of a deadline; every other error is thrown. */
export async function orLate<T>(wait: Promise<T>): Promise<T | null> {
  try {
    return await wait;
  } catch (error) {
    if (error instanceof LabError && error.code === 'timeout') return null;
    throw error;
  }
}
