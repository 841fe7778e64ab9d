/** What a lease holder has started on its board, so that all of it can be undone. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../board/board.ts';
import type { BoardContext } from '../board/context.ts';
import { abortReason, ConfigError, type HilError, LabError, messageOf } from '../errors.ts';
import { takeDevcoredumps } from '../kernel/devcoredump.ts';
import type { AccessPoint } from '../links/ap.ts';
import type { Station } from '../links/station.ts';
import type { Artifact } from '../rpc/schema.ts';
import type { Classification } from '../verdict/classify/finding.ts';
import { classifyEvidence, evidenceLog, evidenceOf } from '../verdict/scope.ts';
import { ScopeEvents } from '../verdict/scope-events.ts';
import { SIGNATURES } from '../verdict/signatures/index.ts';
import type { AirOptions } from '../virtual/ether/options.ts';
import { BoardAir } from './board-air.ts';
import type { Lease } from './leases.ts';
import { Partners } from './partners.ts';
import type { Peers } from './peers.ts';
import { type BoardSink, monotonicS, Recorder } from './recorder.ts';

type Link = { kind: 'ap'; handle: AccessPoint } | { kind: 'station'; handle: Station };

interface Undo {
  id: string;
  /** Also when the board is gone: it is on another machine. */
  elsewhere: boolean;
  name: string;
  run: () => Promise<void>;
}

/** What a test says is expected while a window is open. */
interface Provocation {
  signatures: readonly string[];
  fromS: number;
}

export interface ScopeEnd {
  artifacts: Artifact[];
  undone: string[];
  /** What the board died of meanwhile, or why it no longer answers. */
  failure: HilError | null;
  /** Null where no test was under way. */
  classification: Classification | null;
}

/** How long undoing may take before the board is power-cycled instead. */
const UNDO_MS = 30_000;
/** How long cancelled calls may take to end. */
const CANCEL_MS = 30_000;
/** How long the rest of the kernel's log may take to come. */
const LOG_MS = 12_000;
/** A board that then does not answer a word for so long, nor a key on its console, is lost. */
const ANSWER_MS = 5000;

export class Session {
  readonly lease: Lease;
  readonly board: Board;
  readonly #sink: BoardSink;
  readonly #end = new AbortController();
  #finish = new AbortController();
  readonly #links = new Map<string, Link>();
  readonly #calls = new Set<Promise<unknown>>();
  #undo: Undo[] = [];
  #undoFromScope = 0;
  readonly #provocations = new Map<string, Provocation>();
  /** Whether the board has been made ready under this lease: only the first time may start from a clean disk. */
  readyOnce = false;

  readonly partners: Partners;
  #air: BoardAir | null = null;

  constructor(lease: Lease, board: Board, sink: BoardSink, peers: Peers) {
    this.lease = lease;
    this.partners = new Partners(board, peers, sink, lease.owner);
    this.board = board;
    this.#sink = sink;
  }

  /** Aborted when the lease ends. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** Aborted when traffic that is under way shall end with what it has seen. */
  get finish(): AbortSignal {
    return this.#finish.signal;
  }

  finishTraffic(): void {
    this.#finish.abort();
    this.#finish = new AbortController();
  }

