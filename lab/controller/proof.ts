/** What doctor-class checks of a board mean for the trust in it. */
import type { CheckResult } from '../board/doctor/check.ts';
import { type ExamineOptions, examine } from '../board/doctor/examine.ts';
import type { Progress } from '../board/hardware.ts';
import { LabError } from '../errors.ts';
import type { Controller } from './controller.ts';
import type { Session } from './session.ts';

/** What a board must have to be used at all; a tool that is missing is no reason to lock it away. */
const VITAL: readonly string[] = ['power', 'boot', 'ssh', 'console'];

/** Examines a board; what comes of it is its health. */
export async function prove(
  lab: Controller,
  { board }: Session,
  options: Omit<ExamineOptions, 'modems'>,
): Promise<CheckResult[]> {
  const results = await examine(board, { ...options, modems: lab.modemsOf(board.name) });
  const wrong = firstVital(results);
  lab.health.happened(board.name, wrong ? 'failed' : 'proven', wrong ? `${wrong.area}: ${wrong.detail}` : '');
  return results;
}

/** Of a board that is in doubt: throws LabError, code `quarantined`, unless it is switched, booted and reached as it should be. */
export async function mustBeProven(
  lab: Controller,
  session: Session,
  options: { fresh: boolean; signal: AbortSignal; progress: Progress },
): Promise<void> {
  const { board } = session;
  const { health, why } = lab.health.of(board.name);
  const { fresh, signal, progress } = options;
  const results = await prove(lab, session, {
    ...{ fix: false, fresh, signal },
    onStart: (title) => progress(board.state, `${health} (${why}); proving that ${title}`),
    onResult: () => undefined,
  });
  const wrong = firstVital(results);
  if (!wrong) return;
  throw new LabError(`${board.name} is quarantined: ${wrong.detail}`, {
    board: board.name,
    code: 'quarantined',
    hint: `${wrong.todo}; then: hil doctor ${board.name}`,
  });
}

function firstVital(results: readonly CheckResult[]): CheckResult | undefined {
  return results.find(({ area, status }) => status === 'wrong' && VITAL.includes(area));
}
