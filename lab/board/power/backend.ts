/** What a power switch is. One file a kind of switch; the registry is index.ts. */
import type { z } from 'zod';

export type SwitchState = 'on' | 'off';

/** One outlet. Whoever uses it sees to waiting, limits and confirmation (control.ts): a backend only switches. */
export interface PowerSwitch {
  /** For messages, such as `outlet 3 of pdu1 by PDUDaemon`. */
  readonly name: string;
  /** Rejects with LabError when the switch can't be reached or refuses, ConfigError when it can't be as described. */
  on(signal: AbortSignal): Promise<void>;
  off(signal: AbortSignal): Promise<void>;
  /** What the switch itself says; absent where it has no read-back. */
  state?(signal: AbortSignal): Promise<SwitchState>;
}

/** What a backend may use of its surroundings. */
export interface PowerContext {
  readonly board: string;
  /** Runs a program of the lab machine to its end and gives its standard output; LabError when that fails. */
  run(
    program: string,
    args: readonly string[],
    options: { signal: AbortSignal; timeoutMs?: number; stdin?: string },
  ): Promise<string>;
  /** Asks the person at the bench to do something; resolves when they say it is done. */
  ask(request: string, signal: AbortSignal): Promise<void>;
  /** Runs a command on the board by SSH, as a shutdown in order does; the connection may end with it. */
  onBoard(command: string, signal: AbortSignal): Promise<void>;
}

export interface PowerBackend<Schema extends z.ZodType = z.ZodType> {
  /** One line for `hil lab schema` and the README. */
  readonly title: string;
  /** Its part of a lab file, `type` included. */
  readonly config: Schema;
  /** Opens nothing: the first switch does. */
  create(config: z.output<Schema>, context: PowerContext): PowerSwitch;
}

/** Lets the compiler see that `create` takes what `config` gives. */
export function powerBackend<Schema extends z.ZodType>(backend: PowerBackend<Schema>): PowerBackend<Schema> {
  return backend;
}
