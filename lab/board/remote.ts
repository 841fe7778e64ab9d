/** What links, traffic and kernel code need of a machine: run commands on it and move files. SSH implements it. */

export interface CommandResult {
  exitCode: number | null;
  /** Signal name without SIG (`KILL`) when a signal ended it. */
  signal: string | null;
  stdout: string;
  stderr: string;
  durationMs: number;
}

export interface RunOptions {
  /** Default 30,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Keep it out of the journal: for polling. */
  quiet?: boolean;
}

export interface StreamOptions {
  signal?: AbortSignal;
  /** Keep it out of the journal: for what is journalled in a better form. */
  quiet?: boolean;
  /** Not ended with the lease: for what serves the board itself, such as the following of its kernel log. */
  keep?: boolean;
  /** Complete lines without their end, decoded as UTF-8 with replacement; lines over 64 KiB come in pieces. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Raw bytes instead of lines. */
  onData?: (chunk: Buffer, stream: 'stdout' | 'stderr') => void;
  /** Bytes for the program's standard input, which is then closed. Without it standard input is empty. */
  stdin?: Buffer | NodeJS.ReadableStream;
}

/** A program running on the machine, leader of its own process group. */
export interface RemoteProcess extends AsyncDisposable {
  readonly pgid: number;
  /** Resolves when it has ended and its output is complete; rejects with LabError when the connection is lost. */
  readonly exited: Promise<{ exitCode: number | null; signal: string | null }>;
  /** Signals the whole process group. */
  kill(signal?: 'INT' | 'TERM' | 'KILL'): Promise<void>;
  /** TERM to the group, KILL after graceMs (default 2000), resolves when it is gone. Disposal does the same. */
  stop(graceMs?: number): Promise<void>;
}

export interface Transfer {
  bytes: number;
  sha256: string;
  via: 'sftp' | 'channel';
}

export interface Remote {
  /** Name of the machine, for messages. */
  readonly name: string;
  /** Runs a short command in a held shell, one at a time; sees no standard input; any exit code is a result. */
  run(command: string, options?: RunOptions): Promise<CommandResult>;
  /** As run, but a non-zero exit throws ProductError with the command, exit code and stderr. Gives stdout. */
  check(command: string, options?: RunOptions): Promise<string>;
  /** Starts a program on a channel of its own. */
  stream(command: string, options?: StreamOptions): Promise<RemoteProcess>;
  /** Writes a file (atomically, by rename), creating its folder; content verified by hash. `source`: bytes, or a local path. */
  upload(
    source: Buffer | { path: string },
    remotePath: string,
    options?: { mode?: number; signal?: AbortSignal },
  ): Promise<Transfer>;
  /** Reads a file into a local path; content verified by hash. */
  download(remotePath: string, localPath: string, options?: { signal?: AbortSignal }): Promise<Transfer>;
}

/** Quotes one word for a POSIX shell. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
