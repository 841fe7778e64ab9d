/**
 * How a command and its result travel through a held shell: after the command, both output streams get a line with a
 * random word, so that the end of a command's output is known whatever the output is.
 */
import { randomBytes } from 'node:crypto';
import { quote } from '../remote.ts';

/** Most bytes of output that a framed command may give on one stream. */
export const OUTPUT_LIMIT = 32 * 1024 * 1024;

export function newMarker(): string {
  return `hil-${randomBytes(12).toString('hex')}`;
}

/**
 * The shell input that runs `command` in a subshell (so that `cd`, `exit` and variables stay its own; a plain one needs none)
 * with empty standard input. Uses only what every POSIX shell has built in; as few writes as can be, for each costs a packet.
 */
export function frame(command: string, marker: string): string {
  // A fork is most of what a short command costs, also on a fast board. What the shell remembers of where programs are would
  // outlive their removal, and hide those that were put before them in PATH.
  const input = isPlain(command) ? `hash -r;${command}` : `(eval ${quote(command)})`;
  return `${input} </dev/null;echo "${marker}$?";echo ${marker} >&2\n`;
}

/** One program and its arguments, nothing that a shell would read otherwise. */
const PLAIN = /^([A-Za-z0-9_./+-]+)(?: +[A-Za-z0-9_./:=@%+,-]+)*$/;

/** What changes the shell that runs it, or is no command at all: POSIX, bash and ash. */
const OF_THE_SHELL = new Set(
  [
    '. alias bg bind break builtin caller case cd chdir command compgen complete compopt continue declare dirs disown do done',
    'elif else enable esac eval exec exit export fc fg fi for function getopts hash help history if in jobs let local logout',
    'mapfile popd pushd read readarray readonly return select set shift shopt source suspend then time times trap type',
    'typeset ulimit umask unalias unset until wait while',
  ].flatMap((line) => line.split(' ')),
);

/** Whether it leaves the shell as it is without a subshell. */
export function isPlain(command: string): boolean {
  const name = PLAIN.exec(command)?.[1];
  return name !== undefined && !OF_THE_SHELL.has(name);
}

/** Cuts one command's output out of one stream. */
export class FrameReader {
  readonly #marker: Buffer;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Last bytes of what came before, in which the marker may have begun. */
  #tail: Buffer = Buffer.alloc(0);
  /** What follows the marker on its line, once that line is complete. */
  trailer: string | undefined;

  constructor(marker: string) {
    this.#marker = Buffer.from(marker);
  }

  get done(): boolean {
    return this.trailer !== undefined;
  }

  get overflowed(): boolean {
    return this.#length > OUTPUT_LIMIT;
  }

  push(chunk: Buffer): void {
    if (this.done) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const seen = Buffer.concat([this.#tail, chunk]);
    const at = seen.indexOf(this.#marker);
    const newline = at === -1 ? -1 : seen.indexOf(0x0a, at);
    if (newline === -1) {
      // Copied, so that a small tail does not keep a large chunk in memory.
      this.#tail = Buffer.from(
        seen.subarray(at === -1 ? Math.max(0, seen.length - this.#marker.length) : at),
      );
      return;
    }
    this.trailer = seen.subarray(at + this.#marker.length, newline).toString('latin1');
    this.#length -= seen.length - at;
  }

  /** The output so far: all of it once done. */
  output(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, Math.max(0, this.#length));
  }
}
