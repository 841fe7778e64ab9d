/** A console on a pseudo-terminal or any tty that needs no line settings: QEMU's `-chardev pty`. */
import { closeSync, constants, lstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
import { handOver } from './handover.ts';
import type { ConsolePort, ConsoleTransport } from './transport.ts';

export function ptyTransport(path: string): ConsoleTransport {
  return {
    name: path,
    // A promise even of what fails at once.
    open: async () => openPty(path),
    appeared: (signal) => deviceAppeared(path, signal),
  };
}

function openPty(path: string): ConsolePort {
  let stream: ReadStream;
  try {
    const target = realpathSync(path);
    if (isOthers(path, target)) throw new Error(`${target} belongs to another program by now`);
    const fd = openSync(target, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    if (!isatty(fd)) {
      closeSync(fd);
      throw new Error(`${target} is no terminal`);
    }
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
    write: (bytes) =>
      handOver({
        device: path,
        start: (done) =>
          stream.writable ? void stream.write(bytes, done) : done(new Error('it is not open any more')),
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
      stream.destroy();
      await closed;
    },
  };
}

/**
 * Numbers of pseudo-terminals are given anew as soon as they are free: a link that was left behind leads to somebody
 * else's terminal, which is younger than the link. (The change time of a pts is the time it was made; I/O leaves it.)
 */
function isOthers(link: string, target: string): boolean {
  const info = lstatSync(link, { bigint: true });
  if (!info.isSymbolicLink() || !target.startsWith('/dev/pts/')) return false;
  return statSync(target, { bigint: true }).ctimeNs > info.mtimeNs;
}
