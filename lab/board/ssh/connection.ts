/** A board over SSH: commands, programs, files and terminals, across reboots, with nothing left running at the end. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { abortReason, ConfigError, LabError, messageOf, ProductError } from '../../errors.ts';
import type { JournalSink } from '../../journal/event.ts';
import { within } from '../../within.ts';
import type { CommandResult, Remote, RemoteProcess, RunOptions, StreamOptions, Transfer } from '../remote.ts';
import { busy, refuseNul, short, signalOf } from './command.ts';
import { Connector, type SshState } from './connector.ts';
import { SshProcess } from './process.ts';
import { OutputHead, recordCommand } from './record.ts';
import type { Session } from './session.ts';
import type { HeldShell, Reply } from './shell.ts';
import { openTerminal, type Terminal, type TerminalOptions } from './terminal.ts';
import { download, type TransferHost, type UploadOptions, upload } from './transfer.ts';

const RUN_MS = 30_000;
/** How long a call waits for a lost board to come back by itself; who boots it calls connect() with its own time. */
const RECONNECT_MS = 15_000;

export interface SshRemoteOptions {
  name: string;
  host: string;
  /** A function where the port is another after each power cycle. */
  port: number | (() => number);
  user: string;
  privateKeyPath: string;
  /** The board's public host key (`ssh-ed25519 AAAA...`); null pins the first that answers into `pinPath`. */
  hostKey: string | (() => Promise<string | null>);
  pinPath?: string;
  journal?: JournalSink;
  /** Ends the connection for good; its reason is what pending calls throw. Call reap() before. */
  signal?: AbortSignal;
}

interface Limits {
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

export class SshRemote implements Remote {
  readonly name: string;
  readonly #connector: Connector;
  readonly #journal: JournalSink | undefined;
  readonly #signal: AbortSignal | undefined;
  /** In the environment of everything started here, so that reap() finds it. */
  readonly #tag = `HIL_REMOTE=${randomBytes(8).toString('hex')}`;
  readonly #processes = new Set<SshProcess>();
  #used = false;

  constructor(options: SshRemoteOptions) {
    this.name = options.name;
    this.#journal = options.journal;
    this.#signal = options.signal;
    this.#connector = new Connector({
      target: { ...options, onEvent: (event, detail) => this.#event(event, detail) },
      tag: this.#tag,
      signal: options.signal,
      onSession: (session) => this.#forgetOtherBoots(session),
    });
  }

  get state(): SshState {
    return this.#connector.state;
  }

  /** The board's boot, as of the last connection. */
  get bootId(): string | undefined {
    return this.#connector.last?.bootId;
  }

  /**
   * Connects, trying until the board answers. Throws LabError `connect-refused`, `connect-timeout` or
   * `host-key-changed`; ConfigError `auth-refused`. Every other call connects by itself when needed.
   */
  async connect(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    await this.#connected({ timeoutMs: options.timeoutMs ?? 60_000, signal: options.signal });
  }

  /** Resolves when connected, by whomever. */
  whenConnected(signal?: AbortSignal): Promise<void> {
    return this.#connector.whenConnected(signal);
  }

  /** Resolves when the connection there is now has been lost, as when the board reboots. Throws LabError `timeout`. */
  async lost(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const closed: Promise<unknown> = this.#connector.last?.link.closed ?? Promise.resolve();
    const late = () =>
      new LabError(`${this.name} still answers after ${timeoutMs / 1000} s`, {
        board: this.name,
        code: 'timeout',
      });
    await within(closed, { timeoutMs, signal, late });
  }

  /** Drops the connection at once, as before a power cycle. What runs on the board goes on there. */
  disconnect(reason = 'disconnected'): void {
    this.#connector.disconnect(reason);
  }

