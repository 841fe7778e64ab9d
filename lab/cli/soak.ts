/** `hil soak BOARD`: traffic through a link of the board for as long as it is asked, judged second by second. */
import { relative } from 'node:path';
import type { Command } from 'commander';
import type { LeasedBoard } from '../client/board.ts';
import { defined } from '../defined.ts';
import { ConfigError } from '../errors.ts';
import { runsDir } from '../paths.ts';
import type { Params } from '../rpc/schema.ts';
import { newRunId, prepareRunDir } from '../runner/run.ts';
import { RunSession } from '../runner/session.ts';
import { Step } from '../setup/steps.ts';
import { sanitize } from '../text.ts';
import { endsBetween } from '../traffic/ends.ts';
import type { SoakResult } from '../traffic/soak-options.ts';
import { mbps } from '../verdict/soak.ts';
import { EXIT_CODES } from '../verdict/verdict.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';
import { SoakProgress } from './soak-progress.ts';
import { parseDuration, parseRate } from './units.ts';

interface SoakCommandOptions extends WaitOption {
  /** Bits a second. */
  rate: number;
  floor?: number;
  /** Milliseconds. */
  duration: number;
  tcp?: true;
  down?: true;
  security: string;
  band: string;
  dips: string;
  json?: true;
}

const SECURITIES = ['open', 'wpa2', 'wpa3'] as const;
const BANDS = ['2.4', '5'] as const;

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
    .option('--json', 'the result as JSON')
    .addHelpText(
      'after',
      `
The board's access point and a station - its own, or that of the peer it is linked with - carry the traffic. Ctrl-C ends it,
and gives the verdict so far. Seconds in which this machine had no time left say nothing of the board: the verdict is then
inconclusive. All that happened is in the journal of a run of its own: hil journal latest.

Examples:
  hil soak bpi1 --rate 20M --floor 15M --duration 30m
  hil soak vb1 --tcp --rate 30M --duration 5m --security wpa3`,
    )
    .action((board: string, options: SoakCommandOptions) => soak(board, options, invocation));
}

async function soak(name: string, options: SoakCommandOptions, invocation: Invocation): Promise<void> {
  const links = linksOf(options);
  const { wait, json = false } = options;
  const id = newRunId();
  const run = { id, dir: `${runsDir()}/${id}` };
  prepareRunDir(run);
  const session = await RunSession.open(run, invocation.argv.join(' '));
  let why = 'ended';
  try {
    await useBoard(name, { wait, purpose: 'soak', invocation, run: id }, async (board, signal) => {
      await bringUp(board, signal, invocation);
      const result = await hold(board, links, options, { signal, invocation });
      invocation.exitCode = EXIT_CODES[result.verdict];
      invocation.endedInOrder = true;
      if (json) await invocation.json(result);
      else await invocation.write(told(name, result));
    });
  } catch (error) {
    why = 'failed';
    throw error;
  } finally {
    await session.close(why);
    invocation.say(`recorded in ${relative(process.cwd(), run.dir)}`);
  }
}

/** Brings the link up, and holds the traffic. Ctrl-C ends it with what was seen. */
async function hold(
  board: LeasedBoard,
  links: Links,
  { rate, floor, duration, tcp, down, dips }: SoakCommandOptions,
  { signal, invocation }: { signal: AbortSignal; invocation: Invocation },
): Promise<SoakResult> {
  const { profile } = await board.ready({ signal });
  const { module, parameters } = profile.driver;
  const { loaded } = await board.call('module.loaded', { module }, { signal });
  if (!loaded) await board.call('module.load', { module, parameters }, { signal });
  using step = new Step(board.name);
  step.update({ detail: 'starting the access point' });
  const ap = (await board.call('ap.start', { options: links.ap }, { signal })).info;
  step.update({ detail: 'connecting the station' });
  const frequencyMhz = ap.frequencyMhz;
  const station = (
    await board.call('station.start', { options: { ...links.station, frequencyMhz } }, { signal })
  ).info;
  const durationS = duration / 1000;
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
      {
        options: {
          ...{ rateBps: rate, durationS, protocol: tcp ? 'tcp' : 'udp', direction: down ? 'down' : 'up' },
          ...defined({ floorBps: floor }),
          toleratedDips: Number(dips),
          ...endsBetween(profile, ap, station),
        },
      },
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

interface Links {
  ap: Params<'ap.start'>['options'];
  station: Params<'station.start'>['options'];
}

function linksOf({ security, band, dips, rate, floor }: SoakCommandOptions): Links {
  const kind = SECURITIES.find((each) => each === security);
  const ghz = BANDS.find((each) => each === band);
  if (!kind)
    throw new ConfigError(`no security "${security}"`, { hint: `there are ${SECURITIES.join(', ')}` });
  if (!ghz) throw new ConfigError(`no band "${band}"`, { hint: `there are ${BANDS.join(' and ')} GHz` });
  if (!/^\d{1,6}$/.test(dips)) throw new ConfigError(`"${dips}" is no number of dips`);
  if (floor !== undefined && floor > rate)
    throw new ConfigError(`a floor of ${mbps(floor)} cannot hold at a rate of ${mbps(rate)}`);
  return { ap: { security: kind, band: ghz }, station: { security: kind } };
}

function told(name: string, { verdict, message, breaches, lossRatio, disconnects }: SoakResult): string {
  const lines = [
    `${verdict}: ${name} ${sanitize(message)}`,
    ...(lossRatio === undefined ? [] : [`  lost ${(lossRatio * 100).toFixed(3)} % of the datagrams`]),
    ...(disconnects === 0 ? [] : [`  ${disconnects} disconnects`]),
    ...breaches.map(({ criterion, message: what }) => `  ${criterion}: ${sanitize(what)}`),
  ];
  return `${lines.join('\n')}\n`;
}
