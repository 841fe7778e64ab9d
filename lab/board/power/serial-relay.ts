/** A relay board on a serial port; the kinds of board are data in serial-relays.ts. */
import { z } from 'zod';
import { absolutePath } from '../../config/fields.ts';
import { LabError, messageOf } from '../../errors.ts';
import { powerBackend } from './backend.ts';
import { relayBytes, SERIAL_RELAYS, type SerialRelay } from './serial-relays.ts';

const hex = z
  .string()
  .regex(
    /^([0-9a-fA-F]{2}|\{n\}|\{digit\}|\{sum\})(\s+([0-9a-fA-F]{2}|\{n\}|\{digit\}|\{sum\}))*$/,
    'expected bytes in hex, such as "a0 {n} 01 {sum}"',
  );

export const serialRelay = powerBackend({
  title: 'relay board on a serial port',
  config: z.strictObject({
    type: z.literal('serial-relay'),
    path: absolutePath,
    model: z.enum(Object.keys(SERIAL_RELAYS)).default('lcus'),
    custom: z
      .strictObject({ baudRate: z.int().positive(), on: hex, off: hex, first: z.int().min(0).default(1) })
      .optional()
      .describe('in place of model'),
    channel: z.int().min(1).max(32).default(1),
  }),
  create: ({ path, model, custom, channel }) => {
    const name = `relay ${channel} on ${path}`;
    const known: Readonly<Record<string, SerialRelay>> = SERIAL_RELAYS;
    const board = custom ?? known[model] ?? SERIAL_RELAYS.lcus;
    const send = async (command: string, signal: AbortSignal): Promise<void> => {
      signal.throwIfAborted();
      const { SerialPort } = await import('serialport');
      // hupcl false: the falling DTR of some boards lets the relay go.
      const port = new SerialPort({ path, baudRate: board.baudRate, hupcl: false, autoOpen: false });
      const step = (work: (done: (error?: Error | null) => void) => void) =>
        new Promise<void>((resolve, reject) => work((error) => (error ? reject(error) : resolve())));
      try {
        await step((done) => port.open(done));
        await step((done) => port.write(relayBytes(command, channel, board.first), (error) => done(error)));
        await step((done) => port.drain(done));
      } catch (cause) {
        throw new LabError(`${name} can't be switched: ${messageOf(cause)}`, {
          code: 'switch-unreachable',
          hint: 'check the cable, and that this user may use the port (group dialout)',
          cause,
        });
      } finally {
        if (port.isOpen) await step((done) => port.close(done));
      }
    };
    return { name, on: (signal) => send(board.on, signal), off: (signal) => send(board.off, signal) };
  },
});
