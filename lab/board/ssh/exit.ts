/** How the program on a channel ended. */
import type { ClientChannel } from 'ssh2';

export interface Exit {
  /** Null when a signal ended it. */
  exitCode: number | null;
  /** Named without its SIG; null when it ended by itself. */
  signal: string | null;
}

export interface ExitWatch {
  /** Undefined until the board has said how it ended. */
  readonly exit: Exit | undefined;
  /** Resolves once the channel is closed and its output was given; undefined: the board did not say how it ended. */
  readonly closed: Promise<Exit | undefined>;
}

/**
 * Of 'close' too, not of 'exit' alone: that one is missed when it comes in the same read as the answer that opened the
 * channel, so before anybody can have begun to listen.
 */
export function watchExit(channel: ClientChannel): ExitWatch {
  let exit: Exit | undefined;
  const said = (code?: number | null, signal?: string) => {
    if (code !== undefined) exit ??= { exitCode: code, signal: signal?.replace(/^SIG/, '') ?? null };
  };
  channel.once('exit', said);
  const closed = new Promise<Exit | undefined>((resolve) => {
    channel.once('close', (code?: number | null, signal?: string) => {
      said(code, signal);
      resolve(exit);
    });
  });
  return {
    get exit() {
      return exit;
    },
    closed,
  };
}
