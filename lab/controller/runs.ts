/** Open runs: their journals, and who owns them. */
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ConfigError, LabError } from '../errors.ts';
import type { EventKind, JournalSink, PayloadInput } from '../journal/event.ts';
import { isComplete } from '../journal/parts.ts';
import { JournalWriter } from '../journal/writer.ts';
import { redactDeep } from '../redact.ts';
import type { Connection } from './server.ts';

export interface RunRecord {
  run: string;
  dir: string;
  command: string;
}

interface OpenRun extends RunRecord {
  writer: JournalWriter;
  owner: Connection | null;
  /** Ends the run when its owner does not come back. */
  grace: NodeJS.Timeout | null;
}

export interface RunsOptions {
  version: string;
  graceMs: number;
  /** Called when a run ends, before its journal is closed: its leases must end. */
  onEnd: (run: string, reason: string) => Promise<void>;
  onChange: () => void;
}

export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, OpenRun>();
  /** One at a time: two that begin the same run would have a journal each. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** Goes on with a run of a controller that was killed; it ends unless its owner connects again. */
  async restore(record: RunRecord): Promise<void> {
    const run = await this.#start(record);
    run.writer.append('journal.note', {
      message: 'the lab controller was restarted; what came in between is missing here',
    });
    this.#startGrace(run);
  }

  snapshot(): RunRecord[] {
    return [...this.#runs.values()].map(({ run, dir, command }) => ({ run, dir, command }));
  }

  /**
   * Opens a run, or claims one again after a lost connection; its owner may say so twice, as a client does that connects anew
   * while it asks. Gives the path of its journal. Throws LabError, code `run-ended`, for one that has ended meanwhile;
   * ConfigError for one that somebody else has.
   */
  async open(record: RunRecord, owner: Connection): Promise<string> {
    const mine = this.#opening.then(() => this.#open(record, owner));
    this.#opening = mine.catch(() => undefined);
    return await mine;
  }

  async #open(record: RunRecord, owner: Connection): Promise<string> {
    let run = this.#runs.get(record.run);
    if (run?.owner && run.owner !== owner && !run.owner.gone.aborted)
      throw new ConfigError(`the run ${record.run} is open already, by ${run.owner.name}`);
    if (!run) {
      run = await this.#start(record);
      run.writer.append('run.start', {
        ...{ run: record.run, command: record.command, harness: this.#options.version },
        ...{ host: hostname(), node: process.version, startedAt: new Date().toISOString() },
      });
      this.#options.onChange();
    }
    run.owner = owner;
    if (run.grace) clearTimeout(run.grace);
    run.grace = null;
    return join(record.dir, 'journal.jsonl');
  }

  /** Ends a run: its leases first, then its journal. */
  async close(id: string, reason: string): Promise<void> {
    const run = this.#runs.get(id);
    if (!run) return;
    if (run.grace) clearTimeout(run.grace);
    await this.#options.onEnd(id, reason);
    // Two may have asked for the end, or a new owner came while the leases ended.
    if (this.#runs.get(id) !== run) return;
    this.#runs.delete(id);
    run.writer.append('run.end', { reason });
    await run.writer.close();
    this.#options.onChange();
  }

  disconnected(connection: Connection): void {
    for (const run of this.#runs.values()) {
      if (run.owner !== connection) continue;
      run.owner = null;
      this.#startGrace(run);
    }
  }

  has(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Where the events of a run go; those of no run are not kept. */
  sink(id: string | null): JournalSink | null {
    return id === null ? null : (this.#runs.get(id)?.writer ?? null);
  }

  append<K extends EventKind>(id: string, kind: K, data: PayloadInput<K>, board: string | null): void {
    const run = this.#runs.get(id);
    if (!run) throw new ConfigError(`no run ${id} is open`);
    run.writer.append(kind, redactDeep(data), board);
  }

  ids(): string[] {
    return [...this.#runs.keys()];
  }

  /** Leaves the runs open on disk, for a controller to come. */
  async detach(): Promise<void> {
    for (const run of this.#runs.values()) {
      if (run.grace) clearTimeout(run.grace);
      await run.writer.close();
    }
    this.#runs.clear();
  }

  async #start(record: RunRecord): Promise<OpenRun> {
    mkdirSync(record.dir, { recursive: true });
    const journal = join(record.dir, 'journal.jsonl');
    if (await isComplete(journal))
      throw new LabError(`the run ${record.run} has ended: its journal is complete`, { code: 'run-ended' });
    const writer = await JournalWriter.open(journal);
    const run: OpenRun = { ...record, writer, owner: null, grace: null };
    this.#runs.set(record.run, run);
    return run;
  }

  #startGrace(run: OpenRun): void {
    if (run.grace) clearTimeout(run.grace);
    const reason = 'its owner is gone';
    run.grace = setTimeout(() => void this.close(run.run, reason), this.#options.graceMs);
  }
}
