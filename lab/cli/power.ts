/** `hil power BOARD ACTION`: the power switch of a board. */
import type { Command } from 'commander';
import { LabClient } from '../client/client.ts';
import { ConfigError } from '../errors.ts';
import { POWER_ACTIONS, type PowerAction } from '../rpc/schema.ts';
import { whatExists } from '../suggest.ts';
import { formatDuration } from '../units.ts';
import { knownBoard } from './boards-known.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';

/** After these the board boots. */
const BOOTS: readonly PowerAction[] = ['on', 'cycle', 'reset'];

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument('<action>', `${POWER_ACTIONS.join(', ')} or state`)
    .option('--no-boot', 'return when the power is switched, without waiting for the board to boot')
    .addHelpText(
      'after',
      `
  on      power on, and wait until it can be reached by SSH
  off     power off, as by pulling the plug
  cycle   off, then on
  reset   as by the reset button; memory that survives a reset does
  freeze  stop its CPU and clock, for a look at it; thaw lets it go on
  state   print off, booting, on, ready, frozen, crashed or quarantined

A board that is on stays on, for the commands to come, until it is switched off.

Examples:
  hil power vb1 cycle
  hil power vb1 on --no-boot && hil console vb1     watch it boot`,
    )
    .action((board: string, action: string, options: WaitOption & { boot: boolean }) =>
      power(knownBoard(board), action, options, invocation),
    );
}

async function power(
  name: string,
  action: string,
  options: WaitOption & { boot: boolean },
  invocation: Invocation,
): Promise<void> {
  if (action === 'state') return await invocation.write(`${await stateOf(name)}\n`);
  const known = POWER_ACTIONS.find((one) => one === action);
  if (known === undefined) {
    throw new ConfigError(`there is no power action "${action}"`, {
      hint: whatExists(action, [...POWER_ACTIONS, 'state']),
    });
  }
  await useBoard(
    name,
    { wait: options.wait, purpose: `power ${action}`, invocation },
    async (board, signal) => {
      // Booting switches it on, and says that it stays on.
      if (known === 'on' && options.boot) return await bringUp(board, signal, invocation);
      const { state, durationMs } = await board.power(known, signal);
      invocation.say(`${name}: ${known} took ${formatDuration(durationMs)}, now ${state}`);
      if (options.boot && BOOTS.includes(known)) await bringUp(board, signal, invocation);
    },
  );
}

async function stateOf(board: string): Promise<string> {
  await using lab = await LabClient.ifRunning({ client: 'hil power' });
  // Virtual boards end with their controller; the next one takes over those of one that was killed.
  return lab === null ? 'off' : (await lab.call('power.state', { board })).state;
}
