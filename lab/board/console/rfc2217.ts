/** A console on a serial port of a terminal server whose line this side sets: telnet with RFC 2217. */
import { z } from 'zod';
import { host, tcpPort } from '../../config/fields.ts';
import { LabError, messageOf } from '../../errors.ts';
import { backOff } from './backoff.ts';
import { CONTROL, ComPort, PARITY } from './com-port.ts';
import { BREAK_MS, baudRate, modemLine } from './line.ts';
import { connected } from './socket.ts';
import { SPOKEN } from './telnet.ts';
import { OPTION, TelnetSession } from './telnet-session.ts';
import { type ConsolePort, consoleCable } from './transport.ts';

const config = z.strictObject({
  type: z.literal('rfc2217'),
  host,
  port: tcpPort,
  baudRate,
  dataBits: z.union([z.literal(8), z.literal(7), z.literal(6), z.literal(5)]).default(8),
  parity: z.enum(Object.keys(PARITY) as (keyof typeof PARITY)[]).default('none'),
  stopBits: z.union([z.literal(1), z.literal(1.5), z.literal(2)]).default(1),
  dtr: modemLine,
  rts: modemLine,
  /** Forget what the server has kept from before. */
  purge: z.boolean().default(false),
});

export const rfc2217 = consoleCable({
  title: 'telnet with RFC 2217, as of ser2net: baud rate, line settings and break through the network',
  config,
  create: (settings) => {
    const name = `rfc2217 ${settings.host}:${settings.port}`;
    return { name, open: (signal) => openRfc2217(name, settings, signal), appeared: backOff };
  },
});

async function openRfc2217(
  name: string,
  settings: z.output<typeof config>,
  signal: AbortSignal | undefined,
): Promise<ConsolePort> {
  const { host, port, dtr, rts, purge } = settings;
  const socket = await connected(name, { host, port }, signal);
  const gone = (why: string, cause?: unknown) =>
    new LabError(`${name}: ${why} while the line was being set`, { code: 'absent', cause });
  const comPort = new ComPort(name, (payload) => session.subnegotiate(OPTION.comPort, payload));
  const session = new TelnetSession(socket, {
    local: new Set([...SPOKEN.local, OPTION.comPort]),
    remote: SPOKEN.remote,
    onSubnegotiation: (option, payload) => {
      if (option === OPTION.comPort) comPort.take(payload);
    },
    onRefused: (option) => {
      if (option !== OPTION.comPort) return;
      comPort.lose(
        new LabError(`${name}: the server refused the COM port option`, {
          code: 'unsupported',
          hint: 'this port does not speak RFC 2217: use the cable type telnet, or enable it at the server',
        }),
      );
    },
  });
  socket.once('close', () => comPort.lose(gone('the connection was closed')));
  socket.once('error', (error) => comPort.lose(gone(messageOf(error), error)));
  const onAbort = () => socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    session.offerComPort();
    await session.negotiate();
    await comPort.configure(settings);
    if (dtr !== 'keep') comPort.tell(dtr === 'on' ? CONTROL.dtrOn : CONTROL.dtrOff);
    if (rts !== 'keep') comPort.tell(rts === 'on' ? CONTROL.rtsOn : CONTROL.rtsOff);
    if (purge) await comPort.purge();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return {
    ...session.port(name),
    sendBreak: async () => {
      await comPort.control('break on', CONTROL.breakOn);
      await new Promise((resolve) => setTimeout(resolve, BREAK_MS));
      await comPort.control('break off', CONTROL.breakOff);
    },
  };
}
