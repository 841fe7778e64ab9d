/** Handing bytes to a console device that may take none (a board that stands still) or go away meanwhile. */
import { LabError } from '../../errors.ts';

const TAKEN_MS = 10_000;

export interface Handover {
  /** For messages, such as a path. */
  device: string;
  /** Starts to write; calls back when the device has taken everything. */
  start: (done: (error?: Error | null) => void) => void;
  /** Registers what is to be called when the device goes away; gives what undoes that. */
  onGone: (listener: () => void) => () => void;
  /** Gives up on the device: what it has not taken by now must never arrive later, as a command out of nowhere. */
  discard: () => void;
}

/** Resolves when the bytes were taken; rejects with LabError, code `absent` or `timeout` (10 s), when they were not. */
export async function handOver({ device, start, onGone, discard }: Handover): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = (cause?: unknown) =>
    reject(new LabError(`the console ${device} went away`, { code: 'absent', cause }));
  const undo = onGone(() => gone());
  const timer = setTimeout(() => {
    reject(
      new LabError(`the console ${device} took no input for ${TAKEN_MS / 1000} s`, {
        code: 'timeout',
        hint: 'is the board frozen?',
      }),
    );
    discard();
  }, TAKEN_MS);
  start((error) => (error ? gone(error) : resolve()));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    undo();
  }
}
