/** Which run this is and where its files go: shared by runner, workers and reporters through the environment. */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeFolder, runsDir } from '../paths.ts';

export interface RunIdentity {
  /** Such as `2026-11-21T071500-abc4`: UTC, sorts by time. */
  id: string;
  /** Absolute path of the run's folder. */
  dir: string;
}

/** A run's name from its start and some randomness, for two may start in the same second. */
export function newRunId(now = new Date(), salt = randomBytes(2).toString('hex')): string {
  return `${now.toISOString().slice(0, 19).replaceAll(':', '')}-${salt}`;
}

/** The run named by HIL_RUN and HIL_RUN_DIR; made up and put there when absent, so that child processes share it. */
export function runIdentity(env: NodeJS.ProcessEnv = process.env): RunIdentity {
  const id = env.HIL_RUN || (env.HIL_RUN_DIR ? basename(env.HIL_RUN_DIR) : newRunId());
  const dir = env.HIL_RUN_DIR || join(runsDir(), id);
  env.HIL_RUN = id;
  env.HIL_RUN_DIR = dir;
  return { id, dir };
}

/** Makes the run's folder, and `latest` beside it point to it. */
export function prepareRunDir(run: RunIdentity): void {
  makeFolder(run.dir);
  const latest = join(dirname(run.dir), 'latest');
  const next = `${latest}.${process.pid}`;
  rmSync(next, { force: true });
  symlinkSync(basename(run.dir), next);
  renameSync(next, latest);
}
