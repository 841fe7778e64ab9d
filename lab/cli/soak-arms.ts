/** `hil soak --arm A --arm B`: two ways of running a board, soaked in turn, and the difference they make. */
import type { LeasedBoard } from '../client/board.ts';
import { type Arm, type ArmsResult, soakArms } from '../client/soak-arms.ts';
import { ConfigError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import { sanitize } from '../text.ts';
import type { SoakOptions } from '../traffic/soak-options.ts';
import type { Comparison } from '../verdict/soak/compare.ts';
import { mbps } from '../verdict/soak/criteria.ts';
import { EXIT_CODES } from '../verdict/verdict.ts';
import type { Invocation } from './invocation.ts';
import { bringUpLink, type Links } from './soak-link.ts';

/** `NAME`, `NAME: LINE` or `NAME: LINE // LINE`. */
export function parseArm(text: string): Arm {
  const [, name, rest] = /^\s*([\w.-]+)\s*(?::\s*(.*\S))?\s*$/s.exec(text) ?? [];
  if (name === undefined)
    throw new ConfigError(`"${text}" is no arm`, {
      hint: "a name, 'NAME: LINE' or 'NAME: LINE // LINE', such as 'noirq: systemctl stop irqbalance // systemctl start irqbalance'",
    });
  const [begin = '', end = '', ...more] = (rest ?? '').split(/\s\/\/\s/).map((line) => line.trim());
  if (more.length > 0) throw new ConfigError(`the arm ${name} has more than two lines`);
  return { name, ...(begin === '' ? {} : { begin }), ...(end === '' ? {} : { end }) };
}

/** Null when none are asked for. Throws ConfigError unless there are two, with two names. */
export function armsOf(texts: readonly string[]): [Arm, Arm] | null {
  if (texts.length === 0) return null;
  const [a, b, ...more] = texts.map(parseArm);
  if (!a || !b || more.length > 0)
    throw new ConfigError(`${texts.length} arms can't be compared`, { hint: '--arm is given twice' });
  if (a.name === b.name) throw new ConfigError(`both arms are called ${a.name}`);
  return [a, b];
}

interface Comparing {
  links: Links;
  options: Omit<SoakOptions, 'server' | 'client'>;
  rounds: number;
  json: boolean;
}

/** Ends with 0 when a difference could be told, also when there is none; with that of inconclusive when not. */
export async function compareArms(
  board: LeasedBoard,
  arms: readonly [Arm, Arm],
  { links, options, rounds, json }: Comparing,
  { signal, invocation }: { signal: AbortSignal; invocation: Invocation },
): Promise<void> {
  let done = 0;
  let result: ArmsResult;
  {
    using step = new Step(board.name);
    const ends = await bringUpLink(board, links, { signal, step });
    const total = 2 * rounds;
    step.update({ detail: `${arms[0].name}, segment 1 of ${total}`, fraction: 0 });
    result = await soakArms(board, { ...options, ...ends }, arms, {
      ...{ rounds, signal },
      onSegment: (arm, round, { verdict, meanBps }) => {
        done++;
        invocation.say(`${board.name}: ${arm.name} ${round}: ${mbps(meanBps)} (${verdict})`);
        const next = arms[done % 2]?.name ?? '';
        if (done < total)
          step.update({ detail: `${next}, segment ${done + 1} of ${total}`, fraction: done / total });
      },
    });
    step.done(`${done} segments`);
  }
  invocation.exitCode = result.throughput ? 0 : EXIT_CODES.inconclusive;
  if (json) await invocation.json(result);
  else await invocation.write(`${told(result).join('\n')}\n`);
}

export function told({ arms: [a, b], throughput, latency, leftOut }: ArmsResult): string[] {
  const lines = [
    line('throughput', a, b, throughput, (value) => `${rounded(value / 1e6)} Mbit/s`, 'slower', 'faster'),
    line('round trip', a, b, latency, (value) => `${rounded(value)} ms`, 'quicker', 'longer'),
    leftOut === 0 ? null : `${leftOut} rounds said nothing: the lab machine had no time, or the lab failed`,
  ];
  return lines.filter((each) => each !== null).map(sanitize);
}

/** Without the sign of a nothing. */
function rounded(value: number): string {
  return value.toFixed(2).replace(/^-(0\.00)$/, '$1');
}

function line(
  what: string,
  a: string,
  b: string,
  compared: Comparison | null,
  text: (value: number) => string,
  less: string,
  more: string,
): string | null {
  if (!compared) return what === 'throughput' ? 'throughput: too few rounds to tell' : null;
  const { meanA, meanB, difference, low, high, pairs } = compared;
  const found = low > 0 ? `${b} is ${more}` : high < 0 ? `${b} is ${less}` : 'no difference is shown';
  return (
    `${what}: ${a} ${text(meanA)}, ${b} ${text(meanB)}; difference ${text(difference)} ` +
    `(${text(low)} to ${text(high)}, 95 %, ${pairs} rounds): ${found}`
  );
}
