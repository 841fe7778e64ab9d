/** `hil console BOARD`: the serial console, to look at or to type on. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { LeasedBoard } from '../client/board.ts';
import { LabClient } from '../client/client.ts';
import { LabError } from '../errors.ts';
import { parseCount } from '../units.ts';
import { knownBoard } from './boards-known.ts';
import type { Invocation } from './invocation.ts';
import { useBoard, type WaitOption, waitOption } from './lease.ts';
import { ESCAPE_KEY, OutputFilter, parseControlKey, RawTerminal, Sender } from './terminal.ts';

interface ConsoleOptions extends WaitOption {
  readOnly?: true;
  tail: number;
  raw?: boolean;
  escape: number;
  sysrq?: string;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .option('--read-only', 'look, but do not type: needs no lease, so it works while a run has the board')
    .option('--tail <lines>', 'how much of what came before to show', parseCount('--tail', 0, 100_000), 100)
    .option('--raw', 'let escape sequences through as they come: for boards that you trust')
    .option('--escape <key>', 'the key that leaves, such as ^X', parseControlKey, ESCAPE_KEY)
    .option('--sysrq <letter>', 'give the kernel a SysRq command by a break, and leave')
    .addHelpText(
      'after',
      `
Ctrl-] leaves; all other keys, Ctrl-C too, go to the board. What the board sends is made harmless: it can move the
cursor and colour text, but neither reprogram the terminal nor make it type. Without a terminal it is read-only, and
so it is while somebody else has the board, unless --wait says to stand in line.

Examples:
  hil console vb1
  hil console vb1 --read-only                          beside a run
  hil console vb1 --sysrq c                            make the kernel crash
  hil console vb1 --read-only --tail 1000 > boot.log`,
    )
    .action(async (name: string, options: ConsoleOptions) => {
      knownBoard(name);
      const waits = command.getOptionValueSource('wait') !== 'default';
      if (options.sysrq !== undefined) await sysrq(name, options.sysrq, options, invocation);
      else if (options.readOnly || !process.stdin.isTTY) await look(name, options, invocation);
      else await type(name, { ...options, wait: waits ? options.wait : 0 }, waits, invocation);
    });
}

async function sysrq(
  name: string,
  letter: string,
  { wait }: ConsoleOptions,
  invocation: Invocation,
): Promise<void> {
  await useBoard(name, { wait, purpose: 'console', invocation }, async (board, signal) => {
    await board.call('console.sysrq', { letter }, { signal });
    invocation.say(`${name} was sent a break and ${letter}`);
  });
}

async function look(name: string, options: ConsoleOptions, invocation: Invocation): Promise<void> {
  await using lab = await LabClient.connect({ client: `hil console (${userInfo().username})` });
  const { state } = await lab.call('power.state', { board: name });
  if (state === 'off') invocation.say(`${name} is off; this shows what comes once it is on (Ctrl-C leaves)`);
  else invocation.say(`${name} is ${state}; looking only (Ctrl-C leaves)`);
  await show(lab, name, options, invocation.signal);
}

/** Types, or looks only while somebody else has the board and nobody said to wait. */
async function type(
  name: string,
  options: ConsoleOptions,
  waits: boolean,
  invocation: Invocation,
): Promise<void> {
  let leased = false;
  try {
    await useBoard(name, { wait: options.wait, purpose: 'console', invocation }, async (board, signal) => {
      leased = true;
      await typeOn(board, options, signal, invocation);
    });
  } catch (error) {
    if (leased || waits || !(error instanceof LabError) || error.code !== 'busy') throw error;
    invocation.say(`${name} is in use (--wait 10m stands in line for it): ${error.hint ?? error.message}`);
    await look(name, options, invocation);
  }
}

async function typeOn(
  board: LeasedBoard,
  options: ConsoleOptions,
  signal: AbortSignal,
  invocation: Invocation,
): Promise<void> {
  const { name } = board;
  const { state } = await board.lab.call('power.state', { board: name });
  if (state === 'off') {
    throw new LabError(`${name} is off: its console says nothing`, {
      board: name,
      code: 'board-off',
      hint: `hil power ${name} on, or hil console ${name} --read-only to wait for what comes`,
    });
  }
  const key = `Ctrl-${String.fromCharCode(options.escape + 64)}`;
  invocation.say(`the console of ${name}, which is ${state}; ${key} leaves`);
  const left = new AbortController();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    left.abort();
  };
  const send = (data: Buffer) => board.call('console.send', { data: data.toString('base64') }, { signal });
  const sender = new Sender(send, fail);
  {
    using _terminal = new RawTerminal(
      (keys) => sender.push(keys),
      () => left.abort(),
      options.escape,
    );
    await show(board.lab, name, options, AbortSignal.any([signal, left.signal])).catch((error: unknown) => {
      if (!left.signal.aborted) throw error;
    });
  }
  invocation.say(`\nleft the console of ${name}`);
  if (failure !== undefined) throw failure;
}

/** Prints what the console says until the signal is aborted. */
async function show(
  lab: LabClient,
  name: string,
  { tail, raw = false }: ConsoleOptions,
  signal: AbortSignal,
): Promise<void> {
  const filter = new OutputFilter(!process.stdout.isTTY);
  const onEvent = ({ data }: { data: string }) => {
    const bytes = Buffer.from(data, 'base64');
    process.stdout.write(raw ? bytes : filter.push(bytes));
  };
  await lab.call('console.attach', { board: name, tail, raw }, { onEvent, signal });
}
