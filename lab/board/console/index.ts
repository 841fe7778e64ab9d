/** The registry of console cables: a new kind is one file here and one line below. */
import { z } from 'zod';
import { ptyTransport } from './pty.ts';
import { serialTransport } from './serial.ts';
import type { ConsoleTransport } from './transport.ts';

export const ConsoleTransportConfig = z.discriminatedUnion('type', [
  z.object({ type: z.literal('pty'), path: z.string() }),
  z.object({ type: z.literal('serial'), path: z.string(), baudRate: z.number().int().positive() }),
]);
export type ConsoleTransportConfig = z.output<typeof ConsoleTransportConfig>;

export function makeTransport(config: ConsoleTransportConfig): ConsoleTransport {
  switch (config.type) {
    case 'pty':
      return ptyTransport(config.path);
    case 'serial':
      return serialTransport(config.path, config.baudRate);
  }
}
