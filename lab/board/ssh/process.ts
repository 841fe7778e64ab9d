/** A program on a channel of its own, leader of its own process group. */
import { pipeline } from 'node:stream/promises';
import type { ClientChannel } from 'ssh2';
import { HarnessError, type HilError, LabError, messageOf, ProductError } from '../../errors.ts';
import { within } from '../../within.ts';
import type { RemoteProcess, StreamOptions } from '../remote.ts';
import { type Exit, watchExit } from './exit.ts';
import { newMarker } from './frame.ts';
import { type GroupSignal, launchCommand, type ProcessGroup, parseAnnouncement } from './group.ts';
import { LineSplitter } from './lines.ts';
import { type Link, lostError } from './link.ts';

const START_MS = 15_000;
const DEFAULT_GRACE_MS = 2_000;
const HELD_OUTPUT_MS = 1_000;

/** What a process needs of the connection it came from. */
export interface ProcessHost {
  /** Sends a signal to the group through another channel. */
  signalGroup(group: ProcessGroup, signal: GroupSignal): Promise<void>;
  /** KILLs the group and resolves when no member is left; throws ProductError when one cannot be killed. */
  endGroup(group: ProcessGroup): Promise<void>;
  /** KILLs what still carries the tag of a group whose leader has ended. */
  endStragglers(group: ProcessGroup): Promise<void>;
}

export class SshProcess implements RemoteProcess {
  readonly group: ProcessGroup;
  readonly bootId: string;
  readonly exited: Promise<Exit>;
  readonly #link: Link;
  readonly #host: ProcessHost;
  #ended = false;
  #stopping: Promise<void> | undefined;

  private constructor(
    link: Link,
    host: ProcessHost,
    group: ProcessGroup,
    bootId: string,
    exited: Promise<Exit>,
  ) {
    this.#link = link;
    this.#host = host;
    this.group = group;
    this.bootId = bootId;
    this.exited = exited;
    const ended = () => {
      this.#ended = true;
    };
    // Also keeps a loss that nobody awaits from ending the harness; stop() and later calls meet it again.
    exited.then(ended, ended);
  }

  get pgid(): number {
    return this.group.pgid;
  }

  /** Whether its channel is open, or was closed by its end. */
  get reachable(): boolean {
    return this.#link.alive;
  }

  /** Starts `command`; resolves once the board has said under which process group it runs. */
  static async start(
    link: Link,
    host: ProcessHost,
    command: string,
    tags: readonly string[],
    options: StreamOptions,
    observe: (chunk: Buffer, stream: 'stdout' | 'stderr') => void,
  ): Promise<SshProcess> {
    const marker = newMarker();
    const tag = `HIL_PROCESS=${marker}`;
    const stdin = options.stdin !== undefined;
    const channel = await link.exec(launchCommand({ marker, tags: [...tags, tag], command, stdin }));
    const output = new Output(options, observe);
    const exited = exitOf(link, channel, output, options.stdin);
    const announced = output.announcement(marker);
    const died = exited.then((exit) => {
      throw notStarted(
        link,
        command,
        `it ended with exit code ${exit.exitCode} before it ran: ${output.greeting}`,
      );
    });
    try {
      const { pid, pgid, bootId } = await within(Promise.race([announced, died]), {
        signal: options.signal,
        timeoutMs: START_MS,
        late: () => notStarted(link, command, `no sign of it in ${START_MS / 1000} s`),
      });
      const process = new SshProcess(link, host, { pid, pgid, tag }, bootId, exited);
      process.#stopOnAbort(options.signal);
      return process;
    } catch (error) {
      channel.close();
      await host.endStragglers({ pid: 0, pgid: -1, tag });
      throw error;
    }
  }

