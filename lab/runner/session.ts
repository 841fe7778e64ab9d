/** The runner's hold on its run: while its connection lives the controller keeps the run open. */
import { join } from 'node:path';
import { LabClient } from '../client/client.ts';
import { LabError, messageOf } from '../errors.ts';
import type { EventKind, PayloadInput } from '../journal/event.ts';
import { isComplete } from '../journal/parts.ts';
import type { RunIdentity } from './run.ts';

/** A controller that was killed is restarted by whoever calls first; more losses in a row mean that it can't live. */
const MAX_FAILURES = 3;

export class RunSession {
  readonly run: RunIdentity;
  readonly #client: LabClient;
  readonly #pending = new Set<Promise<void>>();
  #closing = false;
  /** The controller has ended the run in order, before us. */
  #ended = false;
  #failure: unknown = null;

  private constructor(run: RunIdentity, client: LabClient) {
    this.run = run;
    this.#client = client;
  }

  /** Opens the run at the controller, starting one when there is none. Throws LabError or ConfigError. */
  static async open(run: RunIdentity, command: string): Promise<RunSession> {
    const client = await LabClient.connect({ client: `run ${run.id}` });
    const params = { run: run.id, dir: run.dir, command };
    client.onReconnect(async (call) => {
      await call('run.open', params);
    });
    await client.call('run.open', params).catch((error: unknown) => {
      // It ended for want of work as we came: the next one does not.
      if (!(error instanceof LabError) || error.code !== 'controller-lost') throw error;
      return client.call('run.open', params);
    });
    const session = new RunSession(run, client);
    void session.#stay();
    return session;
  }

  /** Puts an event into the run's journal, in the order of the calls. Never throws; a failure is told by close. */
  append<K extends EventKind>(kind: K, data: PayloadInput<K>, board: string | null = null): void {
    if (this.#closing || this.#ended) return;
    const call = this.#client
      .call('journal.append', { run: this.run.id, board, kind, data: { ...data } })
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(call));
    this.#pending.add(call);
  }

  /** Ends the run. Resolves when its journal is complete. */
  async close(reason: string): Promise<void> {
    await Promise.all(this.#pending);
    this.#closing = true;
    try {
      // Asking for it would start another controller.
      if (!this.#ended) await this.#client.call('run.close', { run: this.run.id, reason });
    } finally {
      this.#client.close();
    }
    if (this.#failure)
      process.stderr.write(`hil: some events did not reach the journal: ${messageOf(this.#failure)}\n`);
  }

  /** Claims the run again as soon as the connection was lost, not only at the next event: a run without an owner ends. */
  async #stay(): Promise<void> {
    for (let failures = 0; failures < MAX_FAILURES; ) {
      await this.#client.closed();
      if (this.#closing) return;
      if (await isComplete(join(this.run.dir, 'journal.jsonl'))) return this.#end();
      try {
        await this.#client.call('lab.status', {});
        failures = 0;
      } catch (error) {
        this.#failure ??= error;
        failures++;
      }
    }
  }

  /** Someone has stopped the lab: the tests end too, as they do by Ctrl-C. */
  #end(): void {
    this.#ended = true;
    process.stderr.write('hil: the lab controller was stopped, and this run with it; ending the tests\n');
    process.kill(process.pid, 'SIGINT');
  }
}

let current: RunSession | null = null;

/** The run of this process, for its reporters; null before the global setup and in workers. */
export function currentSession(): RunSession | null {
  return current;
}

export function setCurrentSession(session: RunSession | null): void {
  current = session;
}
