/** `hil soak BOARD`: traffic through a link of the board for as long as it is asked, judged second by second. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import type { LeasedBoard } from '../client/board.ts';
import { defined } from '../defined.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { runsDir } from '../paths.ts';
import { newRunId, prepareRunDir } from '../runner/run.ts';
import { RunSession } from '../runner/session.ts';
import { Step } from '../setup/steps.ts';
import { sanitize } from '../text.ts';
import type { SoakOptions, SoakResult } from '../traffic/soak-options.ts';
import { parseCount, parseDuration, parseRate } from '../units.ts';
import { BEFORE_S, beforeLine } from '../verdict/soak/before.ts';
import { EXIT_CODES } from '../verdict/verdict.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';
import { interact } from './shell.ts';
import { type Hearing, hearingOf, openAir, withPartner } from './soak-air.ts';
import { armsOf, compareArms } from './soak-arms.ts';
import { BANDS, bringUpLink, type LinkOptions, type Links, linksOf, SECURITIES } from './soak-link.ts';
import { SoakProgress } from './soak-progress.ts';

interface SoakCommandOptions extends WaitOption, LinkOptions {
  /** Milliseconds. */
  duration: number;
  tcp?: true;
  down?: true;
  /** Milliseconds. */
  maxStall?: number;
  maxRecovery?: number;
  maxLatency?: number;
  maxDisconnects?: number;
  /** Percent. */
  maxLoss?: number;
  maxDrift?: number;
  /** kB a minute. */
  maxLeak?: number;
  window?: number;
  probes: boolean;
  arm?: string[];
  rounds: number;
  freeze: boolean;
  capture?: true;
  hold?: true;
  json?: true;
  air?: string;
  hearing?: Hearing;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .option('--rate <rate>', 'sent, in bits a second', parseRate, parseRate('20M'))
    .option('--floor <rate>', 'no second may fall below; default: three quarters of the rate', parseRate)
    .option('--duration <duration>', '90s, 30m, 1h', parseDuration, parseDuration('30m'))
    .option('--tcp', 'default: UDP, whose losses are counted')
    .option('--down', 'from the access point to the station; default: to the access point')
    .option('--security <kind>', SECURITIES.join(', '), 'wpa2')
    .option('--band <band>', `${BANDS.join(' or ')} GHz`, '2.4')
    .option('--dips <n>', 'seconds below the floor that are forgiven; a stall never is', '0')
    .option('--window <rate>', 'the mean over no 10 s may fall below', parseRate)
    .option('--max-stall <duration>', 'so long may nothing arrive; default: not for a second', parseDuration)
    .option('--max-disconnects <n>', 'forgiven; default 0', parseCount('--max-disconnects', 0, 1e6))
    .option('--max-recovery <duration>', 'from a disconnect to the floor again', parseDuration)
    .option('--max-latency <duration>', '99 of 100 pings beside the traffic are shorter', parseDuration)
    .option('--max-loss <percent>', 'of the datagrams of UDP; default 1', parseCount('--max-loss', 0, 100))
    .option(
      '--max-drift <percent>',
      'the rate falls no more from beginning to end',
      parseCount('--max-drift', 0, 100),
    )
    .option(
      '--max-leak <kB>',
      "the board's memory fills no faster, in a minute",
      parseCount('--max-leak', 0, 1e9),
    )
    .option('--no-probes', 'nothing beside the traffic: no ping, nothing asked of the board')
    .option('--capture', 'keeps the last packets at both ends (tcpdump), collected at the first breach too')
    .option('--no-freeze', 'collects nothing at the first breach')
    .option('--hold', 'after a failure the board stays as it is: with a shell on it, or until Ctrl-C')
    .option('--arm <arm>', 'twice: two ways of running the board, soaked in turn; see below', collect)
    .option('--rounds <n>', 'segments of each arm', parseCount('--rounds', 2, 1000), 6)
    .option('--air <board>', 'the station is on this virtual board, over a simulated air')
    .option('--hearing <what>', 'of that air: loss=1%,tryLoss=5%,signal=-70,delay=20ms,rate=30M', hearingOf)
    .option('--json', 'the result as JSON')
    .addHelpText(
      'after',
      `
The board's access point and a station - its own, or that of the peer it is linked with - carry the traffic. Ctrl-C ends it,
and gives the verdict so far. Seconds in which this machine had no time left say nothing of the board: the verdict is then
inconclusive. All that happened is in the journal of a run of its own: hil journal latest.

With two arms the board runs both in turn (ABAB...), each segment as long as --duration says, and the result is their
difference with its confidence interval. An arm is a name, or 'NAME: LINE' with a line of shell for the board before its
segments, or 'NAME: LINE // LINE' with one after them too.

Examples:
  hil soak bpi1 --rate 20M --floor 15M --duration 30m
  hil soak bpi1 --duration 8h --hold                   caught at night, looked at in the morning
  hil soak bpi1 --duration 60s --arm plain \\
    --arm 'htb: tc qdisc add dev ap0 root tbf rate 18mbit burst 32k latency 50ms // tc qdisc del dev ap0 root'
  hil soak vb1 --air vb2 --hearing signal=-75,delay=5ms
  hil soak vb1 --tcp --rate 30M --duration 5m --security wpa3`,
    )
    .action((board: string, options: SoakCommandOptions) => soak(board, options, invocation));
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function soak(name: string, options: SoakCommandOptions, invocation: Invocation): Promise<void> {
  const links = linksOf(options);
  const arms = armsOf(options.arm ?? []);
  if (options.hearing && options.air === undefined)
    throw new ConfigError('--hearing is of a simulated air: --air BOARD names who else is in it');
  if (options.air === name) throw new ConfigError(`${name} can't be on both sides of the air`);
  const { wait, rounds, json = false } = options;
  const id = newRunId();
  const run = { id, dir: `${runsDir()}/${id}` };
  prepareRunDir(run);
  const session = await RunSession.open(run, invocation.argv.join(' '));
  let why = 'ended';
  try {
    const use = { wait, purpose: 'soak', invocation, run: id };
    await withPartner(options.air, use, async (partner) => {
      await useBoard(name, use, async (board, signal) => {
        await bringUp(board, signal, invocation);
        if (partner) await openAir(board, partner, options.hearing ?? {}, signal);
        if (arms) {
          await compareArms(
            board,
            arms,
            { links, options: trafficOf(options), rounds, json },
            { signal, invocation },
          );
          return;
        }
        const result = await hold(board, links, options, { signal, invocation });
        invocation.exitCode = EXIT_CODES[result.verdict];
        invocation.endedInOrder = true;
        const kept = keep(run.dir, result);
        if (json) await invocation.json(result);
        else await invocation.write(told(name, result));
        if (kept !== null) invocation.say(`collected at the first breach: ${relative(process.cwd(), kept)}`);
        if (options.hold && result.verdict === 'fail') await holdBoard(board, signal, invocation);
      });
    });
  } catch (error) {
    why = 'failed';
    throw error;
  } finally {
    await session.close(why);
    const { writeTimeline } = await import('../../reporters/timeline/page.ts');
    // One that can't be made must not hide how the soak ended.
    const page = await writeTimeline(run.dir).catch((error: unknown) => messageOf(error));
    invocation.say(
      `recorded in ${relative(process.cwd(), run.dir)}; time line: ${relative(process.cwd(), page)}`,
    );
  }
}

