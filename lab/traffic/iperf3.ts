/**
 * One iperf3 test between two ends on a board: the real program at both, intervals as they happen, both ended on every
 * path. What counts is what arrived: intervals are those of the receiving end.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import { quote, type RemoteProcess } from '../board/remote.ts';
import { abortReason, ConfigError, LabError, messageOf } from '../errors.ts';
import { type Iperf3Interval, Iperf3Options, type Iperf3Result } from './iperf3-options.ts';
import { type Iperf3Failure, type Iperf3Line, iperf3Failure, parseIperf3Line } from './iperf3-output.ts';

type Options = z.output<typeof Iperf3Options>;

export interface Iperf3Hooks {
  onInterval?: (interval: Iperf3Interval) => void;
  signal: AbortSignal;
}

const LISTEN_MS = 15_000;
const CONNECT_MS = 8000;
/** Between the end of the last interval and the end of the program: results are exchanged. */
const CLOSING_S = 20;

/**
 * Runs a test. A test that did not run to its end gives a result with `error`, which says whose fault it was; throws
 * LabError when the board itself is lost or the signal is aborted.
 */
export async function runIperf3(
  ctx: BoardContext,
  input: z.input<typeof Iperf3Options>,
  hooks: Iperf3Hooks,
): Promise<Iperf3Result> {
  return await new Iperf3Test(ctx, Iperf3Options.parse(input), hooks).run();
}

class Iperf3Test {
  readonly #ctx: BoardContext;
  readonly #options: Options;
  readonly #hooks: Iperf3Hooks;
  readonly #id = randomUUID();
  readonly #port = randomInt(20_000, 60_000);
  readonly #output = { client: '', server: '' };
  readonly #intervals: Iperf3Interval[] = [];
  readonly #summaries: Partial<Record<'sender' | 'receiver', Iperf3Interval>> = {};
  readonly #stalled = Promise.withResolvers<Iperf3Failure>();
  #listening: () => void = () => undefined;
  #watchdog: NodeJS.Timeout | null = null;

  constructor(ctx: BoardContext, options: Options, hooks: Iperf3Hooks) {
    this.#ctx = ctx;
    this.#options = options;
    this.#hooks = hooks;
  }

