/** An interactive login shell on a board, with a terminal of its own. */
import type { Duplex } from 'node:stream';
import { watchExit } from './exit.ts';
import type { Link } from './link.ts';

export interface TerminalOptions {
  cols: number;
  rows: number;
  /** Terminal type, as in `TERM`. */
  term: string;
  signal?: AbortSignal;
}

/** Dropping it hangs the terminal up: the board then ends what runs in it. */
export interface Terminal extends AsyncDisposable {
  readonly stream: Duplex;
  /** Resolves when the shell has ended or the connection is lost; exit code null when it did not say. */
  readonly closed: Promise<{ exitCode: number | null }>;
  resize(cols: number, rows: number): void;
}

/** `tag`: a `NAME=value` for the environment of what is started in it. */
export async function openTerminal(link: Link, options: TerminalOptions, tag: string): Promise<Terminal> {
  const { cols, rows, term, signal } = options;
  const channel = await link.terminal(`export ${tag};exec "\${SHELL:-/bin/sh}" -l`, { cols, rows, term });
  const closed = watchExit(channel).closed.then((exit) => ({ exitCode: exit?.exitCode ?? null }));
  const close = () => channel.close();
  signal?.addEventListener('abort', close, { once: true });
  if (signal?.aborted === true) close();
  void closed.then(() => signal?.removeEventListener('abort', close));
  return {
    stream: channel,
    closed,
    resize: (newCols, newRows) => channel.setWindow(newRows, newCols, 0, 0),
    [Symbol.asyncDispose]: async () => {
      if (link.alive) close();
      await closed;
    },
  };
}
