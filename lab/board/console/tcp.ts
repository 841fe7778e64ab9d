/** A console on raw TCP: ser2net's `tcp`, many terminal servers' "raw" ports, QEMU's `-serial tcp:`. */
import { z } from 'zod';
import { host, tcpPort } from '../../config/fields.ts';
import { backOff } from './backoff.ts';
import { connected, streamPort } from './socket.ts';
import { consoleCable } from './transport.ts';

export const tcp = consoleCable({
  title: 'raw TCP, as of ser2net or a terminal server: no break, no line settings',
  config: z.strictObject({ type: z.literal('tcp'), host, port: tcpPort }),
  create: ({ host, port }) => {
    const name = `tcp ${host}:${port}`;
    return {
      name,
      open: async (signal) => streamPort(name, await connected(name, { host, port }, signal)),
      appeared: backOff,
    };
  },
});