  async kill(signal: GroupSignal = 'TERM'): Promise<void> {
    if (this.#ended) return;
    await this.#host.signalGroup(this.group, signal);
  }

  stop(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A board that is gone took its processes along, or reap() finds them when it is back.
    if (this.#link.alive) await this.stop();
  }

  async #stop(graceMs: number): Promise<void> {
    if (this.#ended) return this.#host.endStragglers(this.group);
    await this.#host.signalGroup(this.group, 'TERM');
    const settled = this.exited.then(
      () => true,
      () => true,
    );
    await settledIn(settled, graceMs);
    await this.#host.endGroup(this.group);
    // What left the group on purpose may still hold the output open.
    if (!(await settledIn(settled, HELD_OUTPUT_MS))) await this.#host.endStragglers(this.group);
    await within(this.exited, { timeoutMs: START_MS, late: () => stillOpen(this.#link) });
  }

  #stopOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    // The failure of a stop is kept in #stopping, where stop() and disposal give it to whoever asks.
    const onAbort = () => void this.stop().catch(() => undefined);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const forget = () => signal.removeEventListener('abort', onAbort);
    this.exited.then(forget, forget);
  }
}

/** Whether it settled in time. */
function settledIn(settled: Promise<boolean>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    settled.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function notStarted(link: Link, command: string, what: string): HilError {
  return new LabError(`could not start \`${command.slice(0, 120)}\` on ${link.board}: ${what}`, {
    board: link.board,
    code: 'not-started',
  });
}

function stillOpen(link: Link): HilError {
  return new ProductError(`a stopped program on ${link.board} is gone, yet its output stays open`, {
    board: link.board,
    code: 'output-held',
    hint: 'another program has inherited its standard output',
  });
}

/** Resolves when the channel is closed and all its output was given. */
function exitOf(
  link: Link,
  channel: ClientChannel,
  output: Output,
  stdin: StreamOptions['stdin'],
): Promise<Exit> {
  return new Promise((resolve, reject) => {
    const watch = watchExit(channel);
    let closed = false;
    channel.on('data', (chunk: Buffer) => output.push(chunk, 'stdout'));
    channel.stderr.on('data', (chunk: Buffer) => output.push(chunk, 'stderr'));
    channel.on('error', () => channel.close());
    // ssh2 neither ends nor fails a write to a channel that the other side has closed.
    const gone = new AbortController();
    void watch.closed.then((exit) => {
      closed = true;
      gone.abort();
      output.end();
      if (exit !== undefined) return resolve(exit);
      // ssh2 closes the channels of a lost connection before it says that it is lost.
      setImmediate(() => {
        if (!link.alive) link.closed.then(reject);
        else reject(lostError(link.board, new Error('a channel closed without an exit status')));
      });
    });
    if (stdin === undefined) return;
    if (Buffer.isBuffer(stdin)) {
      channel.end(stdin);
      return;
    }
    pipeline(stdin, channel, { signal: gone.signal }).catch((error) => {
      // A program may end before it has read everything: then its exit status says what happened.
      if (closed || watch.exit !== undefined) return;
      reject(
        new HarnessError(`standard input for ${link.board} failed: ${messageOf(error)}`, { cause: error }),
      );
      channel.close();
    });
  });
}

/** Takes the announcing line off the front, then hands out the rest as the caller wants it. */
class Output {
  readonly #options: StreamOptions;
  readonly #observe: (chunk: Buffer, stream: 'stdout' | 'stderr') => void;
  readonly #lines: { stdout: LineSplitter; stderr: LineSplitter } | undefined;
  #front: Buffer | undefined = Buffer.alloc(0);
  #announced: ((line: string) => boolean) | undefined;
  #earlyStderr: Buffer[] = [];

  constructor(options: StreamOptions, observe: (chunk: Buffer, stream: 'stdout' | 'stderr') => void) {
    this.#options = options;
    this.#observe = observe;
    const { onLine } = options;
    if (onLine !== undefined) {
      this.#lines = {
        stdout: new LineSplitter((line) => onLine(line, 'stdout')),
        stderr: new LineSplitter((line) => onLine(line, 'stderr')),
      };
    }
  }

  /** What came instead of the announcement. */
  get greeting(): string {
    const said = Buffer.concat([this.#front ?? Buffer.alloc(0), ...this.#earlyStderr]);
    return JSON.stringify(said.subarray(0, 400).toString('utf8'));
  }

  announcement(marker: string): Promise<{ pid: number; pgid: number; bootId: string }> {
    return new Promise((resolve) => {
      this.#announced = (line) => {
        const found = parseAnnouncement(line, marker);
        if (found !== undefined) resolve(found);
        return found !== undefined;
      };
    });
  }

  push(chunk: Buffer, stream: 'stdout' | 'stderr'): void {
    if (this.#front === undefined) {
      this.#give(chunk, stream);
      return;
    }
    if (stream === 'stderr') {
      this.#earlyStderr.push(chunk);
      return;
    }
    let rest = Buffer.concat([this.#front, chunk]);
    for (let newline = rest.indexOf(0x0a); newline !== -1; newline = rest.indexOf(0x0a)) {
      const line = rest.subarray(0, newline).toString('latin1');
      rest = rest.subarray(newline + 1);
      if (this.#announced?.(line) === true) {
        this.#front = undefined;
        if (rest.length > 0) this.#give(rest, 'stdout');
        for (const early of this.#earlyStderr.splice(0)) this.#give(early, 'stderr');
        return;
      }
    }
    this.#front = rest.subarray(-4096);
  }

  end(): void {
    this.#lines?.stdout.end();
    this.#lines?.stderr.end();
  }

  #give(chunk: Buffer, stream: 'stdout' | 'stderr'): void {
    this.#observe(chunk, stream);
    this.#options.onData?.(chunk, stream);
    this.#lines?.[stream].push(chunk);
  }
}
