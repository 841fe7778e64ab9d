/** A console at the other end of a socket, TCP or Unix: connecting, and the port that a connected one is. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { abortReason, LabError, messageOf } from '../../errors.ts';
import { handOver } from './handover.ts';
import type { ConsolePort } from './transport.ts';

const CONNECT_MS = 10_000;
/** A terminal server that died without a word is noticed after this long of silence, and the probes of the system. */
const KEEP_ALIVE_MS = 10_000;

/** Throws LabError, code `absent`, when there is no connection within 10 s; or why it was aborted. */
export async function connected(
  name: string,
  where: NetConnectOpts,
  signal: AbortSignal | undefined,
): Promise<Socket> {
  if (signal?.aborted) throw abortReason(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(where);
  const onAbort = () => reject(signal ? abortReason(signal) : undefined);
  const timer = setTimeout(() => reject(new LabError(`no answer in ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  signal?.addEventListener('abort', onAbort, { once: true });
  socket.once('connect', resolve);
  socket.on('error', reject);
  try {
    await promise;
  } catch (cause) {
    socket.destroy();
    if (signal?.aborted) throw abortReason(signal);
    throw unreachable(name, messageOf(cause), cause);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

export function unreachable(name: string, why: string, cause?: unknown): LabError {
  return new LabError(`cannot open the console ${name}: ${why}`, {
    code: 'absent',
    hint: 'is its server up, does it listen there, and does nobody else have this console?',
    cause,
  });
}

/** The port of an open stream, which ends with it. */
export function streamPort(
  name: string,
  stream: Duplex,
  encode = (bytes: Buffer): Buffer => bytes,
): ConsolePort {
  let reason = 'the other side closed the connection';
  stream.on('error', (error) => {
    reason = messageOf(error);
  });
  return {
    onData: (listener) => void stream.on('data', listener),
    onClose: (listener) => {
      if (stream.closed) listener(reason);
      else stream.once('close', () => listener(reason));
    },
    write: (bytes) =>
      handOver({
        device: name,
        start: (done) =>
          stream.writable
            ? void stream.write(encode(bytes), done)
            : done(new LabError('it is not open any more', { code: 'absent' })),
        onGone: (listener) => {
          stream.once('close', listener);
          return () => void stream.off('close', listener);
        },
        discard: () => {
          reason = 'took no input';
          stream.destroy();
        },
      }),
    close: async () => {
      if (stream.closed) return;
      const closed = new Promise((resolve) => stream.once('close', resolve));
      reason = 'closed';
      stream.destroy();
      await closed;
    },
  };
}
