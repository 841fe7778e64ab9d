/** What a check of the wiring is: one question, whose answer says what to do. */
import { z } from 'zod';
import type { HilError } from '../../errors.ts';
import type { Board } from '../board.ts';
import type { Userland } from '../userland.ts';

export const CheckResult = z.object({
  /** `power`, `console` ...: what the checks of a board have in common. */
  area: z.string(),
  title: z.string(),
  status: z.enum(['good', 'warning', 'wrong', 'skipped']),
  /** What was seen. */
  detail: z.string(),
  /** What to do about it; empty where it is good. */
  todo: z.string(),
});
export type CheckResult = z.output<typeof CheckResult>;
export type Answer = Omit<CheckResult, 'area' | 'title'>;

export interface Patient {
  board: Board;
  signal: AbortSignal;
  /** It was off, so it may be switched: it is left off again. */
  mayPower: boolean;
  /** Boot from a clean disk, where it has such a thing. */
  fresh: boolean;
  /** Install what is missing. */
  fix: boolean;
  /** What the lab file says is plugged into it. */
  modems: readonly { name: string; usb?: string; interface?: string }[];
  /** What earlier checks found out. */
  userland: Userland | null;
  /** The boot id that SSH told. */
  bootId: string | null;
}

export interface Check {
  area: string;
  title: string;
  /** Later checks that need it are skipped when it is wrong. */
  needs: readonly string[];
  run(patient: Patient): Promise<Answer>;
}

export const good = (detail: string): Answer => ({ status: 'good', detail, todo: '' });
export const warning = (detail: string, todo: string): Answer => ({ status: 'warning', detail, todo });
export const wrong = (detail: string, todo: string): Answer => ({ status: 'wrong', detail, todo });
export const skipped = (detail: string): Answer => ({ status: 'skipped', detail, todo: '' });

/** An error as the answer of a check. */
export function wrongBy(error: HilError): Answer {
  const [first = '', ...rest] = (error.hint ?? 'see hil lab status').split('\n');
  return wrong(error.message, [first, ...rest].join(' '));
}
