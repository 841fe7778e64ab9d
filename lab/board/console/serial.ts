/** A console on a serial port, by the serialport package: locked, with a baud rate and break. */
import { SerialPort } from 'serialport';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
import { handOver } from './handover.ts';
import type { ConsolePort, ConsoleTransport } from './transport.ts';

const BREAK_MS = 250;

export function serialTransport(path: string, baudRate: number): ConsoleTransport {
  return {
    name: path,
    open: () => openSerial(path, baudRate),
    appeared: (signal) => deviceAppeared(path, signal),
  };
}

async function openSerial(path: string, baudRate: number): Promise<ConsolePort> {
  // hupcl: false, for on some boards a falling DTR is a reset.
  const port = new SerialPort({ path, baudRate, lock: true, hupcl: false, autoOpen: false });
  let reason = 'closed';
  // A write that fails because the port goes away is told here too; without a listener it would end the process.
  port.on('error', (error) => {
    reason = messageOf(error);
  });
  await new Promise<void>((resolve, reject) => {
    port.open((cause) => (cause ? reject(refused(path, cause)) : resolve()));
  });
  const close = async (): Promise<void> => {
    if (!port.isOpen) return;
    await new Promise<void>((resolve) => port.close(() => resolve()));
  };
  return {
    onData: (listener) => void port.on('data', listener),
    onClose: (listener) =>
      void port.once('close', (error: Error | null) => listener(error ? messageOf(error) : reason)),
    write: (bytes) =>
      handOver({
        device: path,
        // After a hang-up write() of this package never calls back, so the close is awaited beside it.
        start: (done) => {
          if (!port.isOpen) return done(new Error('it is not open any more'));
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
      await set(port, { brk: true });
      await new Promise((resolve) => setTimeout(resolve, BREAK_MS));
      await set(port, { brk: false });
    },
    close,
  };
}

function refused(path: string, cause: Error): LabError {
  const hint = /lock/i.test(cause.message)
    ? 'another program has it open'
    : 'check the cable, and that this user may use it (group dialout)';
  return new LabError(`cannot open the serial port ${path}: ${cause.message}`, {
    code: 'absent',
    hint,
    cause,
  });
}

async function set(port: SerialPort, lines: { brk: boolean }): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    port.set(lines, (error) => (error ? reject(error) : resolve())),
  );
}
