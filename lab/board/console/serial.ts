/** A console on a serial port, by the serialport package: locked, with a baud rate and break. */
import { SerialPort } from 'serialport';
import { LabError, messageOf } from '../../errors.ts';
import { deviceAppeared } from './device.ts';
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
  const port = new SerialPort({ path, baudRate, lock: true, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((cause) => {
      if (!cause) return resolve();
      const locked = /lock/i.test(cause.message);
      const hint = locked
        ? 'another program has it open'
        : 'check the cable, and that this user may use it (group dialout)';
      reject(
        new LabError(`cannot open the serial port ${path}: ${cause.message}`, {
          code: 'absent',
          hint,
          cause,
        }),
      );
    });
  });
  const gone = () => new LabError(`the serial port ${path} went away`, { code: 'absent' });
  return {
    onData: (listener) => void port.on('data', listener),
    onClose: (listener) =>
      void port.once('close', (error: Error | null) => listener(error ? messageOf(error) : 'closed')),
    // After a hang-up write() of this package never calls back, so the close is awaited beside it.
    write: async (bytes) => {
      if (!port.isOpen) throw gone();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const closed = () => reject(gone());
      port.once('close', closed);
      port.write(bytes, (error) =>
        error ? reject(gone()) : port.drain((late) => (late ? reject(gone()) : resolve())),
      );
      try {
        await promise;
      } finally {
        port.off('close', closed);
      }
    },
    sendBreak: async () => {
      await set(port, { brk: true });
      await new Promise((resolve) => setTimeout(resolve, BREAK_MS));
      await set(port, { brk: false });
    },
    close: async () => {
      if (!port.isOpen) return;
      await new Promise<void>((resolve) => port.close(() => resolve()));
    },
  };
}

async function set(port: SerialPort, lines: { brk: boolean }): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    port.set(lines, (error) => (error ? reject(error) : resolve())),
  );
}
