/** A console on a pseudo-terminal or any tty that needs no line settings: QEMU's `-chardev pty`. */
import { constants, openSync, realpathSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
import type { ConsolePort, ConsoleTransport } from './transport.ts';

const WRITE_MS = 10_000;

export function ptyTransport(path: string): ConsoleTransport {
  return {
    name: path,
    open: () => Promise.resolve(openPty(path)),
    appeared: (signal) => deviceAppeared(path, signal),
  };
}

function openPty(path: string): ConsolePort {
  let stream: ReadStream;
  try {
    const fd = openSync(realpathSync(path), constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    stream = new ReadStream(fd);
    stream.setRawMode(true);
  } catch (cause) {
    throw new LabError(`cannot open the console ${path}: ${messageOf(cause)}`, { code: 'absent', cause });
  }
  let reason = 'closed';
  // EIO is how a tty tells that its other side has hung up.
  stream.on('error', (error) => {
    reason = messageOf(error);
  });
  return {
    onData: (listener) => void stream.on('data', listener),
    onClose: (listener) => void stream.once('close', () => listener(reason)),
    write: (bytes) => writeAll(stream, path, bytes),
    close: async () => {
      if (stream.closed) return;
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.destroy();
      await closed;
    },
  };
}

/** A board that stands still takes nothing once the tty's buffer is full. */
async function writeAll(stream: ReadStream, path: string, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new LabError(`the console ${path} went away`, { code: 'absent' }));
  if (!stream.writable) gone();
  const late = () =>
    reject(
      new LabError(`the console ${path} takes no input`, { code: 'timeout', hint: 'is the board frozen?' }),
    );
  const timer = setTimeout(late, WRITE_MS);
  stream.once('close', gone);
  stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stream.off('close', gone);
  }
}
