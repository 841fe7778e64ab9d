/** Runs programs of the lab machine to their end. */
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { abortReason, LabError, messageOf } from './errors.ts';
import { killGroup } from './process.ts';

/** mke2fs is in /usr/sbin, which an ordinary user's PATH lacks. */
const searchPath = (): string[] => [
  ...(process.env.PATH ?? '').split(delimiter),
  ...['/usr/sbin', '/sbin', '/usr/bin', '/bin'],
];

/** Full path of a program, or null. */
export async function findTool(name: string): Promise<string | null> {
  for (const folder of searchPath()) {
    if (folder === '') continue;
    try {
      await access(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this folder
    }
  }
  return null;
}

export interface ToolOptions {
  /** The step it belongs to, for messages. */
  step: string;
  signal?: AbortSignal | undefined;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  stdin?: Buffer | string;
  /** Default two minutes. */
  timeoutMs?: number;
  /** Name the program sees itself under. */
  argv0?: string;
}

/**
 * Runs a program and gives its standard output. A non-zero exit, a signal or the time limit throws LabError with the
 * step, the command and the end of its standard error.
 */
export async function runTool(
  command: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<Buffer> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  const program = command.includes('/') ? command : ((await findTool(command)) ?? command);
  if (options.signal?.aborted) throw abortReason(options.signal);
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own, so that a pipeline ends as a whole.
    detached: true,
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
  });
  const out: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    err = `${err}${chunk.toString()}`.slice(-4000);
  });
  // A program that does not read all of its input has its reasons; its exit code tells.
  child.stdin.on('error', () => child.stdin.destroy());
  child.stdin.end(options.stdin ?? '');

  const ended = Promise.withResolvers<string | null>();
  let spawnError: Error | undefined;
  child.once('error', (error) => {
    spawnError = error;
    ended.resolve(messageOf(error));
  });
  child.once('close', (code, signal) => {
    if (spawnError === undefined) ended.resolve(code === 0 ? null : `exit ${code ?? `by ${signal}`}`);
  });
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped = why;
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const onAbort = (): void => stop('aborted');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => stop(`no end after ${timeoutMs / 1000} s`), timeoutMs);
  const failure = await ended.promise;
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', onAbort);
  if (options.signal?.aborted) throw abortReason(options.signal);
  if (failure === null && stopped === undefined) return Buffer.concat(out);
  throw toolError(options.step, [command, ...args], stopped ?? failure ?? 'unknown', err);
}

function toolError(step: string, argv: readonly string[], what: string, stderr: string): LabError {
  const line = argv.join(' ');
  const shown = line.length > 200 ? `${line.slice(0, 200)}...` : line;
  const space = /no space left|not enough free space|ENOSPC/i.test(stderr);
  return new LabError(`${step}: \`${shown}\`: ${what}${stderr === '' ? '' : `\n${stderr.trim()}`}`, {
    code: space ? 'no-space' : 'tool-failed',
    ...(space ? { hint: 'free some space, or move the cache with HIL_CACHE_DIR' } : {}),
  });
}