  async run(command: string, options: RunOptions = {}): Promise<CommandResult> {
    const { quiet = false, signal, timeoutMs = RUN_MS } = options;
    refuseNul(command);
    const end = recordCommand(quiet ? undefined : this.#journal, this.name, command);
    const startedAt = performance.now();
    let reply: Reply | undefined;
    try {
      const session = await this.#connected({ timeoutMs: RECONNECT_MS, signal });
      const shell = await this.#shell(session, timeoutMs, signal);
      try {
        reply = await shell.exchange(command, { timeoutMs, signal });
        if (reply.outcome !== 'done')
          await this.#broken(session, shell, reply, command, { timeoutMs, signal });
      } finally {
        session.shells.give(shell);
      }
    } catch (thrown) {
      const error = this.#reason(thrown);
      end({
        exitCode: null,
        stdout: reply?.stdout ?? '',
        stderr: reply?.stderr ?? '',
        error: messageOf(error),
      });
      throw error;
    }
    const { exitCode, stdout, stderr } = reply;
    end({ exitCode, stdout, stderr });
    return {
      exitCode,
      signal: signalOf(exitCode),
      stdout,
      stderr,
      durationMs: performance.now() - startedAt,
    };
  }

  async check(command: string, options?: RunOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, options);
    if (exitCode === 0) return stdout;
    const said = (stderr.trim() || stdout.trim()).slice(-1000);
    throw new ProductError(
      `\`${short(command)}\` on ${this.name} gave exit code ${exitCode}: ${said || 'no output'}`,
      {
        board: this.name,
        code: `exit-${exitCode}`,
      },
    );
  }

