/** A console on a pseudo-terminal or any tty that needs no line settings: QEMU's `-chardev pty`. */
import { closeSync, constants, lstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { isatty, ReadStream } from 'node:tty';
import { z } from 'zod';
import { absolutePath } from '../../config/fields.ts';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
import { streamPort } from './socket.ts';
import { type ConsolePort, consoleCable } from './transport.ts';

export const pty = consoleCable({
  title: 'a pseudo-terminal, or any terminal that needs no line settings',
  config: z.strictObject({ type: z.literal('pty'), path: absolutePath }),
  create: ({ path }) => ({
    name: path,
    // A promise even of what fails at once.
    open: async () => openPty(path),
    appeared: (signal) => deviceAppeared(path, signal),
  }),
});

function openPty(path: string): ConsolePort {
  let stream: ReadStream;
  try {
    const target = realpathSync(path);
    if (isOthers(path, target)) throw new LabError(`${target} belongs to another program by now`);
    const fd = openSync(target, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    if (!isatty(fd)) {
      closeSync(fd);
      throw new LabError(`${target} is no terminal`);
    }
    stream = new ReadStream(fd);
    stream.setRawMode(true);
  } catch (cause) {
    throw new LabError(`cannot open the console ${path}: ${messageOf(cause)}`, { code: 'absent', cause });
  }
  // EIO is how a tty tells that its other side has hung up.
  return streamPort(path, stream);
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
