/** Where things live on the lab machine. All can be moved by environment variables, so that tests stay apart. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, messageOf } from './errors.ts';

/** The checkout (or the installed package). */
export const PROJECT_ROOT = join(import.meta.dirname, '..');

function baseDir(variable: string, xdg: string, fallback: string): string {
  const own = process.env[variable];
  if (own !== undefined && own !== '') return resolve(own);
  const base = process.env[xdg];
  return join(base !== undefined && base !== '' ? base : join(homedir(), fallback), 'hil');
}

/** Board images and downloaded packages; may be deleted at any time no board is on. `HIL_CACHE_DIR`. */
export function cacheDir(): string {
  return baseDir('HIL_CACHE_DIR', 'XDG_CACHE_HOME', '.cache');
}

/** The controller's socket, lock, leases, keys and a folder a board. One controller a state folder. `HIL_STATE_DIR`. */
export function stateDir(): string {
  return baseDir('HIL_STATE_DIR', 'XDG_STATE_HOME', '.local/state');
}

/** One folder a run. `HIL_RUNS_DIR`; default `runs` in the working directory. */
export function runsDir(): string {
  const own = process.env.HIL_RUNS_DIR;
  return resolve(own !== undefined && own !== '' ? own : 'runs');
}

/** Makes one of these folders, with those above it. Throws ConfigError when that can't be, or it can't be written to. */
export function makeFolder(path: string, mode = 0o755): void {
  try {
    makeWithParents(path, mode);
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new ConfigError(`${path} can't be used as a folder: ${messageOf(cause)}`, {
      code: 'folder-unusable',
      hint: 'HIL_CACHE_DIR, HIL_STATE_DIR and HIL_RUNS_DIR say where things are kept',
      cause,
    });
  }
}

/** Not mkdir's `recursive`: in Node.js 24 that never returns where a file system refuses with ENOENT, as /proc and autofs do. */
function makeWithParents(path: string, mode: number): void {
  const code = made(path, mode);
  if (code !== 'ENOENT') return;
  const parent = dirname(path);
  if (parent !== path) makeWithParents(parent, mode);
  mkdirSync(path, { mode });
}

/** Null when it is there now, or the code of what is in the way if that may be mended. */
function made(path: string, mode: number): 'ENOENT' | null {
  try {
    mkdirSync(path, { mode });
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return null;
    if (code === 'ENOENT') return code;
    throw error;
  }
}

/** What the kernel takes for the address of a Unix socket; the longest here are those of the boards. */
const SOCKET_PATH_BYTES = 107;

/** Throws ConfigError when the state folder's path is too long for sockets to be made in it. */
export function socketPath(state = stateDir()): string {
  const longest = join(state, 'boards/0123456789/qmp.sock');
  if (Buffer.byteLength(longest) > SOCKET_PATH_BYTES)
    throw new ConfigError(`the path of the state folder is too long for sockets: ${state}`, {
      code: 'folder-unusable',
      hint: 'set HIL_STATE_DIR to a shorter one',
    });
  return join(state, 'controller.sock');
}

/** Held (flock) by the controller for as long as it lives; guards of virtual boards wait on it. */
export function lockPath(state = stateDir()): string {
  return join(state, 'controller.lock');
}

export function boardDir(board: string, state = stateDir()): string {
  return join(state, 'boards', board);
}
