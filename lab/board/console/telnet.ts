/** A console on telnet (RFC 854): terminal servers, `ser2net`'s `telnet`, QEMU's `-serial telnet:`. */
import { z } from 'zod';
import { host, tcpPort } from '../../config/fields.ts';
import { backOff } from './backoff.ts';
import { connected, streamPort } from './socket.ts';
import { BRK, IAC } from './telnet-codec.ts';
import { OPTION, TelnetSession } from './telnet-session.ts';
import { consoleCable } from './transport.ts';

/** As a client of a console wants it: eight bits both ways, and the other side's echo. */
export const SPOKEN = {
  local: new Set<number>([OPTION.binary, OPTION.suppressGoAhead]),
  remote: new Set<number>([OPTION.binary, OPTION.suppressGoAhead, OPTION.echo]),
};

export const telnet = consoleCable({
  title: "telnet, as of ser2net or a terminal server: with break; line settings are the server's",
  config: z.strictObject({ type: z.literal('telnet'), host, port: tcpPort }),
  create: ({ host, port }) => {
    const name = `telnet ${host}:${port}`;
    return {
      name,
      open: async (signal) => {
        const socket = await connected(name, { host, port }, signal);
        const session = new TelnetSession(socket, SPOKEN);
        await session.negotiate();
        return {
          ...session.port(name),
          sendBreak: () => streamPort(name, socket).write(Buffer.of(IAC, BRK)),
        };
      },
      appeared: backOff,
    };
  },
});
