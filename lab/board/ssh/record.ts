/** How commands get into the journal. */

import type { JournalSink } from '../../journal/event.ts';
import { sanitizeLines } from '../../text.ts';

const KEPT = 4096;

/** The first 4 kB of a command's two outputs. */
export class OutputHead {
  #stdout: Buffer = Buffer.alloc(0);
  #stderr: Buffer = Buffer.alloc(0);

  push(chunk: Buffer, stream: 'stdout' | 'stderr'): void {
    if (stream === 'stdout') this.#stdout = grow(this.#stdout, chunk);
    else this.#stderr = grow(this.#stderr, chunk);
  }

  get stdout(): string {
    return this.#stdout.toString('utf8');
  }

  get stderr(): string {
    return this.#stderr.toString('utf8');
  }
}

function grow(head: Buffer, chunk: Buffer): Buffer {
  const room = KEPT - head.length;
  return room <= 0 ? head : Buffer.concat([head, chunk.subarray(0, room)]);
}

export interface CommandEnd {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  error?: string | undefined;
}

let commands = 0;

/** Journals the start of a command; the function given back journals its end. */
export function recordCommand(
  journal: JournalSink | undefined,
  board: string,
  command: string,
): (end: CommandEnd) => void {
  if (journal === undefined) return () => undefined;
  commands += 1;
  const id = `${process.pid}-${commands}`;
  const startedAt = performance.now();
  journal.append(
    'command.start',
    { id, via: 'ssh', command: sanitizeLines(command.slice(0, 4 * KEPT)) },
    board,
  );
  return ({ exitCode, stdout, stderr, error }) => {
    const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000;
    const data = { id, exitCode, durationMs, stdout: head(stdout), stderr: head(stderr) };
    journal.append('command.end', error === undefined ? data : { ...data, error }, board);
  };
}

function head(text: string): string {
  return sanitizeLines(text.slice(0, KEPT));
}
