/** The registry of console cables: a new kind is one file here and one line in the table. */
import { z } from 'zod';
import { command } from './command.ts';
import { pty } from './pty.ts';
import { rfc2217 } from './rfc2217.ts';
import { serial } from './serial.ts';
import { ssh } from './ssh.ts';
import { tcp } from './tcp.ts';
import { telnet } from './telnet.ts';
import type { ConsoleCable, ConsoleTransport } from './transport.ts';
import { unix } from './unix.ts';

export const CABLES = { serial, tcp, telnet, rfc2217, ssh, unix, command, pty } as const;

export const ConsoleTransportConfig = z.discriminatedUnion('type', [
  serial.config,
  tcp.config,
  telnet.config,
  rfc2217.config,
  ssh.config,
  unix.config,
  command.config,
  pty.config,
]);
export type ConsoleTransportConfig = z.output<typeof ConsoleTransportConfig>;

export function makeTransport(config: ConsoleTransportConfig): ConsoleTransport {
  // The union was told apart by `type`, so the cable of that type takes it.
  const cable: ConsoleCable = CABLES[config.type];
  return cable.create(config);
}
