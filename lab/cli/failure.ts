/** How a command ends: any thrown value becomes a message for a person and an exit code. */
import { constants } from 'node:os';
import { asHilError, type HilError } from '../errors.ts';
import { sanitizeLines } from '../text.ts';
import { EXIT_CODES, verdictOfFault } from '../verdict/verdict.ts';

/** The message of an error: what happened, on which board, what to try; for bugs of the harness also where. */
export function explain(error: HilError, debug = process.env.HIL_DEBUG === '1'): string {
  const where = error.board === undefined || error.message.includes(error.board) ? '' : `${error.board}: `;
  const lines = [`hil: ${where}${error.message}`];
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint.replaceAll('\n', '\n        ')}`);
  if (error.fault === 'harness') lines.push('  This is a bug of the harness.');
  if (error.fault === 'harness' || debug) lines.push(...stacks(error));
  // Messages quote what boards said.
  return sanitizeLines(lines.join('\n'));
}

function stacks(error: Error): string[] {
  const lines = (error.stack ?? error.message).split('\n').map((line) => `  ${line}`);
  return error.cause instanceof Error ? [...lines, '  caused by:', ...stacks(error.cause)] : lines;
}

/** The exit code of a command that ended with this. */
export function exitCodeOf(thrown: unknown): number {
  return EXIT_CODES[verdictOfFault(asHilError(thrown).fault)];
}

/** 128 + n, as shells report the end by a signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
