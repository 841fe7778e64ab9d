/** What a console needs of its cable. One file a kind of cable; the registry is index.ts. */

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
  /** For messages, such as a path. */
  readonly name: string;
  /** Opens the device; rejects with LabError when that fails, code `absent` when it is not there now. */
  open(): Promise<ConsolePort>;
  /** Resolves when the device may have come (back), or when the signal is aborted. */
  appeared(signal: AbortSignal): Promise<void>;
}
