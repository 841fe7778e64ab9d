/** A console on a Unix socket: QEMU's `-chardev socket,path=...,server=on,wait=off`, a container's console. */
import { z } from 'zod';
import { absolutePath } from '../../config/fields.ts';
import { deviceAppeared } from './device.ts';
import { connected, streamPort } from './socket.ts';
import { consoleCable } from './transport.ts';

export const unix = consoleCable({
  title: "a Unix stream socket, such as that of QEMU's chardev",
  config: z.strictObject({ type: z.literal('unix'), path: absolutePath }),
  create: ({ path }) => {
    const name = `socket ${path}`;
    return {
      name,
      open: async (signal) => streamPort(name, await connected(name, { path }, signal)),
      appeared: (signal) => deviceAppeared(path, signal),
    };
  },
});
