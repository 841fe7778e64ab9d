/** A console that a program gives on its standard input and output: `conserver`'s client, `virsh console`, `picocom`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { LabError, messageOf } from '../../errors.ts';
import { LineSplitter, sanitize } from '../../text.ts';
import { backOff } from './backoff.ts';
import { handOver } from './handover.ts';
import { type ConsolePort, consoleCable } from './transport.ts';

/** A program that was asked to end has this long. */
const GRACE_MS = 2000;

export const command = consoleCable({
  title: 'any program whose standard input and output are the console',
  config: z.strictObject({
    type: z.literal('command'),
    argv: z
      .array(z.string())
      .min(1, 'expected the program and its arguments, such as [console, -M, host, b1]'),
  }),
  create: ({ argv }) => {
    const name = `program ${argv[0]}`;
    return { name, open: () => openCommand(name, argv), appeared: backOff };
  },
});

async function openCommand(name: string, [program = '', ...args]: readonly string[]): Promise<ConsolePort> {
  // A group of its own: what it starts is ended with it.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new LabError(`cannot open the console ${name}: ${messageOf(cause)}`, {
      code: 'absent',
      hint: 'is the program installed, and in the PATH of the lab controller?',
      cause,
    });
  }
  const told = new LineSplitter({ maxLength: 500 });
  let last = '';
  child.stderr.on('data', (bytes: Buffer) => {
    for (const { text } of told.push(bytes)) if (sanitize(text).trim() !== '') last = sanitize(text);
  });
  child.stderr.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  const ended = Promise.withResolvers<string>();
  let late: NodeJS.Timeout | undefined;
  const end = () => {
    kill(child.pid, 'SIGTERM');
    late ??= setTimeout(() => kill(child.pid, 'SIGKILL'), GRACE_MS);
  };
  // What it started may hold its output open.
  child.once('exit', end);
  child.once('close', (code, signal) => {
    clearTimeout(late);
    const how = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
    const why = sanitize(told.partial).trim() === '' ? last : sanitize(told.partial);
    ended.resolve(why === '' ? how : `${how}: ${why}`);
  });
  return {
    onData: (listener) => void child.stdout.on('data', listener),
    onClose: (listener) => void ended.promise.then(listener),
    write: (bytes) =>
      handOver({
        device: name,
        start: (done) =>
          child.stdin.writable
            ? void child.stdin.write(bytes, done)
            : done(new LabError('it has ended', { code: 'absent' })),
        onGone: (listener) => {
          child.once('exit', listener);
          return () => void child.off('exit', listener);
        },
        discard: end,
      }),
    close: async () => {
      end();
      // Without a reader its last words would keep it from ending.
      child.stdout.resume();
      await ended.promise;
    },
  };
}

function kill(group: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (group !== undefined) process.kill(-group, signal);
  } catch {
    // All of the group have ended.
  }
}
