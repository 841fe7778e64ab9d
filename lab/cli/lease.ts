/** A board for the time of a command: waits in line for it, shows the place, and gives it back as it is. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { LeasedBoard } from '../client/board.ts';
import { LabClient } from '../client/client.ts';
import { LabError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import { formatDuration, parseDuration } from '../units.ts';
import { knownBoard } from './boards-known.ts';
import type { Invocation } from './invocation.ts';
import { showQuestions } from './questions.ts';

export interface WaitOption {
  /** Milliseconds. */
  wait: number;
}

/** Adds `--wait`, which every command that needs a board has. */
export function waitOption(command: Command): Command {
  return command.option(
    '--wait <duration>',
    'how long to stand in line for the board; 0s: not at all',
    parseDuration,
    parseDuration('10m'),
  );
}

export interface UseOptions extends WaitOption {
  /** Which command it is for, as shown to those who wait. */
  purpose: string;
  invocation: Invocation;
  /** An open run, in whose journal all of it is recorded. */
  run?: string;
}

/**
 * Leases a board, works with it, and leaves it as it is then: on when it is on. The signal ends with the lease or by
 * Ctrl-C. Throws ConfigError for an unknown board, LabError (code `busy`) when the line is too long.
 */
export async function useBoard<T>(
  name: string,
  { wait, purpose, invocation, run }: UseOptions,
  work: (board: LeasedBoard, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  knownBoard(name);
  await using lab = await LabClient.connect({ client: `hil ${purpose}` });
  await using board = await LeasedBoard.acquire(lab, {
    owner: `${userInfo().username} (hil ${purpose}, pid ${process.pid})`,
    boards: [name],
    ...(run === undefined ? {} : { run }),
    waitMs: wait,
    endState: 'on',
    signal: invocation.signal,
    onEvent: ({ position, of, holders }) => {
      if (wait === 0) return;
      const users = holders.length === 0 ? 'it is being brought to order' : holders.join('; ');
      invocation.say(`waiting for ${name}, place ${position} of ${of} in line (Ctrl-C leaves it): ${users}`);
    },
  });
  await using _questions = showQuestions(lab, [name], invocation);
  const signal = AbortSignal.any([invocation.signal, board.signal]);
  try {
    return await work(board, signal);
  } catch (error) {
    // What failed because the lease was lost is explained by that.
    throw board.signal.aborted ? board.signal.reason : error;
  }
}

/** Makes sure that the board is up, showing how far it is; says that it stays on when this switched it on. */
export async function bringUp(
  board: LeasedBoard,
  signal: AbortSignal,
  invocation: Invocation,
): Promise<void> {
  const { state } = await board.lab.call('power.state', { board: board.name }, { signal });
  if (state === 'ready') return;
  if (state === 'frozen') {
    throw new LabError(`${board.name} is frozen`, {
      board: board.name,
      code: 'frozen',
      hint: `hil power ${board.name} thaw`,
    });
  }
  using step = new Step(board.name);
  const { bootMs, provenance } = await board.ready({
    signal,
    onEvent: ({ state: now, detail }) => step.update({ detail: detail === '' ? now : `${now}: ${detail}` }),
  });
  const boot = bootMs === null ? '' : ` after ${formatDuration(bootMs)}`;
  step.done(`up${boot} (Linux ${provenance.kernel.split(' ', 1)[0]})`);
  if (state === 'off') invocation.say(`${board.name} stays on until: hil power ${board.name} off`);
}