  async run(): Promise<Iperf3Result> {
    const { journal } = this.#ctx;
    const command = this.#clientCommand();
    journal.append('iperf3.start', {
      test: this.#id,
      command,
      protocol: this.#options.protocol,
      direction: this.#options.direction,
    });
    let failure: Iperf3Failure | null;
    try {
      failure = await this.#transfer(command);
    } catch (error) {
      journal.append('iperf3.end', { test: this.#id, ok: false, bitsPerSecond: 0, error: messageOf(error) });
      throw error;
    }
    const result = this.#result(failure);
    const { bitsPerSecond, error } = result;
    const end = error ? { error: error.message, fault: error.fault } : {};
    journal.append('iperf3.end', { test: this.#id, ok: !error, bitsPerSecond, ...end });
    return result;
  }

  /** Gives what kept the test from running to its end; null when it did. */
  async #transfer(command: string): Promise<Iperf3Failure | null> {
    const { remote } = this.#ctx;
    const { signal } = this.#hooks;
    const { promise: listening, resolve } = Promise.withResolvers<'listening'>();
    this.#listening = () => resolve('listening');
    await using server = await remote.stream(this.#serverCommand(), {
      signal,
      onLine: (line) => this.#line('server', line),
    });
    const ready = await Promise.race([listening, server.exited, delay(LISTEN_MS, signal)]);
    if (ready !== 'listening') {
      const why = iperf3Failure(this.#output.server);
      if (why) return why;
      return {
        fault: 'lab',
        code: 'server-failed',
        message: `the iperf3 server did not listen: ${this.#output.server.trim()}`,
      };
    }
    await using client = await remote.stream(command, {
      signal,
      onLine: (line) => this.#line('client', line),
    });
    this.#feedWatchdog(CONNECT_MS / 1000 + this.#options.stallTimeoutS);
    try {
      const outcome = await Promise.race([client.exited, this.#stalled.promise]);
      if (signal.aborted) throw abortReason(signal);
      if ('fault' in outcome) return outcome;
      const complaint = iperf3Failure(this.#output.client);
      if (complaint) return await this.#blame(complaint, server);
      if (outcome.exitCode !== 0)
        return {
          fault: 'lab',
          code: 'client-failed',
          message: `the iperf3 client ended with ${outcome.exitCode ?? outcome.signal}`,
        };
      // With -1 the server ends after its test; its last lines are the receiver's.
      await Promise.race([server.exited, delay(CLOSING_S * 1000, signal)]);
      return null;
    } finally {
      if (this.#watchdog) clearTimeout(this.#watchdog);
    }
  }

  /** A connection lost because the server died is the lab's fault, not the link's. */
  async #blame(complaint: Iperf3Failure, server: RemoteProcess): Promise<Iperf3Failure> {
    if (complaint.code !== 'control-lost' || this.#summaries.receiver) return complaint;
    const gone = await Promise.race([
      server.exited.then(() => true),
      delay(500, this.#hooks.signal).then(() => false),
    ]);
    const said = iperf3Failure(this.#output.server);
    return gone && !said
      ? { fault: 'lab', code: 'server-died', message: `${complaint.message}: the iperf3 server had ended` }
      : complaint;
  }

  #line(end: 'client' | 'server', line: string): void {
    this.#output[end] += `${line}\n`;
    if (end === 'server' && /^Server listening/.test(line)) this.#listening();
    const parsed = parseIperf3Line(line);
    if (!parsed || !this.#counts(parsed)) return;
    if (parsed.summary) {
      // Each end prints both summaries; only the receiver itself knows what arrived.
      const own = end === this.#receiver ? 'receiver' : 'sender';
      if (parsed.summary === own) this.#summaries[own] = parsed.interval;
      return;
    }
    if (parsed.omitted || end !== this.#receiver) return;
    this.#interval(parsed.interval);
  }

  #interval(interval: Iperf3Interval): void {
    // The last, broken interval of a receiver is a few milliseconds long and tells nothing.
    if (interval.endS - interval.startS < this.#options.intervalS / 2) return;
    this.#feedWatchdog(
      this.#options.stallTimeoutS + (interval.endS >= this.#options.durationS ? CLOSING_S : 0),
    );
    this.#intervals.push(interval);
    this.#ctx.journal.append('iperf3.interval', { test: this.#id, ...interval });
    this.#hooks.onInterval?.(interval);
  }

  /** Ends the test when the receiver falls silent: on a frozen link iperf3 itself would hang for ever. */
  #feedWatchdog(seconds: number): void {
    if (this.#watchdog) clearTimeout(this.#watchdog);
    const at = this.#intervals.at(-1)?.endS ?? 0;
    this.#watchdog = setTimeout(() => {
      this.#stalled.resolve({
        fault: 'product',
        code: 'stalled',
        message: `nothing arrived for ${seconds} s, up to second ${at.toFixed(0)}: the link stands still`,
      });
    }, seconds * 1000);
  }

  #counts({ stream }: Iperf3Line): boolean {
    return this.#options.parallel === 1 || stream === 'SUM';
  }

  get #receiver(): 'client' | 'server' {
    return this.#options.direction === 'up' ? 'server' : 'client';
  }

  #result(failure: Iperf3Failure | null): Iperf3Result {
    const { receiver, sender } = this.#summaries;
    const { protocol, direction } = this.#options;
    const total = receiver ?? sum(this.#intervals);
    const retransmits = sender?.retransmits;
    const incomplete =
      failure ??
      (receiver
        ? null
        : { fault: 'lab' as const, code: 'no-result', message: 'the receiving end gave no result' });
    return {
      ...{ protocol, direction, intervals: this.#intervals, bitsPerSecond: total.bitsPerSecond },
      ...(retransmits === undefined ? {} : { retransmits }),
      ...(total.lostPackets === undefined ? {} : { lostPackets: total.lostPackets }),
      ...(total.packets === undefined ? {} : { packets: total.packets }),
      ...(total.jitterMs === undefined ? {} : { jitterMs: total.jitterMs }),
      ...{ clientOutput: this.#output.client, serverOutput: this.#output.server },
      ...(incomplete ? { error: incomplete } : {}),
    };
  }

  #serverCommand(): string {
    const { server, intervalS } = this.#options;
    return this.#inside(
      server.namespace,
      `iperf3 -s -1 -p ${this.#port} -i ${intervalS} -f k --forceflush 2>&1`,
    );
  }

  #clientCommand(): string {
    const { server, client, protocol, direction, rateBps, durationS, intervalS, parallel, omitS } =
      this.#options;
    if (!/^[\w.:-]+$/.test(server.address))
      throw new ConfigError(`"${server.address}" is no address for iperf3`);
    const words = [
      `iperf3 -c ${server.address} -p ${this.#port} -t ${durationS} -i ${intervalS} -f k --forceflush --connect-timeout ${CONNECT_MS}`,
      ...(protocol === 'udp' ? ['-u'] : []),
      ...(rateBps === undefined ? [] : [`-b ${Math.round(rateBps)}`]),
      ...(direction === 'down' ? ['-R'] : []),
      ...(parallel === 1 ? [] : [`-P ${parallel}`]),
      ...(omitS === 0 ? [] : [`-O ${omitS}`]),
    ];
    return this.#inside(client.namespace, `${words.join(' ')} 2>&1`);
  }

  #inside(namespace: string | null, command: string): string {
    return namespace === null
      ? command
      : `ip netns exec ${quote(namespace)} sh -c ${quote(`exec ${command}`)}`;
  }
}

function sum(intervals: readonly Iperf3Interval[]): Iperf3Interval {
  const total = (pick: (interval: Iperf3Interval) => number | undefined) =>
    intervals.reduce((all, each) => all + (pick(each) ?? 0), 0);
  const endS = intervals.at(-1)?.endS ?? 0;
  const bytes = total(({ bytes: each }) => each);
  const udp = intervals.some(({ packets }) => packets !== undefined);
  const loss = udp
    ? { lostPackets: total(({ lostPackets }) => lostPackets), packets: total(({ packets }) => packets) }
    : {};
  return { startS: 0, endS, bytes, bitsPerSecond: endS === 0 ? 0 : (bytes * 8) / endS, ...loss };
}

/** Resolves after a time, for races; rejects when the signal is aborted. */
async function delay(ms: number, signal: AbortSignal): Promise<'late'> {
  const { promise, resolve, reject } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), ms);
  timer.unref();
  const onAbort = () => reject(signal.aborted ? abortReason(signal) : new LabError('cancelled'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  promise.catch(() => undefined);
  return await promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}
