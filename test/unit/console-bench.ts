/** Consoles for tests: on a cable that is a pair of functions, and on a real shell behind a real pseudo-terminal. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProfile } from '../../devices/profile.ts';
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import type { ConsolePort, ConsoleTransport } from '../../lab/board/console/transport.ts';
import type { EventKind, JournalSink, PayloadInput } from '../../lab/journal/event.ts';

export interface Recorded {
  kind: EventKind;
  data: PayloadInput<EventKind>;
}

export interface Bench extends AsyncDisposable {
  console: Console;
  /** Comes from the board. */
  say: (bytes: string | Buffer) => void;
  typed: string[];
  events: Recorded[];
  /** Texts of the recorded lines. */
  lines: () => string[];
  /** Names of the recorded events of the console. */
  happened: () => string[];
  hangUp: () => void;
}

export interface BenchOptions {
  /** What the board makes of what is typed. */
  answer?: (typed: string, say: (text: string) => void) => void;
  rawPath?: string;
  prompt?: Partial<DeviceProfile['console']>;
}

/** A console on a cable that is a pair of functions. */
export async function bench({ answer, rawPath, prompt }: BenchOptions = {}): Promise<Bench> {
  const typed: string[] = [];
  const events: Recorded[] = [];
  let listener: (bytes: Buffer) => void = () => undefined;
  let closed: (reason: string) => void = () => undefined;
  const say = (bytes: string | Buffer) => listener(Buffer.from(bytes));
  const journal: JournalSink = { append: (kind, data) => void events.push({ kind, data }) };
  const port = (): ConsolePort => ({
    onData: (each) => {
      listener = each;
    },
    onClose: (each) => {
      closed = each;
    },
    write: (bytes) => {
      typed.push(bytes.toString());
      if (answer) setImmediate(answer, bytes.toString(), say);
      return Promise.resolve();
    },
    close: () => Promise.resolve(closed('closed')),
  });
  const console = new Console({
    board: 'b',
    transport: () => ({
      name: 'cable',
      open: () => Promise.resolve(port()),
      appeared: () => Promise.resolve(),
    }),
    journal,
    prompt: { ...virtual.console, ...prompt },
    ...(rawPath === undefined ? {} : { rawPath }),
  });
  await console.open();
  return {
    console,
    say,
    typed,
    events,
    lines: () => texts(events, 'console.line', 'text'),
    happened: () => texts(events, 'console.event', 'event'),
    hangUp: () => closed('hang-up'),
    [Symbol.asyncDispose]: () => console.close(),
  };
}

export function texts(events: readonly Recorded[], kind: EventKind, field: string): string[] {
  return events
    .filter((event) => event.kind === kind)
    .map(({ data }) => String(Object.entries(data).find(([name]) => name === field)?.[1]));
}

/** Two pseudo-terminals joined to each other, or one joined to a program; ended by SIGTERM to socat. */
export async function socat(link: string, other: string): Promise<ChildProcess> {
  const child = spawn('socat', [`PTY,link=${link},rawer`, other], { stdio: 'ignore' });
  while (!existsSync(link)) {
    assert.equal(child.exitCode, null, 'socat has ended');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

export interface ShellBench extends AsyncDisposable {
  console: Console;
  events: Recorded[];
}

/** What comes of each piece of bytes between the board and the console. */
export type Tamper = (bytes: Buffer) => Buffer;

/** A real shell on a real pseudo-terminal, on a line that may be tampered with in both directions. */
export async function shellOnPty(
  folder: string,
  shell: string,
  tamper: { received?: Tamper; typed?: Tamper } = {},
): Promise<ShellBench> {
  const path = join(folder, `pty-${Math.random().toString(36).slice(2)}`);
  const child = await socat(path, `EXEC:${shell},pty,stderr,setsid,ctty`);
  const transport = makeTransport({ type: 'pty', path });
  const events: Recorded[] = [];
  const console = new Console({
    board: 'b',
    transport: () => tampered(transport, tamper),
    journal: { append: (kind, data) => void events.push({ kind, data }) },
    prompt: virtual.console,
  });
  await console.open();
  // A shell that is still starting would die of Ctrl-\.
  await console.expect(/[#$]/, { from: 0, timeoutMs: 30_000 });
  return {
    console,
    events,
    [Symbol.asyncDispose]: async () => {
      await console.close();
      await end(child);
    },
  };
}

function tampered(
  transport: ConsoleTransport,
  { received = same, typed = same }: { received?: Tamper; typed?: Tamper },
): ConsoleTransport {
  return {
    ...transport,
    open: async () => {
      const port = await transport.open();
      return {
        ...port,
        onData: (listener) => port.onData((bytes) => listener(received(bytes))),
        write: (bytes) => port.write(typed(bytes)),
      };
    },
  };
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
