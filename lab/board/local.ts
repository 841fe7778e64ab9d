/** This machine as one that links and traffic can run on, in place of one behind SSH. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { abortReason, ConfigError, LabError, messageOf, ProductError } from '../errors.ts';
import type { JournalSink } from '../journal/event.ts';
import type { CommandResult, Remote, RemoteProcess, RunOptions, StreamOptions, Transfer } from './remote.ts';
import { LineSplitter } from './ssh/lines.ts';
import { recordCommand } from './ssh/record.ts';

const RUN_MS = 30_000;
const GRACE_MS = 2000;
/** Most characters of output of a command. */
const OUTPUT = 32 * 1024 * 1024;

export class LocalRemote implements Remote {
  readonly name: string;
  readonly #journal: JournalSink | undefined;
  readonly #running = new Set<LocalProcess>();

  constructor(name: string, journal?: JournalSink) {
    this.name = name;
    this.#journal = journal;
  }

  async run(command: string, options: RunOptions = {}): Promise<CommandResult> {
    const { timeoutMs = RUN_MS, signal, quiet = false } = options;
    const end = recordCommand(quiet ? undefined : this.#journal, this.name, command);
    const started = performance.now();
    const output = { stdout: '', stderr: '' };
    try {
      await using program = this.#start(command, {
        onData: (chunk, stream) => {
          if (output[stream].length < OUTPUT) output[stream] += chunk.toString();
        },
      });
      const exit = await limited(program, timeoutMs, signal, this.name);
      end({ exitCode: exit.exitCode, ...output });
      return { ...exit, ...output, durationMs: performance.now() - started };
    } catch (error) {
      end({ exitCode: null, ...output, error: messageOf(error) });
      throw error;
    }
  }

  async check(command: string, options?: RunOptions): Promise<string> {
    const { exitCode, signal, stdout, stderr } = await this.run(command, options);
    if (exitCode === 0) return stdout;
    throw new ProductError(
      `${this.name}: \`${command.slice(0, 200)}\` ended with ${exitCode ?? signal}: ${stderr.trim().slice(-500)}`,
      { board: this.name, code: 'command-failed' },
    );
  }

  stream(command: string, options: StreamOptions = {}): Promise<RemoteProcess> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    const program = this.#start(command, options);
    const stop = () => void program.stop();
    signal?.addEventListener('abort', stop, { once: true });
    const off = () => signal?.removeEventListener('abort', stop);
    program.exited.then(off, off);
    return Promise.resolve(program);
  }

  async upload(
    source: Buffer | { path: string },
    path: string,
    options: { mode?: number; signal?: AbortSignal } = {},
  ): Promise<Transfer> {
    const aside = `${path}.hil-${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(dirname(path), { recursive: true });
      if (Buffer.isBuffer(source)) await writeFile(aside, source);
      else await copyFile(source.path, aside);
      await chmod(aside, options.mode ?? 0o644);
      const transfer = await transferOf(aside);
      await rename(aside, path);
      return transfer;
    } catch (cause) {
      // Where it could not be made, there is nothing to remove.
      await rm(aside, { force: true }).catch(() => undefined);
      throw new LabError(`${this.name}: ${path} can't be written: ${messageOf(cause)}`, { cause });
    }
  }

  async download(path: string, localPath: string): Promise<Transfer> {
    try {
      await copyFile(path, localPath);
      return await transferOf(localPath);
    } catch (cause) {
      throw new ConfigError(`${this.name}: ${path} can't be read: ${messageOf(cause)}`, { cause });
    }
  }

  /** Ends what was started here and still runs. */
  async reap(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.stop()));
  }

  disconnect(): void {
    // Nothing is held open.
  }

  #start(command: string, options: StreamOptions): LocalProcess {
    const child = spawn('sh', ['-c', command], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const program = new LocalProcess(child, this.name, options);
    this.#running.add(program);
    const ended = () => void this.#running.delete(program);
    program.exited.then(ended, ended);
    return program;
  }
}

class LocalProcess implements RemoteProcess {
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, machine: string, { onLine, onData, stdin }: StreamOptions) {
    this.#child = child;
    for (const stream of ['stdout', 'stderr'] as const) {
      const lines = onLine ? new LineSplitter((line) => onLine(line, stream)) : null;
      child[stream]?.on('data', (chunk: Buffer) => {
        onData?.(chunk, stream);
        lines?.push(chunk);
      });
      child[stream]?.on('end', () => lines?.end());
    }
    // A program that does not read all of its input has its reasons; its exit code tells.
    child.stdin?.on('error', () => child.stdin?.destroy());
    if (stdin === undefined || Buffer.isBuffer(stdin)) child.stdin?.end(stdin);
    else if (child.stdin) pipeline(stdin, child.stdin).catch(() => child.stdin?.destroy());
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<typeof this.exited>>();
    child.once('error', (cause) =>
      reject(new LabError(`${machine}: no shell could be started: ${messageOf(cause)}`, { cause })),
    );
    child.once('close', (exitCode, signal) =>
      resolve({ exitCode, signal: signal === null ? null : signal.replace(/^SIG/, '') }),
    );
    this.exited = promise;
    promise.catch(() => undefined);
  }

  get pgid(): number {
    return this.#child.pid ?? -1;
  }

  kill(signal: 'INT' | 'TERM' | 'KILL' = 'TERM'): Promise<void> {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, `SIG${signal}`);
    } catch (error) {
      if (!/ESRCH/.test(messageOf(error))) return Promise.reject(error);
    }
    return Promise.resolve();
  }

  async stop(graceMs = GRACE_MS): Promise<void> {
    if (this.#ended) return;
    await this.kill('TERM');
    const timer = setTimeout(() => void this.kill('KILL'), graceMs);
    // Its children may hold its output open: what counts is that it has gone.
    if (!this.#ended) await once(this.#child, 'exit');
    clearTimeout(timer);
    await this.kill('KILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #ended(): boolean {
    const { exitCode, signalCode, pid } = this.#child;
    return exitCode !== null || signalCode !== null || pid === undefined;
  }
}

async function limited(
  program: LocalProcess,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  machine: string,
): ReturnType<() => LocalProcess['exited']> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new LabError(`${machine}: no end within ${timeoutMs / 1000} s`, { code: 'timeout' })),
    timeoutMs,
  );
  const onAbort = () => signal && late.reject(abortReason(signal));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([program.exited, late.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

async function transferOf(path: string): Promise<Transfer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex'), via: 'channel' };
}
