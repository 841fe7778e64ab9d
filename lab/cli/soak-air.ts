/** The simulated air of a soak: its second board, and how the radios hear each other. */
import type { LeasedBoard } from '../client/board.ts';
import { loadDriver } from '../client/driver.ts';
import { ConfigError } from '../errors.ts';
import { parseDuration, parseRate } from '../units.ts';
import { HearingChange } from '../virtual/ether/options.ts';
import { bringUp, useBoard } from './lease.ts';

export type Hearing = Omit<HearingChange, 'from' | 'to'>;

type Use = Parameters<typeof useBoard>[1];

const PARTS: Record<string, (value: string) => Hearing> = {
  loss: (value) => ({ loss: percent(value) }),
  tryLoss: (value) => ({ tryLoss: percent(value) }),
  signal: (value) => ({ signalDbm: Number(value) }),
  delay: (value) => ({ delayMs: parseDuration(value) }),
  rate: (value) => ({ rateBps: parseRate(value) }),
};

/** `loss=1%,signal=-70`. Throws ConfigError naming the part that is wrong. */
export function hearingOf(text: string): Hearing {
  let all: Hearing = {};
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^(\w+)=(\S+)$/.exec(part.trim()) ?? [];
    const read = PARTS[name];
    if (!read) throw new ConfigError(`"${part}" is none of ${Object.keys(PARTS).join('=, ')}=`);
    all = { ...all, ...read(value) };
  }
  const parsed = HearingChange.safeParse(all);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConfigError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function percent(value: string): number {
  const [, number] = /^([\d.]+)%$/.exec(value) ?? [];
  if (number === undefined) throw new ConfigError(`"${value}" is no share such as 1.5%`);
  return Number(number) / 100;
}

/** Has the second board for as long as the work takes; without a name there is none. */
export async function withPartner(
  name: string | undefined,
  use: Use,
  work: (partner: LeasedBoard | null) => Promise<void>,
): Promise<void> {
  if (name === undefined) {
    await work(null);
    return;
  }
  await useBoard(name, use, async (partner, signal) => {
    await bringUp(partner, signal, use.invocation);
    await loadDriver(partner, signal);
    await work(partner);
  });
}

/** Both in one air, heard as asked for. */
export async function openAir(
  board: LeasedBoard,
  partner: LeasedBoard,
  hearing: Hearing,
  signal: AbortSignal,
): Promise<void> {
  await loadDriver(board, signal);
  await board.call('air.open', { partners: [partner.ref] }, { signal });
  if (Object.keys(hearing).length > 0) await board.call('air.set', { change: hearing }, { signal });
}