  async stream(command: string, options: StreamOptions = {}): Promise<RemoteProcess> {
    refuseNul(command);
    const end = recordCommand(options.quiet === true ? undefined : this.#journal, this.name, command);
    const head = new OutputHead();
    const closing = (exitCode: number | null, error?: string) =>
      end({ exitCode, stdout: head.stdout, stderr: head.stderr, error });
    try {
      const session = await this.#connected({ timeoutMs: RECONNECT_MS, signal: options.signal });
      const tags = options.keep === true ? [] : [this.#tag];
      const process = await session.withLink((link) =>
        SshProcess.start(link, session, command, tags, options, (chunk, stream) => head.push(chunk, stream)),
      );
      if (options.keep !== true) this.#processes.add(process);
      process.exited.then(
        ({ exitCode, signal }) => {
          this.#processes.delete(process);
          closing(exitCode, signal === null ? undefined : `ended by SIG${signal}`);
        },
        // It stays among the processes: it may still run on the board, where reap() ends it.
        (error) => closing(null, messageOf(error)),
      );
      return process;
    } catch (thrown) {
      const error = this.#reason(thrown);
      closing(null, messageOf(error));
      throw error;
    }
  }

  /**
   * Ends everything started through this remote - also what was put into the background or made itself a daemon -
   * and resolves when it is gone. Programs get TERM first, with `graceMs` to tidy up.
   */
  async reap(options: { graceMs?: number; timeoutMs?: number } = {}): Promise<void> {
    if (!this.#used) return;
    const session = await this.#connected({ timeoutMs: options.timeoutMs ?? RECONNECT_MS });
    const live = [...this.#processes].filter(
      (process) => process.bootId === session.bootId && process.reachable,
    );
    const stops = await Promise.allSettled(live.map((process) => process.stop(options.graceMs ?? 1_000)));
    await session.sweep(this.#tag);
    this.#processes.clear();
    const failed = stops.find((stop) => stop.status === 'rejected');
    if (failed !== undefined) throw this.#reason(failed.reason);
    this.#event('reaped', `${live.length} programs stopped`);
  }

  async upload(
    source: Buffer | { path: string },
    remotePath: string,
    options: UploadOptions = {},
  ): Promise<Transfer> {
    return this.#transfer('push', remotePath, options.signal, (host) =>
      upload(host, source, remotePath, options),
    );
  }

  async download(
    remotePath: string,
    localPath: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<Transfer> {
    const { signal } = options;
    return this.#transfer('pull', remotePath, signal, (host) =>
      download(host, remotePath, localPath, signal),
    );
  }

  /** An interactive terminal; what runs in it ends with it. */
  async openShell(options: TerminalOptions): Promise<Terminal> {
    const session = await this.#connected({ timeoutMs: RECONNECT_MS, signal: options.signal });
    return session.withLink((link) => openTerminal(link, options, this.#tag));
  }

  async #transfer(
    direction: 'push' | 'pull',
    path: string,
    signal: AbortSignal | undefined,
    move: (host: TransferHost) => Promise<Transfer>,
  ): Promise<Transfer> {
    try {
      const session = await this.#connected({ timeoutMs: RECONNECT_MS, signal });
      const transfer = await move({
        board: this.name,
        sftp: () => session.sftp(),
        exec: (command) => session.exec(command),
        run: (command, timeoutMs) => this.run(command, { timeoutMs, quiet: true }),
      });
      this.#journal?.append('file.transfer', { direction, path, ...transfer }, this.name);
      return transfer;
    } catch (thrown) {
      throw this.#reason(thrown);
    }
  }

  async #connected(limits: { timeoutMs: number; signal?: AbortSignal | undefined }): Promise<Session> {
    try {
      const session = await this.#connector.session(limits);
      this.#used = true;
      return session;
    } catch (thrown) {
      throw this.#reason(thrown);
    }
  }

  /** What ran before a reboot is gone, and its process ids may be others'. */
  #forgetOtherBoots(session: Session): void {
    for (const process of this.#processes) {
      if (process.bootId !== session.bootId) this.#processes.delete(process);
    }
  }

  async #shell(session: Session, timeoutMs: number, signal: AbortSignal | undefined): Promise<HeldShell> {
    const taken = session.shells.take();
    try {
      return await within(taken, { signal, timeoutMs, late: () => busy(this.name, timeoutMs) });
    } catch (error) {
      void taken.then(
        (late) => session.shells.give(late),
        () => undefined,
      );
      throw error;
    }
  }

  /** Ends what a broken exchange left running, and throws what it means. */
  async #broken(
    session: Session,
    shell: HeldShell,
    reply: Reply,
    command: string,
    limits: Limits,
  ): Promise<never> {
    await nextTurn();
    if (!shell.link.alive) throw await shell.link.closed;
    let stuck = '';
    try {
      await session.endGroup(shell.group);
    } catch (error) {
      if (!(error instanceof ProductError)) throw error;
      stuck = `; ${error.message}`;
    }
    if (reply.outcome === 'aborted' && limits.signal !== undefined) throw abortReason(limits.signal);
    const what = `\`${short(command)}\` on ${this.name}`;
    if (reply.outcome === 'timeout') {
      const said = (reply.stderr.trim() || reply.stdout.trim()).slice(-500);
      const after = said === '' ? '' : ` after saying: ${said}`;
      throw new ProductError(`${what} did not end in ${limits.timeoutMs / 1000} s${after}${stuck}`, {
        board: this.name,
        code: 'timeout',
        hint: 'the board itself still answers; see its kernel log for hung tasks',
      });
    }
    if (reply.outcome === 'too-much-output') {
      throw new ConfigError(`${what} gave more output than a held shell takes`, {
        board: this.name,
        code: 'too-much-output',
        hint: 'write it to a file and download that, or use stream()',
      });
    }
    throw new LabError(`${what} ended the shell that it ran in${stuck}`, {
      board: this.name,
      code: 'shell-ended',
    });
  }

  /** The end of the lease explains a failure better than the closed connection that it causes. */
  #reason(thrown: unknown): unknown {
    return this.#signal?.aborted === true ? abortReason(this.#signal) : thrown;
  }

  #event(event: string, detail: string): void {
    this.#journal?.append('ssh.event', { event, detail }, this.name);
  }
}
