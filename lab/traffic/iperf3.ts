/**
 * One iperf3 test between two ends: the real program at both, intervals as they happen, both ended on every path. What counts is
 * what arrived: intervals are those of the receiving end.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { BoardContext } from '../board/context.ts';
import type { Remote, RemoteProcess } from '../board/remote.ts';
import { abortReason, asHilError, ConfigError } from '../errors.ts';
import { type HostLoad, mostlySaturated } from '../verdict/soak/saturation.ts';
import {
  CONNECT_MS,
  clientCommand,
  connectedIn,
  directionOf,
  type EndName,
  EndReader,
  listensCommand,
  serverCommand,
} from './iperf3-end.ts';
import {
  type Direction,
  type FullIperf3Options,
  type Iperf3Interval,
  Iperf3Options,
  type Iperf3Result,
} from './iperf3-options.ts';
import { type Iperf3Failure, type Iperf3Report, iperf3Failure } from './iperf3-output.ts';
import { Tally } from './iperf3-tally.ts';
import { askIperf3, can, type Iperf3Ability, type Iperf3Version, sinceWhen } from './iperf3-version.ts';
import { type Emulator, HostProbe } from './probes/host.ts';

/** Ways in which a link ends a test, or a server that is gone: in the middle of UDP its kernel then refuses. */
const LOST: readonly string[] = ['control-lost', 'stalled', 'connection-refused', 'handshake-lost'];

export interface Iperf3Hooks {
  onInterval?: (interval: Iperf3Interval) => void;
  signal: AbortSignal;
  /** Ends the traffic before its time; what was seen until then is the result. */
  finish?: AbortSignal;
  /** The machine of an end, where that is not the board. */
  ends?: { server?: Remote; client?: Remote };
  /** By when the client must have reached the server and each stream of UDP had its first answer. */
  handshakeMs?: number;
  /** Of the boards at the ends that are emulated. */
  emulators?: readonly Emulator[];
}

/** Below the ports that Linux gives to outgoing connections (ip_local_port_range). */
const PORTS = { first: 20_000, end: 32_768 };
const LISTEN_MS = 15_000;
/** Between the end of the last interval and the end of the program: results are exchanged. */
const CLOSING_S = 20;
/** The default of handshakeMs: somewhat longer than the client tries to connect. */
const HANDSHAKE_MS = CONNECT_MS + 2000;
/** iperf3 sends the first datagram of UDP once, and waits for ever: on a link that loses frames it is begun anew. */
const HANDSHAKES = 3;
/** How long they may take for that when they are told to end. */
const FINISH_MS = 5000;

/**
 * Runs a test. A test that did not run to its end gives a result with `error`, which says whose fault it was. Throws
 * ConfigError when its ends would talk past the air, or when one of them has no iperf3 that can do it; LabError when the board
 * itself is lost or the signal is aborted.
 */
export async function runIperf3(
  ctx: BoardContext,
  input: z.input<typeof Iperf3Options>,
  hooks: Iperf3Hooks,
): Promise<Iperf3Result> {
  const options = Iperf3Options.parse(input);
  const ends = { server: hooks.ends?.server ?? ctx.remote, client: hooks.ends?.client ?? ctx.remote };
  checkEnds(ctx.name, options, ends);
  const [server, client] = await Promise.all([
    versionAt(ends.server, options.direction, hooks.signal),
    versionAt(ends.client, options.direction, hooks.signal),
  ]);
  for (let attempt = 1; ; attempt++) {
    const result = await new Iperf3Test(ctx, options, hooks, ends, { server, client }).run();
    if (result.error?.code !== 'handshake-lost' || attempt === HANDSHAKES) return result;
  }
}

