/** A console on a serial port, by the serialport package: locked, with line settings and break. */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SerialPort, SerialPortMock } from 'serialport';
import { z } from 'zod';
import { absolutePath } from '../../config/fields.ts';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
import { handOver } from './handover.ts';
import { BREAK_MS, baudRate, modemLine } from './line.ts';
import { lockHolder, lockPort, named, usersOf } from './port-users.ts';
import { type ConsolePort, consoleCable } from './transport.ts';

const SETTLE_MS = 2000;

const config = z.strictObject({
  type: z.literal('serial'),
  /** A link below /dev/serial/by-path or by-id names the same port after each plugging in. */
  path: absolutePath,
  baudRate,
  dataBits: z.union([z.literal(8), z.literal(7), z.literal(6), z.literal(5)]).default(8),
  parity: z.enum(['none', 'odd', 'even']).default('none'),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  dtr: modemLine,
  rts: modemLine,
});
export type SerialSettings = z.output<typeof config>;

export const serial = consoleCable({
  title: 'a serial port of the lab machine, any baud rate up to 4000000, with break',
  config,
  create: (settings) => ({
    name: settings.path,
    open: () => openSerial(settings),
    appeared: (signal) => deviceAppeared(settings.path, signal),
  }),
});

interface OpenOptions {
  path: string;
  baudRate: number;
  dataBits: 5 | 6 | 7 | 8;
  parity: 'none' | 'odd' | 'even';
  stopBits: 1 | 2;
  lock: boolean;
  hupcl: boolean;
  autoOpen: false;
}

/** Loaded by those labs alone that have a serial port. */
async function ownPort(options: OpenOptions): Promise<SerialPort> {
  const { SerialPort: Port } = await import('serialport');
  return new Port(options);
}

/** @param make the port, closed: another one than the machine's for tests */
export async function openSerial(
  settings: SerialSettings,
  make: (options: OpenOptions) => SerialPort | SerialPortMock | Promise<SerialPort> = ownPort,
): Promise<ConsolePort> {
  const { path, baudRate, dataBits, parity, stopBits } = settings;
  const device = await realpath(path).catch(() => path);
  await refuseLocked(path, device);
  // hupcl: false, for on some boards a falling DTR is a reset.
  const port = await make({
    ...{ path, baudRate, dataBits, parity, stopBits },
    ...{ lock: true, hupcl: false, autoOpen: false },
  });
  let reason = 'closed';
  // A write that fails because the port goes away is told here too; without a listener it would end the process.
  port.on('error', (error) => {
    reason = messageOf(error);
  });
  const failure = await new Promise<Error | null>((resolve) => port.open(resolve));
  if (failure) throw await refused(path, device, failure);
  const lock = await lockPort(device);
  port.once('close', () => void lock.release());
  const close = async (): Promise<void> => {
    if (!port.isOpen) return;
    await new Promise<void>((resolve) => port.close(() => resolve()));
    await lock.release();
  };
  try {
    await keepModemLines(device);
    if (settings.dtr !== 'keep' || settings.rts !== 'keep') await set(port, settings, false);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    onData: (listener) => void port.on('data', listener),
    onClose: (listener) => {
      if (!port.isOpen) listener(reason);
      else port.once('close', (error: Error | null) => listener(error ? messageOf(error) : reason));
    },
    write: (bytes) =>
      handOver({
        device: path,
        // After a hang-up write() of this package never calls back, so the close is awaited beside it.
        start: (done) => {
          if (!port.isOpen) return done(new LabError('it is not open any more', { code: 'absent' }));
          port.write(bytes, (error) => (error ? done(error) : port.drain(done)));
        },
        onGone: (listener) => {
          port.once('close', listener);
          return () => void port.off('close', listener);
        },
        discard: () => {
          reason = 'took no input';
          port.flush(() => void close());
        },
      }),
    sendBreak: async () => {
      await set(port, settings, true);
      await new Promise((resolve) => setTimeout(resolve, BREAK_MS));
      await set(port, settings, false);
    },
    close,
  };
}

/** Throws LabError, code `absent`, naming who has locked the port the way of UUCP. */
async function refuseLocked(path: string, device: string): Promise<void> {
  const holder = await lockHolder(device);
  if (holder === null) return;
  throw new LabError(`cannot open the serial port ${path}: ${named(holder)} has locked it`, {
    code: 'absent',
    hint: 'another program has it open: end it',
  });
}

async function refused(path: string, device: string, cause: Error): Promise<LabError> {
  const users = /lock/i.test(cause.message) ? await usersOf(device) : [];
  const who =
    users.length === 0 ? 'or this controller has, under another board' : users.map(named).join(', ');
  const hint = /lock/i.test(cause.message)
    ? `another program has it open: ${who}`
    : 'check the cable, and that this user may use it (group dialout)';
  return new LabError(`cannot open the serial port ${path}: ${cause.message}`, {
    code: 'absent',
    hint,
    cause,
  });
}

/**
 * The package leaves HUPCL as it finds it, and a port has it set at first: DTR and RTS would fall at each close, which on
 * some boards is a reset. Where it can't be cleared, they do.
 */
async function keepModemLines(device: string): Promise<void> {
  await promisify(execFile)('stty', ['-F', device, '-hupcl'], { timeout: SETTLE_MS }).catch(() => undefined);
}

/** The package sets break, DTR and RTS together; opening a port has raised both lines, so `keep` is on. */
async function set(
  port: SerialPort | SerialPortMock,
  { dtr, rts }: SerialSettings,
  brk: boolean,
): Promise<void> {
  const lines = { brk, dtr: dtr !== 'off', rts: rts !== 'off' };
  await new Promise<void>((resolve, reject) =>
    port.set(lines, (cause) => {
      if (!cause) return resolve();
      const wanted = `break ${brk}, DTR ${lines.dtr}, RTS ${lines.rts}`;
      reject(
        new LabError(`the serial port ${port.path} can't set ${wanted}: ${messageOf(cause)}`, {
          code: 'unsupported',
          cause,
        }),
      );
    }),
  );
}