  /** Work that needs the board to be up: given up when the call, the test, the lease or the board ends. */
  async onBoard<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { board } = this;
    if (board.state === 'off') {
      throw new LabError(`${board.name} is off`, {
        board: board.name,
        code: 'board-off',
        hint: `hil power ${board.name} on`,
      });
    }
    return await this.track(AbortSignal.any([signal, board.life]), work);
  }

  /** Work under the lease: given up when the call or the lease ends. */
  async track<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const all = AbortSignal.any([signal, this.#end.signal]);
    if (all.aborted) throw abortReason(all);
    const promise = work(all);
    this.#calls.add(promise);
    try {
      return await promise;
    } catch (error) {
      // What was lost with the board is explained by what happened to the board.
      if (all.aborted) throw abortReason(all);
      throw error;
    } finally {
      this.#calls.delete(promise);
    }
  }

  /** Starts a link where its radio is: on the board, or on a peer, whose radio nobody else then has. */
  async addLink<H extends AccessPoint | Station>(
    kind: Link['kind'],
    where: { named: string | undefined; on: string | undefined; signal: AbortSignal },
    start: (ctx: BoardContext) => Promise<H>,
  ): Promise<{ id: string; info: H['info'] }> {
    const { ctx, claim } = await this.partners.radio(kind, where);
    let handle: H;
    try {
      handle = await start(ctx);
    } catch (error) {
      claim[Symbol.dispose]();
      throw error;
    }
    const id = randomUUID();
    // Who starts an access point says so by its kind.
    this.#links.set(id, { kind, handle } as unknown as Link);
    const { info } = handle;
    this.#undo.push({
      ...{ id, elsewhere: info.peer !== null, name: `${kind} ${info.interface}` },
      run: async () => {
        using _claim = claim;
        await handle.stop();
      },
    });
    return { id, info };
  }

  ap(id: string): AccessPoint {
    const link = this.#links.get(id);
    if (link?.kind === 'ap') return link.handle;
    throw new ConfigError('this access point was stopped', { board: this.board.name, code: 'link-gone' });
  }

  station(id: string): Station {
    const link = this.#links.get(id);
    if (link?.kind === 'station') return link.handle;
    throw new ConfigError('this station was stopped', { board: this.board.name, code: 'link-gone' });
  }

  /** Opens a shared air with the boards of other leases; it ends with what was started after it. */
  async openAir(partners: readonly Session[], options: AirOptions): Promise<string[]> {
    if (this.#air)
      throw new ConfigError(`${this.board.name} is in a shared air already`, { board: this.board.name });
    const air = new BoardAir(
      [this.board, ...partners.map(({ board }) => board)],
      options,
      this.#sink,
      this.ended,
    );
    let radios: string[];
    try {
      radios = await air.open();
    } catch (error) {
      await air[Symbol.asyncDispose]();
      throw error;
    }
    this.#air = air;
    this.partners.joined(partners.map(({ board }) => board));
    this.#undo.push({
      ...{ id: randomUUID(), elsewhere: true, name: 'shared air' },
      run: async () => {
        this.partners.joined([]);
        this.#air = null;
        await air[Symbol.asyncDispose]();
      },
    });
    return radios;
  }

  get air(): BoardAir {
    if (this.#air) return this.#air;
    throw new ConfigError(`${this.board.name} is in no shared air`, {
      board: this.board.name,
      code: 'no-air',
    });
  }

  async stopLink(id: string): Promise<void> {
    const undo = this.#undo.find((each) => each.id === id);
    if (!undo) return;
    await undo.run();
    this.#links.delete(id);
    this.#undo = this.#undo.filter((each) => each !== undo);
  }

  beginScope(test: string, dir: string): void {
    const { scope } = this.lease;
    if (scope) throw new ConfigError(`the test "${scope.test}" is still under way on ${this.board.name}`);
    this.#sink.recorder = new Recorder(dir);
    this.#sink.scope = new ScopeEvents(monotonicS());
    this.lease.scope = { test, dir };
    this.#undoFromScope = this.#undo.length;
  }

  /** Goes on with the record of a test that was under way when the controller before this one was killed. */
  resumeScope(): void {
    const { scope } = this.lease;
    if (!scope) return;
    this.#sink.recorder = new Recorder(scope.dir);
    this.#sink.scope = new ScopeEvents(monotonicS());
  }

  /** From now on failures are what the test wants: of these signatures or classes, or any. */
  beginProvocation(signatures: readonly string[]): string {
    const id = randomUUID();
    this.#provocations.set(id, { signatures, fromS: monotonicS() });
    return id;
  }

  endProvocation(id: string): void {
    const provocation = this.#provocations.get(id);
    if (!provocation) return;
    this.#provocations.delete(id);
    const { signatures, fromS } = provocation;
    this.#sink.append('harness.action', {
      ...{ action: 'provoked', ok: true, durationMs: (monotonicS() - fromS) * 1000 },
      signatures: [...signatures],
    });
  }

  /** Undoes what was started since beginScope and completes the record. `failure`: what the board died of meanwhile. */
  async endScope(): Promise<ScopeEnd> {
    if (!this.lease.scope) return { artifacts: [], undone: [], failure: null, classification: null };
    const { board } = this;
    let failure = await this.#died();
    const undone = await this.#undoFrom(this.#undoFromScope);
    // What the kernel has logged up to now belongs to this test.
    if (board.state === 'ready') failure ??= await this.#lastWords();
    // It may have died of just that.
    failure ??= await this.#died();
    board.crashes.settle();
    for (const id of [...this.#provocations.keys()]) this.endProvocation(id);
    const { dir } = this.lease.scope;
    this.lease.scope = null;
    const { recorder, scope } = this.#sink;
    // What a board says as it boots for its post-mortem is no failure of the test; what it kept of its crash is the test's.
    this.#sink.scope = null;
    await board.death.postMortem(this.ended);
    this.#sink.recorder = null;
    const artifacts = await this.#closed(recorder);
    if (!scope) return { artifacts, undone, failure, classification: null };
    const { classification, evidence } = await this.#classify(scope, dir);
    return { artifacts: [...artifacts, ...evidence], undone, failure, classification };
  }

  /** What the board has died of, once it has said all of it. */
  async #died(): Promise<HilError | null> {
    const { death, kernelLog } = this.board;
    if (!death.cause) return null;
    await death.restOfPanic(this.ended);
    kernelLog.tellRest();
    return death.cause;
  }

  /** Reads the kernel's log and its dumps to their present end. Gives what became of a board that does not answer. */
  async #lastWords(): Promise<HilError | null> {
    const { board } = this;
    try {
      // A call to a board that hangs ends with its connection only.
      await withDeadline(board.kernelLog.barrier(), LOG_MS, 'reading the kernel log');
      for (const { device, driver, data, truncated } of await takeDevcoredumps(board.remote, this.ended))
        board.crashes.dumped({ device, driver, data, truncated });
      return null;
    } catch (error) {
      if (this.ended.aborted || board.death.cause) return board.death.cause;
      board.suspect(messageOf(error));
      const asked = board.remote.run('true', { quiet: true, signal: this.ended });
      const answers = await withDeadline(asked, ANSWER_MS, 'an answer').then(
        () => true,
        () => false,
      );
      return answers ? null : await board.findOut(this.ended);
    }
  }

  /** What the log of a test says is wrong: each finding becomes an event, and the log they are in a file. */
  async #classify(
    scope: ScopeEvents,
    dir: string,
  ): Promise<{ classification: Classification; evidence: Artifact[] }> {
    if (scope.dropped > 0) {
      const message = `the findings of the test are of its last part: ${scope.dropped} older log lines were dropped`;
      this.#sink.append('journal.note', { message });
    }
    const evidence = evidenceOf(scope.events, scope.fromS);
    const classification = classifyEvidence(evidence, SIGNATURES);
    for (const finding of classification.findings) this.#sink.append('verdict.finding', finding);
    if (classification.findings.length === 0) return { classification, evidence: [] };
    const path = join(dir, 'findings.log');
    await writeFile(path, evidenceLog(evidence.records, scope.fromS));
    return { classification, evidence: [{ name: 'findings.log', path, contentType: 'text/plain' }] };
  }

  /** Ends the lease's work: calls under way are cancelled, everything started is stopped. Never throws. */
  async end(reason: string): Promise<void> {
    this.#end.abort(
      new LabError(`the lease on ${this.board.name} ended: ${reason}`, {
        board: this.board.name,
        code: 'lease-lost',
      }),
    );
    const { recorder } = this.#sink;
    try {
      await withDeadline(Promise.allSettled(this.#calls), CANCEL_MS, 'the end of cancelled calls');
      await this.#undoFrom(0);
      if (this.board.state === 'ready') await this.board.remote.reap();
      await withDeadline(this.partners.close(), UNDO_MS, 'the end of what ran on its peers');
    } catch (error) {
      this.board.suspect(`could not be cleaned after the lease (${messageOf(error)})`);
    }
    // Unset first: a late line must not be written after the end of its file.
    this.#sink.recorder = null;
    this.#sink.scope = null;
    await this.#closed(recorder);
    // Nobody is left whose test it could explain.
    this.board.death.forget();
  }

  /** Completes the files of a test; what can't be written is told, and the rest of the test goes on. */
  async #closed(recorder: Recorder | null): Promise<Artifact[]> {
    try {
      return (await recorder?.close()) ?? [];
    } catch (error) {
      this.#sink.append('journal.note', {
        message: `the record of the test is not complete: ${messageOf(error)}`,
      });
      return [];
    }
  }

  /** Undoes, last first, what was begun after the given number of steps. A board that can't be cleaned becomes suspect. */
  async #undoFrom(first: number): Promise<string[]> {
    const undone: string[] = [];
    const steps = this.#undo.splice(first).reverse();
    for (const { id, name, run, elsewhere } of steps) {
      this.#links.delete(id);
      // With its power or its kernel gone, nothing is left to undo.
      if (this.board.state !== 'ready' && !elsewhere) continue;
      try {
        await withDeadline(run(), UNDO_MS, `stopping ${name}`);
        undone.push(name);
      } catch (error) {
        this.board.suspect(`${name} could not be stopped (${messageOf(error)})`);
      }
    }
    return undone;
  }
}

async function withDeadline(work: Promise<unknown>, ms: number, what: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new LabError(`${what} took over ${ms / 1000} s`, { code: 'timeout' })),
    ms,
  );
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
