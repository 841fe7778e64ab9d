/** One soak into which one fault is injected: whether its verdict, criterion, moment and blame are right. */

import type { LeasedBoard } from '../../lab/client/board.ts';
import { errorOf, HilError } from '../../lab/errors.ts';
import type { SoakOptions, SoakResult } from '../../lab/traffic/soak-options.ts';
import { beforeLine } from '../../lab/verdict/soak/before.ts';
import { verdictOfFault } from '../../lab/verdict/verdict.ts';
import type { Fault, FaultBench } from '../../lab/virtual/faults/fault.ts';
import type { TestLab } from '../integration/lab.ts';

/** The second of traffic in which it is injected. */
const INJECT_S = 4.5;
const SOAK = { rateBps: 4e6, floorBps: 3e6, durationS: 11, maxLatencyMs: 400, stallTimeoutS: 6 };
/** Between the injection and the first breach. */
const MOMENT_S = 1;

export interface Trial {
  fault: string;
  verdict: string;
  criterion: string;
  /** From the injection to the first bad moment; null where nothing broke. */
  momentS: number | null;
  fired: boolean | null;
  said: string;
  /** What is not as it was expected; empty is right. */
  wrong: string[];
}

export interface Link {
  board: LeasedBoard;
  bench: FaultBench;
  ends: Pick<SoakOptions, 'server' | 'client'>;
}

/** A board with an access point and a station. */
export async function makeLink(lab: TestLab): Promise<Link> {
  const board = await lab.board({ boards: ['vb1'] });
  await board.call('module.load', { module: 'mac80211_hwsim', parameters: { radios: '2' } });
  const ap = await board.call('ap.start', { options: { security: 'wpa2' } });
  const { info } = await board.call('station.start', {
    options: { security: 'wpa2', frequencyMhz: ap.info.frequencyMhz },
  });
  const run = async (command: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await board.call('ssh.run', { command });
    if (exitCode !== 0) throw errorOf('harness', `\`${command}\` gave ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  };
  const bench: FaultBench = {
    run,
    power: async (action) => void (await board.power(action)),
    network: async (up) => void (await board.call('network.link', { up })),
    deauthenticate: async (reason) => {
      const { stations } = await board.call('ap.stations', { id: ap.id });
      await board.call('ap.deauthenticate', { id: ap.id, station: stations[0]?.mac ?? '', reason });
    },
    ap: { interface: ap.info.interface },
    station: { interface: info.interface, namespace: info.namespace ?? '' },
  };
  return {
    ...{ board, bench },
    ends: { server: { address: ap.info.address }, client: { namespace: info.namespace } },
  };
}

/** Soaks the link, and injects the fault in the middle; no fault: a clean soak. */
export async function tryFault({ board, bench, ends }: Link, fault: Fault | null): Promise<Trial> {
  const seconds = () => performance.now() / 1000;
  let start = Number.POSITIVE_INFINITY;
  let injected: { at: number; doneAt: number; done: Promise<unknown> } | null = null;
  let result: SoakResult | null = null;
  let error: HilError | null = null;
  let endedAt = 0;
  try {
    result = await board.call(
      'soak.run',
      { options: { ...SOAK, ...ends } },
      {
        onEvent: (event) => {
          if (!('interval' in event)) return;
          start = Math.min(start, seconds() - event.interval.endS);
          if (!fault || injected || event.interval.endS < INJECT_S - 1) return;
          const at = seconds() - start;
          const done = fault.inject(bench).catch((thrown: unknown) => thrown);
          const injection = { at, doneAt: Number.POSITIVE_INFINITY, done };
          injected = injection;
          void done.then(() => {
            injection.doneAt = seconds() - start;
          });
        },
      },
    );
  } catch (thrown) {
    if (!(thrown instanceof HilError)) throw thrown;
    error = thrown;
  }
  endedAt = seconds() - start;
  const injection = injected as { at: number; doneAt: number; done: Promise<unknown> } | null;
  const failed = await injection?.done;
  const [first] = result?.breaches ?? [];
  const verdict = result?.verdict ?? verdictOfFault(error?.fault ?? 'harness');
  const said = [
    result?.message ?? error?.message ?? '',
    ...(result?.breaches ?? []).map(({ message }) => message),
    ...(result?.before ?? []).map(beforeLine),
  ].join('\n');
  const badS = first?.atS ?? (error ? endedAt : null);
  const fired = fault?.fired ? await fault.fired(bench).catch(() => false) : null;
  const trial: Trial = {
    ...{ fault: fault?.name ?? 'none', verdict, criterion: first?.criterion ?? error?.code ?? '-' },
    momentS: injection && badS !== null ? apart(badS, injection.at, injection.doneAt) : null,
    ...{ fired, said, wrong: [] },
  };
  const expected = fault?.expected ?? { verdict: 'pass' as const, first: [], blames: /./ };
  if (fault && !injection) trial.wrong.push('it was never injected');
  if (failed instanceof Error && !error) trial.wrong.push(`it could not be injected: ${failed.message}`);
  if (fired === false) trial.wrong.push('it did not really happen');
  if (verdict !== expected.verdict) trial.wrong.push(`the verdict should be ${expected.verdict}`);
  if (expected.first.length > 0 && (!first || !expected.first.includes(first.criterion)))
    trial.wrong.push(`first should break ${expected.first.join(' or ')}`);
  if (expected.verdict === 'pass' && first) trial.wrong.push('nothing should break');
  if (trial.momentS !== null && first && Math.abs(trial.momentS) > MOMENT_S)
    trial.wrong.push(`the first bad moment is ${trial.momentS.toFixed(1)} s from the injection`);
  if (!expected.blames.test(said)) trial.wrong.push(`nobody said ${expected.blames}`);
  return trial;
}

/** How long before or after the time in which a fault was being injected. */
function apart(moment: number, from: number, to: number): number {
  if (moment < from) return moment - from;
  return moment > to ? moment - to : 0;
}

const WIDTHS = [18, 13, 18] as const;
const row = (columns: readonly string[], moment: string): string =>
  [...columns.map((column, index) => column.padEnd(WIDTHS[index] ?? 0)), moment.padStart(8)].join(' ');

/** Of the table that trialLine fills. */
export const HEAD = row(['fault', 'verdict', 'first broke'], 'moment');

export function trialLine({ fault, verdict, criterion, momentS, wrong }: Trial): string {
  const moment = momentS === null ? '-' : `${momentS >= 0 ? '+' : ''}${momentS.toFixed(1)} s`;
  const right = wrong.length === 0 ? 'right' : `WRONG: ${wrong.join('; ')}`;
  return `${row([fault, verdict, criterion], moment)}  ${right}`;
}
