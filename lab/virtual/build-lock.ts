/** One builder at a time in a cache: the others wait for it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { abortReason, LabError, messageOf } from '../errors.ts';
import { makeFolder } from '../paths.ts';
import { type ImageProgress, imagesDir } from './image-cache.ts';

/** Holds the build lock until disposed of. The kernel frees it when this process dies, however it dies. */
export async function buildLock(
  report: (event: ImageProgress) => void,
  signal: AbortSignal | undefined,
): Promise<AsyncDisposable> {
  makeFolder(imagesDir());
  const path = join(imagesDir(), '.lock');
  // `cat` ends with the pipe, so with this process; and the lock with `cat`.
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const held = Promise.withResolvers<void>();
  const failed = (what: string): void => held.reject(new LabError(`cannot lock ${path}: ${what}`));
  holder.once('error', (error) => failed(messageOf(error)));
  holder.once('exit', (code) => failed(`flock exit ${code}`));
  holder.stdout.once('data', () => held.resolve());
  const release = async (): Promise<void> => {
    const gone = new Promise((done) => holder.once('close', done));
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    holder.kill();
    holder.stdin.destroy();
    await gone;
  };
  const waiting = setTimeout(() => report({ step: 'waiting for another builder' }), 500);
  const onAbort = (): void => {
    if (signal !== undefined) held.reject(abortReason(signal));
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await held.promise;
  } catch (error) {
    await release();
    throw error;
  } finally {
    clearTimeout(waiting);
    signal?.removeEventListener('abort', onAbort);
  }
  return { [Symbol.asyncDispose]: release };
}
