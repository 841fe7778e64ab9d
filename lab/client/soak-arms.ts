/** Two ways of running a board, soaked in turn on the same link: what difference they make. */
import { ConfigError, errorOf } from '../errors.ts';
import type { SoakOptions, SoakResult } from '../traffic/soak-options.ts';
import { type Comparison, comparePairs } from '../verdict/soak/compare.ts';
import type { LeasedBoard } from './board.ts';

export interface Arm {
  name: string;
  /** Lines of shell for the board, before its segment and after it. */
  begin?: string;
  end?: string;
}

export interface ArmsOptions {
  /** Of each arm. */
  rounds: number;
  signal?: AbortSignal;
  onSegment?: (arm: Arm, round: number, result: SoakResult) => void;
}

export interface ArmsResult {
  arms: [string, string];
  segments: { arm: string; round: number; verdict: string; meanBps: number; medianMs: number | null }[];
  /** Of the rate that arrived, in bits a second; null when there were too few pairs. */
  throughput: Comparison | null;
  /** Of the median round trip, in milliseconds. */
  latency: Comparison | null;
  /** Rounds of which a segment said nothing of the board: the lab machine had no time, or the lab failed. */
  leftOut: number;
}

/**
 * Soaks A, B, A, B ... with options for each segment. Throws ConfigError when a line of an arm fails, and what a soak throws; what an arm
 * has begun is ended also then.
 */
export async function soakArms(
  board: LeasedBoard,
  options: SoakOptions,
  [a, b]: readonly [Arm, Arm],
  { rounds, signal, onSegment }: ArmsOptions,
): Promise<ArmsResult> {
  const limits = signal ? { signal } : {};
  const segments: ArmsResult['segments'] = [];
  const pairs: { a: SoakResult; b: SoakResult }[] = [];
  const segment = async (arm: Arm, round: number): Promise<SoakResult> => {
    await onBoard(board, arm, arm.begin, limits);
    try {
      const result = await board.call('soak.run', { options }, limits);
      const { verdict, meanBps, latencyMs } = result;
      segments.push({ arm: arm.name, round, verdict, meanBps, medianMs: latencyMs?.median ?? null });
      onSegment?.(arm, round, result);
      return result;
    } finally {
      await onBoard(board, arm, arm.end, {});
    }
  };
  for (let round = 1; round <= rounds && !signal?.aborted; round++)
    pairs.push({ a: await segment(a, round), b: await segment(b, round) });
  const sound = pairs.filter((pair) => says(pair.a) && says(pair.b));
  const answered = sound.flatMap((pair) =>
    pair.a.latencyMs && pair.b.latencyMs ? [{ a: pair.a.latencyMs.median, b: pair.b.latencyMs.median }] : [],
  );
  return {
    ...{ arms: [a.name, b.name], segments, leftOut: pairs.length - sound.length },
    throughput: comparePairs(sound.map((pair) => ({ a: pair.a.meanBps, b: pair.b.meanBps }))),
    latency: comparePairs(answered),
  };
}

/** A failure of the product is a result too. */
function says({ verdict, iperf3 }: SoakResult): boolean {
  return iperf3.saturated === null && (verdict === 'pass' || verdict === 'fail');
}

async function onBoard(
  board: LeasedBoard,
  arm: Arm,
  command: string | undefined,
  limits: { signal?: AbortSignal },
): Promise<void> {
  if (command === undefined) return;
  const { exitCode, stderr, stdout } = await board.call('ssh.run', { command }, limits);
  if (exitCode === 0) return;
  const said = (stderr.trim() || stdout.trim()).slice(-500);
  if (exitCode === null) throw errorOf('lab', `\`${command}\` on ${board.name} was killed`, {});
  throw new ConfigError(`\`${command}\`, of the arm ${arm.name}, gave exit code ${exitCode}: ${said}`, {
    board: board.name,
    code: 'arm-failed',
  });
}
