/** A shell held open on the board: a command costs one round trip and one fork, not a new session. */
import type { ClientChannel } from 'ssh2';
import { LabError } from '../../errors.ts';
import { within } from '../../within.ts';
import { FrameReader, frame, newMarker } from './frame.ts';
import { launchCommand, type ProcessGroup, parseAnnouncement, SHELL_PROLOGUE } from './group.ts';
import type { Link } from './link.ts';

const PROLOGUE_MS = 15_000;

/** How an exchange ended; only after `done` can the shell be used again. */
export type Outcome = 'done' | 'timeout' | 'aborted' | 'shell-ended' | 'too-much-output';

export interface Reply {
  outcome: Outcome;
  /** Null unless `done`. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export class HeldShell {
  readonly link: Link;
  readonly group: ProcessGroup;
  readonly bootId: string;
  readonly #channel: ClientChannel;
  #usable = true;
  #current: ((outcome: Outcome) => void) | undefined;

  private constructor(link: Link, channel: ClientChannel, group: ProcessGroup, bootId: string) {
    this.link = link;
    this.#channel = channel;
    this.group = group;
    this.bootId = bootId;
    channel.once('close', () => {
      this.#usable = false;
      this.#current?.('shell-ended');
    });
  }

  get usable(): boolean {
    return this.#usable && this.link.alive;
  }

  /** Opens a shell whose children carry `tags` in their environment. */
  static async open(link: Link, tags: readonly string[]): Promise<HeldShell> {
    const marker = newMarker();
    const tag = `HIL_SHELL=${marker}`;
    const channel = await link.exec(
      launchCommand({ marker, tags: [...tags, tag], command: null, stdin: true }),
    );
    channel.on('error', () => channel.close());
    const announced = new Promise<{ pid: number; pgid: number; bootId: string }>((resolve, reject) => {
      let seen = '';
      channel.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        for (const line of seen.split('\n')) {
          const found = parseAnnouncement(line, marker);
          if (found !== undefined && seen.endsWith('\n')) resolve(found);
        }
      });
      channel.stderr.on('data', (chunk: Buffer) => {
        if (seen.length < 4096) seen += chunk.toString('latin1');
      });
      channel.once('close', () => reject(noShell(link, `it said ${JSON.stringify(seen.slice(0, 400))}`)));
    });
    channel.write(SHELL_PROLOGUE);
    try {
      const { pid, pgid, bootId } = await within(announced, {
        timeoutMs: PROLOGUE_MS,
        late: () => noShell(link, `no answer in ${PROLOGUE_MS / 1000} s`),
      });
      channel.removeAllListeners('data');
      channel.stderr.removeAllListeners('data');
      channel.on('data', ignore);
      channel.stderr.on('data', ignore);
      return new HeldShell(link, channel, { pid, pgid, tag }, bootId);
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Runs one command; the caller makes sure that no other runs meanwhile. After any outcome but `done` the shell is unusable. */
  exchange(command: string, limits: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Reply> {
    const marker = newMarker();
    const stdout = new FrameReader(marker);
    const stderr = new FrameReader(marker);
    const channel = this.#channel;
    const { signal, timeoutMs } = limits;
    return new Promise((resolve) => {
      const finish = (outcome: Outcome) => {
        if (this.#current !== finish) return;
        this.#current = undefined;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        channel.removeListener('data', onStdout);
        channel.stderr.removeListener('data', onStderr);
        if (outcome !== 'done') this.#usable = false;
        resolve({
          outcome,
          exitCode: outcome === 'done' ? Number(stdout.trailer) : null,
          stdout: stdout.output().toString('utf8'),
          stderr: stderr.output().toString('utf8'),
        });
      };
      const take = (reader: FrameReader, chunk: Buffer) => {
        reader.push(chunk);
        if (stdout.done && stderr.done) finish('done');
        else if (reader.overflowed) finish('too-much-output');
      };
      const onStdout = (chunk: Buffer) => take(stdout, chunk);
      const onStderr = (chunk: Buffer) => take(stderr, chunk);
      const onAbort = () => finish('aborted');
      const timer = setTimeout(() => finish('timeout'), timeoutMs);
      this.#current = finish;
      if (!this.usable) return finish('shell-ended');
      signal?.addEventListener('abort', onAbort, { once: true });
      channel.on('data', onStdout);
      channel.stderr.on('data', onStderr);
      channel.write(frame(command, marker));
    });
  }

  close(): void {
    this.#usable = false;
    this.#channel.close();
  }
}

/** Keeps the channel flowing between commands; what a background job writes then belongs to nobody. */
function ignore(): undefined {
  return undefined;
}

function noShell(link: Link, what: string): LabError {
  if (!link.alive)
    return new LabError(`the SSH connection to ${link.board} was lost`, { code: 'connection-lost' });
  return new LabError(`no shell could be held on ${link.board}: ${what}`, {
    board: link.board,
    code: 'no-shell',
    hint: `hil exec ${link.board} -- true; is the login shell of its user a POSIX shell?`,
  });
}