/** Puts what was collected at the first breach into the run; null when nothing was. */
function keep(dir: string, { frozen }: SoakResult): string | null {
  if (frozen.length === 0) return null;
  const folder = join(dir, 'artifacts', 'frozen');
  mkdirSync(folder, { recursive: true });
  for (const { where, name, text, packets } of frozen)
    if (packets) writeFileSync(join(folder, `${where}-${name}.pcap`), text, 'base64');
    else writeFileSync(join(folder, `${where}-${name}.txt`), text);
  return folder;
}

/** The board with its links, as the soak has left it. */
async function holdBoard(board: LeasedBoard, signal: AbortSignal, invocation: Invocation): Promise<void> {
  if (signal.aborted) return;
  if (process.stdin.isTTY && process.stdout.isTTY) {
    invocation.say(`${board.name} is held as it is; this is a shell on it, and its end gives the board back`);
    await interact(board, signal);
    return;
  }
  invocation.say(`${board.name} is held as it is, until this command is interrupted (pid ${process.pid})`);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Brings the link up, and holds the traffic. Ctrl-C ends it with what was seen. */
async function hold(
  board: LeasedBoard,
  links: Links,
  options: SoakCommandOptions,
  { signal, invocation }: { signal: AbortSignal; invocation: Invocation },
): Promise<SoakResult> {
  using step = new Step(board.name);
  const ends = await bringUpLink(board, links, { signal, step });
  const durationS = options.duration / 1000;
  const progress = new SoakProgress(durationS);
  const finish = () => {
    step.update({ detail: 'ending the traffic' });
    // Who was lost meanwhile is told by the soak itself.
    board.call('soak.finish', {}).catch(() => undefined);
  };
  signal.addEventListener('abort', finish, { once: true });
  if (signal.aborted) finish();
  try {
    return await board.call(
      'soak.run',
      { options: { ...trafficOf(options), ...ends } },
      {
        signal: board.signal,
        onEvent: (event) => {
          if ('interval' in event) step.update(progress.see(event.interval));
          else {
            progress.breach();
            invocation.say(
              `${board.name}: ${sanitize(event.breach.criterion)}: ${sanitize(event.breach.message)}`,
            );
          }
        },
      },
    );
  } finally {
    signal.removeEventListener('abort', finish);
    step.done(progress.closing);
  }
}

/** What is sent, and by what it is judged. */
function trafficOf(options: SoakCommandOptions): Omit<SoakOptions, 'server' | 'client'> {
  const { rate, floor, duration, tcp, down, dips } = options;
  return {
    ...{ rateBps: rate, durationS: duration / 1000 },
    ...{ protocol: tcp ? 'tcp' : 'udp', direction: down ? 'down' : 'up' },
    ...defined({ floorBps: floor }),
    toleratedDips: Number(dips),
    ...limitsOf(options),
  };
}

function limitsOf(options: SoakCommandOptions): Partial<SoakOptions> {
  const {
    maxStall,
    maxRecovery,
    maxLatency,
    maxDisconnects,
    maxLoss,
    window,
    probes,
    freeze,
    capture,
    maxDrift,
    maxLeak,
  } = options;
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return defined({
    ...{ maxStallS: seconds(maxStall), maxRecoveryS: seconds(maxRecovery), maxLatencyMs: maxLatency },
    ...{ maxDisconnects, windowFloorBps: window, probes, freeze, capture },
    maxLossRatio: maxLoss === undefined ? undefined : maxLoss / 100,
    maxDriftRatio: maxDrift === undefined ? undefined : maxDrift / 100,
    maxLeakKbPerMin: maxLeak,
  });
}

function told(name: string, result: SoakResult): string {
  const { verdict, message, breaches, lossRatio, disconnects, latencyMs, before } = result;
  const lines = [
    `${verdict}: ${name} ${sanitize(message)}`,
    ...(lossRatio === undefined ? [] : [`  lost ${(lossRatio * 100).toFixed(3)} % of the datagrams`]),
    ...(latencyMs
      ? [
          `  round trips beside it: median ${latencyMs.median.toFixed(1)} ms, 99 of 100 under ${latencyMs.p99.toFixed(1)} ms`,
        ]
      : []),
    ...(disconnects === 0 ? [] : [`  ${disconnects} disconnects`]),
    ...breaches.map(({ criterion, message: what }) => `  ${criterion}: ${sanitize(what)}`),
    ...(before.length === 0 ? [] : [`  the ${BEFORE_S} s before the first of them, in seconds of traffic:`]),
    ...before.map((line) => sanitize(beforeLine(line))),
  ];
  return `${lines.join('\n')}\n`;
}
