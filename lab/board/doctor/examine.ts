/** Walks the checks of a board, each told as soon as it is known, and leaves the board as it was found. */
import { asHilError } from '../../errors.ts';
import type { Board } from '../board.ts';
import { type CheckResult, type Patient, skipped, wrongBy } from './check.ts';
import { CHECKS } from './checks.ts';

export interface ExamineOptions {
  fix: boolean;
  /** Boot from a clean disk, where the board has such a thing. */
  fresh: boolean;
  /** What the lab file says is plugged into it. */
  modems: Patient['modems'];
  signal: AbortSignal;
  onStart: (title: string) => void;
  onResult: (result: CheckResult) => void;
}

/** Gives all results. A check that fails is a result, never an error; an abort is one. */
export async function examine(board: Board, options: ExamineOptions): Promise<CheckResult[]> {
  const { fix, fresh, modems, signal, onStart, onResult } = options;
  const mayPower = board.state === 'off' || board.state === 'quarantined';
  const patient: Patient = { board, signal, mayPower, fix, fresh, modems, userland: null, bootId: null };
  const results: CheckResult[] = [];
  const failed = new Set<string>();
  try {
    for (const { area, title, needs, run } of CHECKS) {
      signal.throwIfAborted();
      onStart(title);
      const blocked = needs.find((need) => failed.has(need));
      const answer =
        blocked === undefined
          ? await run(patient).catch((error: unknown) => {
              signal.throwIfAborted();
              return wrongBy(asHilError(error));
            })
          : skipped(`needs ${blocked}, which is wrong`);
      if (answer.status === 'wrong' || blocked !== undefined) failed.add(area);
      const result = { area, title, ...answer };
      results.push(result);
      onResult(result);
    }
  } finally {
    // Off it was, and off it is left.
    if (mayPower && board.state !== 'off' && !board.hardware.alwaysOn)
      await board.power('off', { signal: AbortSignal.timeout(60_000) });
  }
  return results;
}
