/** Where things live on the lab machine. All can be moved by environment variables, so that tests stay apart. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The checkout (or the installed package). */
export const PROJECT_ROOT = join(import.meta.dirname, '..');

function baseDir(variable: string, xdg: string, fallback: string): string {
  const own = process.env[variable];
  if (own !== undefined && own !== '') return own;
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
  return own !== undefined && own !== '' ? own : join(process.cwd(), 'runs');
}

export function socketPath(state = stateDir()): string {
  return join(state, 'controller.sock');
}

/** Held (flock) by the controller for as long as it lives; guards of virtual boards wait on it. */
export function lockPath(state = stateDir()): string {
  return join(state, 'controller.lock');
}

export function boardDir(board: string, state = stateDir()): string {
  return join(state, 'boards', board);
}
