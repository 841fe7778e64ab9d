/** What lives as long as one connection: its held shells, its SFTP channel, and further connections when it is full. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClientChannel, SFTPWrapper } from 'ssh2';
import { HilError, LabError, ProductError } from '../../errors.ts';
import { within } from '../../within.ts';
import { watchExit } from './exit.ts';
import {
  type GroupSignal,
  killScript,
  type ProcessGroup,
  signalScript,
  survivorsOf,
  sweepScript,
} from './group.ts';
import { type Link, lostError } from './link.ts';
import { ShellPool } from './pool.ts';
import type { ProcessHost } from './process.ts';
import { HeldShell } from './shell.ts';

const SHELLS = 3;
/** OpenSSH allows ten channels per connection unless told otherwise; two more connections give thirty. */
const MORE_LINKS = 2;
const MORE_LINK_MS = 15_000;
const CONTROL_MS = 8_000;

export class Session implements ProcessHost {
  readonly link: Link;
  readonly shells: ShellPool;
  readonly bootId: string;
  readonly #control: ShellPool;
  readonly #openLink: (signal: AbortSignal) => Promise<Link>;
  #more: Link[] = [];
  #sftp: Promise<SFTPWrapper | null> | undefined;

  private constructor(
    link: Link,
    tag: string,
    first: HeldShell,
    openLink: (signal: AbortSignal) => Promise<Link>,
  ) {
    this.link = link;
    this.bootId = first.bootId;
    this.#openLink = openLink;
    const open = () => this.withLink((used) => HeldShell.open(used, [tag]));
    this.shells = new ShellPool(open, SHELLS);
    this.#control = new ShellPool(open, 1);
    this.shells.add(first);
  }

  static async open(
    tag: string,
    openLink: (signal: AbortSignal) => Promise<Link>,
    signal: AbortSignal,
  ): Promise<Session> {
    const link = await openLink(signal);
    try {
      const first = await HeldShell.open(link, [tag]);
      return new Session(link, tag, first, openLink);
    } catch (error) {
      link.drop(lostError(link.board, undefined));
      throw error;
    }
  }

  get board(): string {
    return this.link.board;
  }

  /** Does `use` on the first connection that has a channel left for it. */
  async withLink<T>(use: (link: Link) => Promise<T>): Promise<T> {
    this.#more = this.#more.filter((more) => more.alive);
    for (const link of [this.link, ...this.#more]) {
      try {
        return await use(link);
      } catch (error) {
        if (!(error instanceof HilError) || error.code !== 'no-channel') throw error;
        if (this.#more.length >= MORE_LINKS && link === this.#more.at(-1)) throw error;
      }
    }
    const more = await this.#openLink(AbortSignal.timeout(MORE_LINK_MS));
    if (!this.link.alive) {
      more.drop(lostError(this.board, undefined));
      throw await this.link.closed;
    }
    this.#more.push(more);
    void this.link.closed.then((reason) => more.drop(reason));
    return use(more);
  }

  /** Null where the board has no SFTP. */
  async sftp(): Promise<SFTPWrapper | null> {
    this.#sftp ??= this.withLink((link) => link.sftp()).then(
      (sftp) => {
        sftp.on('close', () => {
          this.#sftp = undefined;
        });
        return sftp;
      },
      () => null,
    );
    const sftp = await this.#sftp;
    // A connection that broke meanwhile says nothing about what the board has.
    if (sftp === null && !this.link.alive) throw await this.link.closed;
    return sftp;
  }

  exec(command: string): Promise<ClientChannel> {
    return this.withLink((link) => link.exec(command));
  }

  async signalGroup(group: ProcessGroup, signal: GroupSignal): Promise<void> {
    await this.#run(signalScript(group, signal));
  }

  async endGroup(group: ProcessGroup): Promise<void> {
    this.#refuseSurvivors(await this.#run(killScript(group)));
  }

  async endStragglers(group: ProcessGroup): Promise<void> {
    this.#refuseSurvivors(await this.#run(sweepScript(group.tag)));
  }

  /** Kills everything that carries `tag`: held shells too. */
  async sweep(tag: string): Promise<void> {
    this.#refuseSurvivors(await this.#runApart(sweepScript(tag)));
  }

  #refuseSurvivors(output: string): void {
    const survivors = survivorsOf(output);
    if (survivors.length === 0) return;
    const list = survivors.map(({ pid, comm, state }) => `${comm} (pid ${pid}, state ${state})`).join(', ');
    throw new ProductError(`processes on ${this.board} cannot be killed: ${list}`, {
      board: this.board,
      code: 'unkillable',
      hint: 'they sit in the kernel (state D: see /proc/PID/stack and the kernel log); only a power cycle ends them',
    });
  }

  /** Over the held control shell, or apart from it when that is dead. A board that does neither is lost. */
  async #run(script: string): Promise<string> {
    const taken = this.#control.take();
    let shell: HeldShell;
    try {
      shell = await within(taken, {
        timeoutMs: CONTROL_MS,
        late: () => lostError(this.board, new Error('no answer')),
      });
    } catch {
      void taken.then(
        (late) => this.#control.give(late),
        () => undefined,
      );
      return this.#runApart(script);
    }
    const reply = await shell.exchange(script, { timeoutMs: CONTROL_MS });
    this.#control.give(shell);
    return reply.outcome === 'done' ? reply.stdout : this.#runApart(script);
  }

  async #runApart(script: string): Promise<string> {
    if (!this.link.alive) throw await this.link.closed;
    try {
      const channel = await this.exec(script);
      return await within(outputOf(channel), {
        timeoutMs: CONTROL_MS,
        late: () => new Error(`a new shell gave no answer in ${CONTROL_MS / 1000} s`),
      });
    } catch (error) {
      if (error instanceof HilError && error.code === 'no-channel') throw error;
      this.link.drop(lostError(this.board, error instanceof Error ? error : undefined));
      throw await this.link.closed;
    }
  }

  /** Closes everything; the board kills nothing by itself. */
  close(reason: LabError): void {
    this.link.drop(reason);
    for (const more of this.#more) more.drop(reason);
  }
}

async function outputOf(channel: ClientChannel): Promise<string> {
  const chunks: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => chunks.push(chunk));
  channel.stderr.resume();
  const exit = await watchExit(channel).closed;
  await nextTurn();
  if (exit === undefined)
    throw new LabError('the channel closed without an exit status', { code: 'connection-lost' });
  return Buffer.concat(chunks).toString('utf8');
}
