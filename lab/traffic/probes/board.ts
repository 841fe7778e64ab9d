/**
 * The board beside its traffic: processor, memory, temperature, queues, and what its radios know of the other end. Asked once a
 * second; less often where the asking would cost more than one percent of its processor.
 */
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoardContext } from '../../board/context.ts';
import type { Remote, RemoteProcess } from '../../board/remote.ts';
import { LabError, messageOf } from '../../errors.ts';
import { inNamespace } from '../../links/namespace.ts';
import { within } from '../../within.ts';
import { type BoardSample, type BoardTimes, endsSample, parseSample, samplingScript } from './sample.ts';

const PERIOD_MS = 1000;
const LONGEST_MS = 30_000;
/** Part of the board's processors that the asking may take. */
const COST = 0.01;
const ANSWER_MS = 10_000;

export interface ProbedEnd {
  end: 'server' | 'client' | 'both';
  remote: Remote;
  /** Those with radios, the one that answers for the board first; null is the root one. */
  namespaces: readonly (string | null)[];
  /** Words for the interrupts of its radio, such as the driver's name. */
  interrupts: readonly string[];
}

/** Goes on until it is disposed of; a board that does not answer is asked again. */
export class BoardProbe implements AsyncDisposable {
  readonly #ctx: BoardContext;
  readonly #probed: ProbedEnd;
  readonly #askers: Asker[];
  readonly #end = new AbortController();
  readonly #going: Promise<void>;
  #before: { times: BoardTimes; ticks: ReadonlyMap<number, number> } | null = null;
  #silent = false;

  constructor(ctx: BoardContext, probed: ProbedEnd) {
    this.#ctx = ctx;
    this.#probed = probed;
    const signal = AbortSignal.any([this.#end.signal, ctx.signal]);
    this.#askers = probed.namespaces.map(
      (each, index) => new Asker(probed.remote, each, index === 0, signal),
    );
    this.#going = this.#go();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new LabError('no longer probed', { code: 'aborted' }));
    await this.#going;
    // Whoever is lost took them along.
    await Promise.all(this.#askers.map((each) => each.end())).catch((error: unknown) => this.#note(error));
  }

  async #go(): Promise<void> {
    const { interrupts } = this.#probed;
    const signal = AbortSignal.any([this.#end.signal, this.#ctx.signal]);
    let periodMs = PERIOD_MS;
    while (!signal.aborted) {
      const began = performance.now();
      try {
        const answers = await Promise.all(this.#askers.map((each) => each.ask()));
        periodMs = this.#tell(
          answers.map((each) => parseSample(each, interrupts)),
          periodMs,
        );
        this.#silent = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#silent) this.#note(error);
        this.#silent = true;
      }
      // Rejected only by its signal, which the loop looks at.
      await delay(periodMs - (performance.now() - began), undefined, { signal }).catch(() => undefined);
    }
  }

  #note(error: unknown): void {
    const message = `${this.#probed.remote.name} is not probed: ${messageOf(error)}`;
    this.#ctx.journal.append('journal.note', { message });
  }

  /** Gives the time to the next question. */
  #tell(samples: readonly BoardSample[], periodMs: number): number {
    const { journal } = this.#ctx;
    const { end } = this.#probed;
    for (const { peers, queue, ...counters } of samples.flatMap(({ radios }) => radios)) {
      journal.append('probe.interface', { end, ...counters, ...queue });
      for (const { mac, ...known } of peers)
        journal.append('probe.radio', { end, interface: counters.interface, station: mac, ...known });
    }
    const [board] = samples;
    if (!board?.times) return periodMs;
    const { times, totalKb, availableKb, slabKb, temperatureC, interrupts } = board;
    const ticks = new Map(samples.flatMap(({ asking }) => (asking ? [[asking.pid, asking.ticks]] : [])));
    const before = this.#before;
    this.#before = { times, ticks };
    if (!before || times.total <= before.times.total) return periodMs;
    const total = times.total - before.times.total;
    const part = (count: number) => Math.min(1, Math.max(0, count / total));
    const spent = [...ticks].map(([pid, count]) => count - (before.ticks.get(pid) ?? count));
    const cost = ticks.size === 0 ? null : part(spent.reduce((sum, each) => sum + each, 0));
    journal.append('probe.board', {
      ...{ end, busy: part(total - (times.idle - before.times.idle)) },
      softirq: part(times.softirq - before.times.softirq),
      ...(totalKb !== null && availableKb !== null ? { totalKb, availableKb } : {}),
      ...(slabKb === null ? {} : { slabKb }),
      ...(temperatureC === null ? {} : { temperatureC }),
      ...(interrupts === null ? {} : { interrupts }),
      ...(cost === null ? {} : { cost }),
      periodS: periodMs / 1000,
    });
    return cost === null ? periodMs : nextPeriod(periodMs, cost);
  }
}

/** A program on the board that answers, in one of its namespaces. */
class Asker {
  readonly #remote: Remote;
  readonly #command: string;
  readonly #signal: AbortSignal;
  #running: { process: RemoteProcess; input: PassThrough } | null = null;
  #lines: string[] = [];
  /** The question under way. */
  #asked: PromiseWithResolvers<string> | null = null;

  constructor(remote: Remote, namespace: string | null, whole: boolean, signal: AbortSignal) {
    this.#remote = remote;
    this.#command = inNamespace(namespace, samplingScript(whole));
    this.#signal = signal;
  }

  /** Throws what starting a program throws, and LabError when it gives no answer: the next question starts it anew. */
  async ask(): Promise<string> {
    this.#running ??= await this.#start();
    this.#lines = [];
    this.#asked = Promise.withResolvers();
    this.#running.input.write('\n');
    try {
      return await within(this.#asked.promise, {
        ...{ timeoutMs: ANSWER_MS, signal: this.#signal },
        late: () => new LabError(`no answer in ${ANSWER_MS / 1000} s`, { code: 'timeout' }),
      });
    } catch (error) {
      if (!this.#signal.aborted) await this.end().catch(() => undefined);
      throw error;
    }
  }

  async end(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    running?.input.end();
    await running?.process.stop();
  }

  async #start(): Promise<{ process: RemoteProcess; input: PassThrough }> {
    const input = new PassThrough();
    const process = await this.#remote.stream(this.#command, {
      ...{ quiet: true, stdin: input },
      onLine: (line, stream) => {
        if (stream === 'stderr') return;
        if (!endsSample(line)) this.#lines.push(line);
        else this.#asked?.resolve(this.#lines.join('\n'));
      },
    });
    const gone = () => this.#asked?.reject(new LabError('its probe has ended', { code: 'probe-ended' }));
    process.exited.then(gone, gone);
    return { process, input };
  }
}

/** Longer where the asking cost too much, shorter again where it could be asked more often. */
export function nextPeriod(periodMs: number, cost: number): number {
  const fitting = periodMs * (cost / COST);
  // Half the way back at a time: ticks of 10 ms are coarse.
  const wanted = fitting > periodMs ? fitting : Math.max(fitting, periodMs / 2);
  return Math.round(Math.min(LONGEST_MS, Math.max(PERIOD_MS, wanted)));
}