class Iperf3Test {
  readonly #ctx: BoardContext;
  readonly #options: FullIperf3Options;
  readonly #hooks: Iperf3Hooks;
  readonly #ends: Readonly<Record<EndName, Remote>>;
  readonly #versions: Readonly<Record<EndName, Iperf3Version>>;
  readonly #readers: Readonly<Record<EndName, EndReader>>;
  readonly #id = randomUUID();
  readonly #port = randomInt(PORTS.first, PORTS.end);
  readonly #output = { client: '', server: '' };
  readonly #tally = new Tally();
  readonly #stalled = Promise.withResolvers<Iperf3Failure>();
  readonly #watchdogs = new Map<Direction, NodeJS.Timeout>();
  readonly #closing = new Set<Direction>();
  readonly #loads: HostLoad[] = [];
  /** Streams of UDP of which the client has not said yet that they are connected; TCP says by itself what it lacks. */
  #unconnected: number;
  /**
   * Intervals until then: a server whose answer was lost counts a client that never begins, and a client says with its own first
   * interval only that it is connected.
   */
  readonly #held: [Direction, Iperf3Interval][] = [];
  /** The server may say so before anybody waits for it. */
  readonly #listening = Promise.withResolvers<'listening'>();

  constructor(
    ctx: BoardContext,
    options: FullIperf3Options,
    hooks: Iperf3Hooks,
    ends: Readonly<Record<EndName, Remote>>,
    versions: Readonly<Record<EndName, Iperf3Version>>,
  ) {
    this.#ctx = ctx;
    this.#options = options;
    this.#hooks = hooks;
    this.#ends = ends;
    this.#versions = versions;
    this.#unconnected = options.protocol === 'udp' ? options.parallel * this.#directions.length : 0;
    this.#readers = {
      client: new EndReader('client', options, versions.client),
      server: new EndReader('server', options, versions.server),
    };
  }

  async run(): Promise<Iperf3Result> {
    const { journal } = this.#ctx;
    const { protocol, direction } = this.#options;
    const command = clientCommand(this.#options, this.#port, this.#versions.client);
    journal.append('iperf3.start', { test: this.#id, command, protocol, direction });
    let failure: Iperf3Failure | null;
    using _probe = new HostProbe((load) => {
      journal.append('probe.host', load);
      this.#loads.push(load);
    }, this.#hooks.emulators);
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
    await using server = await this.#ends.server.stream(
      serverCommand(this.#options, this.#port, this.#versions.server),
      { signal, onLine: (line) => this.#line('server', line) },
    );
    const late = await this.#awaitServer(server);
    if (late) return late;
    await using client = await this.#ends.client.stream(command, {
      signal,
      onLine: (line) => this.#line('client', line),
    });
    for (const direction of this.#directions)
      this.#feedWatchdog(direction, CONNECT_MS / 1000 + this.#options.stallTimeoutS);
    // Its output comes with its first interval.
    const { handshakeMs = HANDSHAKE_MS + this.#options.intervalS * 1000 } = this.#hooks;
    const handshake = setTimeout(() => this.#handshakeLost(handshakeMs), handshakeMs);
    try {
      const finished = this.#finished();
      const outcome = await Promise.race([client.exited, this.#stalled.promise, finished]);
      if (signal.aborted) throw abortReason(signal);
      if (outcome === 'finished') {
        // Told to end, the client still exchanges results with the server.
        await client.kill('INT');
        await Promise.race([Promise.all([client.exited, server.exited]), delay(FINISH_MS, signal)]);
        return null;
      }
      if ('fault' in outcome) return await this.#blame(outcome, server);
      const complaint = iperf3Failure(this.#output.client, this.#ends.client.name);
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
      clearTimeout(handshake);
      for (const timer of this.#watchdogs.values()) clearTimeout(timer);
    }
  }

  #handshakeLost(afterMs: number): void {
    if (this.#unconnected === 0) return;
    this.#stalled.resolve({
      ...{ fault: 'product', code: 'handshake-lost' },
      message: `the first datagrams, which iperf3 sends once, did not get through in ${afterMs / 1000} s`,
    });
  }

  /** Resolves when somebody wants the traffic to end, if anybody does. */
  #finished(): Promise<'finished'> {
    const { finish } = this.#hooks;
    const { promise, resolve } = Promise.withResolvers<'finished'>();
    if (finish?.aborted) resolve('finished');
    finish?.addEventListener('abort', () => resolve('finished'), { once: true });
    return promise;
  }

  /** Null when it listens. */
  async #awaitServer(server: RemoteProcess): Promise<Iperf3Failure | null> {
    const { signal } = this.#hooks;
    const { promise: listening, resolve } = this.#listening;
    if (can(this.#versions.server, 'json-stream'))
      this.#ends.server
        .run(listensCommand(this.#options, this.#port, LISTEN_MS / 1000), {
          ...{ signal, quiet: true, timeoutMs: 2 * LISTEN_MS },
        })
        .then(
          ({ exitCode }) => exitCode === 0 && resolve('listening'),
          // Who is lost is told by the server's own end, or by its deadline.
          () => undefined,
        );
    const ready = await Promise.race([listening, server.exited, delay(LISTEN_MS, signal)]);
    if (ready === 'listening') return null;
    return (
      iperf3Failure(this.#output.server, this.#ends.server.name) ?? {
        fault: 'lab',
        code: 'server-failed',
        message: `the iperf3 server did not listen: ${tail(this.#output.server)}`,
      }
    );
  }

  /** What was lost because the server died is the lab's fault, not the link's. */
  async #blame(complaint: Iperf3Failure, server: RemoteProcess): Promise<Iperf3Failure> {
    if (!LOST.includes(complaint.code) || this.#tally.complete) return complaint;
    const gone = await Promise.race([
      server.exited.then(() => true),
      delay(500, this.#hooks.signal).then(() => false),
    ]);
    if (!gone || iperf3Failure(this.#output.server, this.#ends.server.name)) return complaint;
    return {
      fault: 'lab',
      code: 'server-died',
      message: `${complaint.message}: the iperf3 server had ended`,
    };
  }

  #line(end: EndName, line: string): void {
    this.#output[end] += `${line}\n`;
    if (end === 'server' && /^Server listening/.test(line)) this.#listening.resolve('listening');
    if (end === 'client' && this.#unconnected > 0) {
      this.#unconnected -= connectedIn(line);
      if (this.#unconnected <= 0) for (const each of this.#held.splice(0)) this.#interval(...each);
    }
    for (const report of this.#readers[end].read(line)) this.#report(end, report);
  }

  #report(end: EndName, report: Iperf3Report): void {
    switch (report.kind) {
      case 'failure':
        this.#output[end] += `${report.text}\n`;
        return;
      case 'end':
        this.#tally.ended(directionOf(end, 'receiver'), report.outOfOrder);
        return;
      case 'summary':
        this.#tally.summary(directionOf(end, report.role), report.role, report.interval);
        return;
      case 'interval': {
        const direction = directionOf(end, report.role);
        if (report.omitted) return;
        if (report.role === 'sender') this.#tally.sent(direction, report.interval);
        else if (this.#unconnected > 0) this.#held.push([direction, report.interval]);
        else this.#interval(direction, report.interval);
      }
    }
  }

  #interval(direction: Direction, counted: Iperf3Interval): void {
    // The last, broken interval of a receiver is a few milliseconds long and tells nothing.
    if (counted.endS - counted.startS < this.#options.intervalS / 2) return;
    const interval = this.#options.direction === 'both' ? { ...counted, direction } : counted;
    this.#tally.received(direction, interval);
    // A receiver counts on through a dead link, at nothing a second: only what arrives is a sign of life.
    if (interval.bytes > 0) this.#feedWatchdog(direction, this.#options.stallTimeoutS);
    // Intervals end some milliseconds early or late.
    if (interval.endS >= this.#options.durationS - 0.05 && !this.#closing.has(direction)) {
      this.#closing.add(direction);
      this.#feedWatchdog(direction, CLOSING_S);
    }
    this.#ctx.journal.append('iperf3.interval', { test: this.#id, ...interval });
    this.#hooks.onInterval?.(interval);
  }

  /** Ends the test when a receiver falls silent: on a frozen link iperf3 itself would hang for ever. */
  #feedWatchdog(direction: Direction, seconds: number): void {
    clearTimeout(this.#watchdogs.get(direction));
    const at = this.#tally.lastS(direction);
    const way = this.#options.direction === 'both' ? ` ${direction}` : '';
    const timer = setTimeout(() => {
      this.#stalled.resolve({
        fault: 'product',
        code: 'stalled',
        message: `nothing arrived${way} for ${seconds} s, up to second ${at.toFixed(0)}: the link stands still`,
      });
    }, seconds * 1000);
    this.#watchdogs.set(direction, timer);
  }

  get #directions(): readonly Direction[] {
    const { direction } = this.#options;
    return direction === 'both' ? ['up', 'down'] : [direction];
  }

  #result(failure: Iperf3Failure | null): Iperf3Result {
    const { protocol, direction } = this.#options;
    const totals = this.#directions.map((each) => ({ each, total: this.#tally.total(each) }));
    const missing = this.#directions.find((each) => !this.#tally.knows(each));
    const incomplete =
      failure ??
      (missing === undefined || this.#hooks.finish?.aborted
        ? null
        : { fault: 'lab' as const, code: 'no-result', message: 'the receiving end gave no result' });
    return {
      ...{ protocol, direction, intervals: this.#tally.intervals },
      ...this.#tally.sum(this.#directions),
      ...(direction === 'both' ? Object.fromEntries(totals.map(({ each, total }) => [each, total])) : {}),
      versions: { client: this.#versions.client.text, server: this.#versions.server.text },
      saturated: mostlySaturated(this.#loads),
      ...{ clientOutput: this.#output.client, serverOutput: this.#output.server },
      ...(incomplete ? { error: incomplete } : {}),
    };
  }
}

/** Within one namespace the kernel hands datagrams over by itself, whatever interface has the address. */
function checkEnds(
  board: string,
  { server, client }: FullIperf3Options,
  ends: Readonly<Record<EndName, Remote>>,
): void {
  if (ends.server !== ends.client || server.namespace !== client.namespace) return;
  if (/^(?:127\.|::1$|localhost$)/.test(server.address)) return;
  throw new ConfigError(`${board}: both ends of iperf3 are in the same network namespace`, {
    board,
    code: 'same-namespace',
    hint: 'nothing would cross the link: give the client the namespace of its station',
  });
}

async function versionAt(
  remote: Remote,
  direction: FullIperf3Options['direction'],
  signal: AbortSignal,
): Promise<Iperf3Version> {
  const { version, said } = await askIperf3(remote, signal);
  if (!version)
    throw new ConfigError(`there is no iperf3 on ${remote.name}: ${said || 'it says nothing'}`, {
      board: remote.name,
      code: 'iperf3-missing',
      hint: 'install it there (Debian, OpenWrt and Alpine: package iperf3); hil doctor --fix does',
    });
  const needed: Iperf3Ability[] = ['forceflush', ...(direction === 'both' ? ['bidirectional' as const] : [])];
  const lacks = needed.find((ability) => !can(version, ability));
  if (lacks)
    throw new ConfigError(`the iperf3 ${version.text} on ${remote.name} is too old for that`, {
      board: remote.name,
      code: 'iperf3-too-old',
      hint: `${sinceWhen(lacks)} or later is needed`,
    });
  return version;
}

/** The end of an output, for messages. */
function tail(output: string): string {
  return output.trim().split('\n').slice(-3).join(' / ').slice(-300);
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
