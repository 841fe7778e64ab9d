/** Errors of the harness. Each says whose fault it is, because the verdict follows from that. */

export type Fault = 'product' | 'config' | 'lab' | 'harness';

export interface ErrorDetails {
  /** The board on which it happened. */
  board?: string;
  /** What to try next: a sentence or a command. */
  hint?: string;
  /** Stable word for programs, such as `timeout`, `aborted`, `lease-lost`, `busy`. */
  code?: string;
  cause?: unknown;
}

/** Base of every error thrown on purpose; never thrown itself. */
export abstract class HilError extends Error {
  abstract readonly fault: Fault;
  readonly board: string | undefined;
  readonly hint: string | undefined;
  readonly code: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.board = details.board;
    this.hint = details.hint;
    this.code = details.code;
  }
}

/** The device under test misbehaved: its driver, firmware, kernel or userland. */
export class ProductError extends HilError {
  readonly fault = 'product';
}

/** The lab failed (power, cable, peer, server, disk); nothing is known of the product. */
export class LabError extends HilError {
  readonly fault = 'lab';
}

/** The lab file, the suite or the command line is wrong. */
export class ConfigError extends HilError {
  readonly fault = 'config';
}

/** A bug of the harness itself. */
export class HarnessError extends HilError {
  readonly fault = 'harness';
}

const CLASSES = { product: ProductError, lab: LabError, config: ConfigError, harness: HarnessError } as const;

/** An error of the given fault: for borders that carry the fault as data. */
export function errorOf(fault: Fault, message: string, details: ErrorDetails = {}): HilError {
  return new CLASSES[fault](message, details);
}

/** Any thrown value as a HilError; what was not thrown on purpose is a bug of the harness. */
export function asHilError(thrown: unknown): HilError {
  if (thrown instanceof HilError) return thrown;
  if (thrown instanceof Error) return new HarnessError(thrown.message, { cause: thrown });
  return new HarnessError(String(thrown));
}

/** The message of any thrown value, on one line where it is one. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Why a signal was aborted, as a HilError: its reason if that is one, else a cancellation (code `aborted`). */
export function abortReason(signal: AbortSignal): HilError {
  const reason: unknown = signal.reason;
  if (reason instanceof HilError) return reason;
  const timeout = reason instanceof Error && reason.name === 'TimeoutError';
  return timeout
    ? new LabError('it took too long', { code: 'timeout' })
    : new LabError('cancelled', { code: 'aborted' });
}
