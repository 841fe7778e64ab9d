/** What a console needs of its cable. One file a kind of cable; the registry is index.ts. */
import type { z } from 'zod';

export interface ConsolePort {
  onData(listener: (bytes: Buffer) => void): void;
  /** Called once, when the device has gone or the port was closed; says why. */
  onClose(listener: (reason: string) => void): void;
  /** Resolves when the bytes have been handed to the device; rejects with LabError when it is gone or takes none. */
  write(bytes: Buffer): Promise<void>;
  /** A break condition on the line; absent where the cable has none. */
  sendBreak?(): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleTransport {
  /** For messages, such as a path, or `tcp ts1:7001`. */
  readonly name: string;
  /** Opens the device; rejects with LabError when that fails, code `absent` when it is not there now. */
  open(signal?: AbortSignal): Promise<ConsolePort>;
  /**
   * Resolves when the device may have come (back), or when the signal is aborted.
   * @param failures how often it was in vain since the cable last held, 1 and more: what is far away is asked more seldom
   */
  appeared(signal: AbortSignal, failures: number): Promise<void>;
}

export interface ConsoleCable<Schema extends z.ZodType = z.ZodType> {
  /** One line for `hil lab schema` and the README. */
  readonly title: string;
  /** Its part of a lab file, `type` included. */
  readonly config: Schema;
  /** Opens nothing. */
  create(config: z.output<Schema>): ConsoleTransport;
}

/** Lets the compiler see that `create` takes what `config` gives. */
export function consoleCable<Schema extends z.ZodType>(cable: ConsoleCable<Schema>): ConsoleCable<Schema> {
  return cable;
}
