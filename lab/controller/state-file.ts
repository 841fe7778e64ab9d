/** What a controller must know to go on where another was killed. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { LabError } from '../errors.ts';

const State = z.object({
  leases: z.array(
    z.object({
      id: z.string(),
      token: z.number().int(),
      board: z.string(),
      owner: z.string(),
      run: z.string().nullable(),
      since: z.string(),
      waitedMs: z.number(),
      expiresAt: z.number(),
      endState: z.enum(['off', 'on']),
      fresh: z.boolean(),
    }),
  ),
  tokens: z.record(z.string(), z.number().int()),
  runs: z.array(z.object({ run: z.string(), dir: z.string(), command: z.string() })),
  /** Boards that someone wants to stay on without a lease. */
  keptOn: z.array(z.string()),
});
export type ControllerState = z.output<typeof State>;

const EMPTY: ControllerState = { leases: [], tokens: {}, runs: [], keptOn: [] };

/** Reads the state; an absent file is a first start. Throws LabError, moving it aside, when it is not readable. */
export function readState(path: string): ControllerState {
  if (!existsSync(path)) return EMPTY;
  try {
    return State.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    renameSync(path, `${path}.unreadable`);
    throw new LabError(`the controller's state could not be read and was moved to ${path}.unreadable`, {
      cause,
    });
  }
}

/** Replaces the state at once: a reader sees the old or the new one. */
export function writeState(path: string, state: ControllerState): void {
  writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
