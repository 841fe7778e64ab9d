/** What a controller must know to go on where another was killed. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { replaceFile } from '../replace-file.ts';

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
      scope: z.object({ test: z.string(), dir: z.string() }).nullable().default(null),
    }),
  ),
  tokens: z.record(z.string(), z.number().int()),
  runs: z.array(z.object({ run: z.string(), dir: z.string(), command: z.string() })),
  /** Boards that someone wants to stay on without a lease. */
  keptOn: z.array(z.string()),
  /** Why, by board. Absent in what an older controller wrote. */
  quarantined: z.record(z.string(), z.string()).default({}),
});
export type ControllerState = z.output<typeof State>;

const EMPTY: ControllerState = { leases: [], tokens: {}, runs: [], keptOn: [], quarantined: {} };

/** Reads the state; an absent file is a first start. One that can't be read counts as empty, which `tell` is told. */
export function readState(path: string, tell: (message: string) => void): ControllerState {
  if (!existsSync(path)) return EMPTY;
  try {
    return State.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    tell(`what an earlier controller knew is lost, ${path} could not be read: ${messageOf(error)}`);
    // Kept for whoever wants to know; the boards matter more than this file.
    try {
      renameSync(path, `${path}.unreadable`);
    } catch (renaming) {
      tell(messageOf(renaming));
    }
    return EMPTY;
  }
}

/** Replaces the state at once: a reader sees the old or the new one. */
export function writeState(path: string, state: ControllerState): void {
  replaceFile(path, JSON.stringify(state));
}
