/** Finds the controller of this lab machine, or starts it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { labFile, VIRTUAL } from '../config/find.ts';
import { LabError, messageOf } from '../errors.ts';
import { lockPath, makeFolder, PROJECT_ROOT, socketPath, stateDir } from '../paths.ts';

const START_DEADLINE_MS = 30_000;
/** Exit code of flock(1) when another controller holds the lock. */
const LOCKED = 75;

/** Connects to a controller that is there already; null when there is none. */
export async function connectIfRunning(state = stateDir()): Promise<Socket | null> {
  const socket = createConnection(socketPath(state));
  try {
    await once(socket, 'connect');
    return socket;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    // Reset: one that was ending, or was killed, as we came.
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET') return null;
    throw new LabError(`cannot connect to the lab controller at ${socketPath(state)}: ${String(cause)}`, {
      hint:
        code === 'EACCES'
          ? 'it belongs to another user; set HIL_STATE_DIR for a lab of your own'
          : 'hil lab status',
      cause,
    });
  }
}

/** Connects to the controller, starting one when there is none. */
export async function connectOrStart(state = stateDir()): Promise<Socket> {
  makeFolder(state, 0o700);
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline) {
    const socket = await connectIfRunning(state);
    if (socket !== null) return socket;
    // What is wrong with the lab file is told here, not by a controller that ends at once.
    if (labFile() !== null) (await import('../config/lab.ts')).loadLab();
    await startController(state, AbortSignal.timeout(Math.max(1, deadline - Date.now())));
  }
  throw await startFailure(state, 'it did not listen in time');
}

/** Resolves when a controller may be listening: ours said so, or another start was under way and the socket changed. */
async function startController(state: string, signal: AbortSignal): Promise<void> {
  const log = openLog(join(state, 'controller.log'));
  // The launcher, for a client may run under another Node.js than the pinned one. With V8's usual room for young objects
  // (48 MB in all) the memory of a controller that only passes messages on grows for some 20,000 commands.
  const launcher = [join(PROJECT_ROOT, 'lab/cli/node'), '--max-semi-space-size=2'];
  const node = [...launcher, join(PROJECT_ROOT, 'lab/controller/main.ts')];
  const child = spawn(
    'flock',
    ['--no-fork', '--nonblock', '--conflict-exit-code', String(LOCKED), lockPath(state), ...node],
    {
      cwd: '/',
      detached: true,
      env: { ...process.env, HIL_STATE_DIR: state, HIL_LAB: labFile() ?? VIRTUAL },
      stdio: ['ignore', log, log, 'pipe'],
    },
  );
  closeSync(log);
  child.unref();
  const ready = child.stdio[3];
  if (!ready || !('on' in ready)) throw await startFailure(state, 'no pipe to it');
  // The pipe ends when the controller closes it (it listens now) or dies.
  const exit = once(child, 'exit', { signal }).then(([code]: unknown[]) => code);
  const listening = new Promise<'listening'>((resolve) => {
    ready.on('data', () => resolve('listening'));
  });
  const outcome = await Promise.race([listening, exit]).catch((cause: unknown) => {
    throw new LabError('the lab controller did not start in time', {
      hint: `see ${join(state, 'controller.log')}`,
      cause,
    });
  });
  exit.catch(() => undefined);
  if ('destroy' in ready) ready.destroy();
  if (outcome === 'listening') return;
  if (outcome !== LOCKED) throw await startFailure(state, `it ended with exit code ${String(outcome)}`);
  await socketChange(state, signal);
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new LabError(
      `the lab controller could not be started: its log can't be written: ${messageOf(cause)}`,
      {
        hint: 'check the disk and who may write there, or set HIL_STATE_DIR to another folder',
        cause,
      },
    );
  }
}

/** Another controller is starting or ending: its socket will come, or its lock will go. */
async function socketChange(state: string, signal: AbortSignal): Promise<void> {
  const watcher = watch(state);
  const tick = AbortSignal.any([signal, AbortSignal.timeout(200)]);
  await once(watcher, 'change', { signal: tick }).catch(() => undefined);
  watcher.close();
}

async function startFailure(state: string, what: string): Promise<LabError> {
  const path = join(state, 'controller.log');
  const log = await readFile(path, 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-12).join('\n');
  return new LabError(`the lab controller could not be started: ${what}`, {
    hint: tail === '' ? `see ${path}` : `the end of ${path}:\n${tail}`,
  });
}
