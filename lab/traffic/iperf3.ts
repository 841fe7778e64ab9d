/**
 * One iperf3 test between two ends on a board: the real program at both, intervals as they happen, both ended on every
 * path. What counts is what arrived: intervals are those of the receiving end.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import type { Remote, RemoteProcess } from '../board/remote.ts';
import { abortReason, asHilError, ConfigError } from '../errors.ts';
import { inNamespace } from '../links/namespace.ts';
import { type Iperf3Interval, Iperf3Options, type Iperf3Result } from './iperf3-options.ts';
import { type Iperf3Failure, type Iperf3Line, iperf3Failure, parseIperf3Line } from './iperf3-output.ts';

/** Ways in which a link ends a test, or a server that is gone. */
const LOST: readonly string[] = ['control-lost', 'stalled'];

type Options = z.output<typeof Iperf3Options>;

export interface Iperf3Hooks {
  onInterval?: (interval: Iperf3Interval) => void;
  signal: AbortSignal;
  /** The machine of an end, where that is not the board. */
  ends?: { server?: Remote; client?: Remote };
}

/** Below the ports that Linux gives to outgoing connections (ip_local_port_range). */
const PORTS = { first: 20_000, end: 32_768 };
const LISTEN_MS = 15_000;
const CONNECT_MS = 8000;
/** Between the end of the last interval and the end of the program: results are exchanged. */
const CLOSING_S = 20;

/**
 * Runs a test. A test that did not run to its end gives a result with `error`, which says whose fault it was. Throws
 * ConfigError when its ends would talk past the air, LabError when the board itself is lost or the signal is aborted.
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
  readonly #port = randomInt(PORTS.first, PORTS.end);
  readonly #output = { client: '', server: '' };
  readonly #intervals: Iperf3Interval[] = [];
  readonly #summaries: Partial<Record<'sender' | 'receiver', Iperf3Interval>> = {};
  readonly #stalled = Promise.withResolvers<Iperf3Failure>();
  #listening: () => void = () => undefined;
  #watchdog: NodeJS.Timeout | null = null;
  #closing = false;

  constructor(ctx: BoardContext, options: Options, hooks: Iperf3Hooks) {
    this.#ctx = ctx;
    this.#options = options;
    this.#hooks = hooks;
  }

  async run(): Promise<Iperf3Result> {
    const { journal } = this.#ctx;
    this.#checkEnds();
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
      const { message, fault } = asHilError(error);
      journal.append('iperf3.end', { test: this.#id, ok: false, bitsPerSecond: 0, error: message, fault });
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
    const { signal } = this.#hooks;
    if (signal.aborted) throw abortReason(signal);
    const { server: serverEnd, client: clientEnd } = this.#ends;
    const { promise: listening, resolve } = Promise.withResolvers<'listening'>();
    this.#listening = () => resolve('listening');
    await using server = await serverEnd.stream(this.#serverCommand(), {
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
        message: `the iperf3 server did not listen: ${tail(this.#output.server)}`,
      };
    }
    await using client = await clientEnd.stream(command, {
      signal,
      onLine: (line) => this.#line('client', line),
    });
    this.#feedWatchdog(CONNECT_MS / 1000 + this.#options.stallTimeoutS);
    try {
      const outcome = await Promise.race([client.exited, this.#stalled.promise]);
      if (signal.aborted) throw abortReason(signal);
      if ('fault' in outcome) return await this.#blame(outcome, server);
      const complaint = iperf3Failure(this.#output.client);
      if (complaint) return await this.#blame(complaint, server);
      if (outcome.exitCode !== 0)
        return {
          fault: 'lab',
          code: 'client-failed',
          message: `the iperf3 client ended with ${outcome.exitCode ?? outcome.signal}: ${tail(this.#output.client)}`,
        };
      // With -1 the server ends after its test; its last lines are the receiver's.
      await Promise.race([server.exited, delay(CLOSING_S * 1000, signal)]);
      return null;
    } finally {
      if (this.#watchdog) clearTimeout(this.#watchdog);
    }
  }

  /** What was lost because the server died is the lab's fault, not the link's. */
  async #blame(complaint: Iperf3Failure, server: RemoteProcess): Promise<Iperf3Failure> {
    if (!LOST.includes(complaint.code) || this.#summaries.receiver) return complaint;
    const gone = await Promise.race([
      server.exited.then(() => true),
      delay(500, this.#hooks.signal).then(() => false),
    ]);
    if (!gone || iperf3Failure(this.#output.server)) return complaint;
    return {
      fault: 'lab',
      code: 'server-died',
      message: `${complaint.message}: the iperf3 server had ended`,
    };
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
    this.#intervals.push(interval);
    // A receiver counts on through a dead link, at nothing a second: only what arrives is a sign of life.
    if (interval.bytes > 0) this.#feedWatchdog(this.#options.stallTimeoutS);
    if (interval.endS >= this.#options.durationS && !this.#closing) {
      this.#closing = true;
      this.#feedWatchdog(CLOSING_S);
    }
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

  get #ends(): { server: Remote; client: Remote } {
    const { remote } = this.#ctx;
    return { server: this.#hooks.ends?.server ?? remote, client: this.#hooks.ends?.client ?? remote };
  }

  /** Within one namespace the kernel hands datagrams over by itself, whatever interface has the address. */
  #checkEnds(): void {
    const { server, client } = this.#options;
    const ends = this.#ends;
    if (ends.server !== ends.client || server.namespace !== client.namespace) return;
    if (/^(?:127\.|::1$|localhost$)/.test(server.address)) return;
    throw new ConfigError(`${this.#ctx.name}: both ends of iperf3 are in the same network namespace`, {
      board: this.#ctx.name,
      code: 'same-namespace',
      hint: 'nothing would cross the link: give the client the namespace of its station',
    });
  }

  #serverCommand(): string {
    const { server, intervalS } = this.#options;
    const command = `iperf3 -s -1 -p ${this.#port} -i ${intervalS} -f k --forceflush 2>&1`;
    return inNamespace(server.namespace, `exec ${command}`);
  }

  #clientCommand(): string {
    const { server, client, protocol, direction, rateBps, durationS, intervalS, parallel, omitS } =
      this.#options;
    if (!/^[\w.:-]+$/.test(server.address) || server.address.startsWith('-'))
      throw new ConfigError(`"${server.address}" is no address for iperf3`, { code: 'bad-address' });
    const words = [
      `exec iperf3 -c ${server.address} -p ${this.#port} -t ${durationS} -i ${intervalS} -f k --forceflush`,
      `--connect-timeout ${CONNECT_MS}`,
      ...(protocol === 'udp' ? ['-u'] : []),
      ...(rateBps === undefined ? [] : [`-b ${Math.round(rateBps)}`]),
      ...(direction === 'down' ? ['-R'] : []),
      ...(parallel === 1 ? [] : [`-P ${parallel}`]),
      ...(omitS === 0 ? [] : [`-O ${omitS}`]),
      '2>&1',
    ];
    return inNamespace(client.namespace, words.join(' '));
  }
}

/** The end of an output, for messages. */
function tail(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ').slice(-300);
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
  if (signal.aborted) throw abortReason(signal);
  const { promise, resolve, reject } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), ms);
  timer.unref();
  const onAbort = () => reject(abortReason(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  return await promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}
