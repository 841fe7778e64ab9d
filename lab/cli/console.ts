/** `hil console BOARD`: the serial console, to look at or to type on. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { LabClient } from '../client/client.ts';
import { LabError } from '../errors.ts';
import { knownBoard } from './boards-known.ts';
import type { Invocation } from './invocation.ts';
import { useBoard, type WaitOption, waitOption } from './lease.ts';
import { OutputFilter, RawTerminal, Sender } from './terminal.ts';
import { parseCount } from './units.ts';

interface ConsoleOptions extends WaitOption {
  readOnly?: true;
  tail: number;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .option('--read-only', 'look, but do not type: needs no lease, so it works while a run has the board')
    .option('--tail <lines>', 'how much of what came before to show', parseCount('--tail', 0, 100_000), 100)
    .addHelpText(
      'after',
      `
Ctrl-] leaves; all other keys, Ctrl-C too, go to the board. What the board sends is made harmless: it can move the
cursor and colour text, but neither reprogram the terminal nor make it type. Without a terminal it is read-only.

Examples:
  hil console vb1
  hil console vb1 --read-only                          beside a run
  hil console vb1 --read-only --tail 1000 > boot.log`,
    )
    .action(async (name: string, options: ConsoleOptions) => {
      knownBoard(name);
      if (options.readOnly || !process.stdin.isTTY) await look(name, options, invocation);
      else await type(name, options, invocation);
    });
}

async function look(name: string, { tail }: ConsoleOptions, invocation: Invocation): Promise<void> {
  await using lab = await LabClient.connect({ client: `hil console (${userInfo().username})` });
  const { state } = await lab.call('power.state', { board: name });
  if (state === 'off') invocation.say(`${name} is off; this shows what comes once it is on (Ctrl-C leaves)`);
  else invocation.say(`${name} is ${state}; looking only (Ctrl-C leaves)`);
  const filter = new OutputFilter(!process.stdout.isTTY);
  const onEvent = ({ data }: { data: string }) =>
    void process.stdout.write(filter.push(Buffer.from(data, 'base64')));
  await lab.call('console.attach', { board: name, tail }, { onEvent, signal: invocation.signal });
}

async function type(name: string, { tail, wait }: ConsoleOptions, invocation: Invocation): Promise<void> {
  await useBoard(name, { wait, purpose: 'console', invocation }, async (board, signal) => {
    const { state } = await board.lab.call('power.state', { board: name });
    if (state === 'off') {
      throw new LabError(`${name} is off: its console says nothing`, {
        board: name,
        code: 'board-off',
        hint: `hil power ${name} on, or hil console ${name} --read-only to wait for what comes`,
      });
    }
    invocation.say(`the console of ${name}, which is ${state}; Ctrl-] leaves`);
    const left = new AbortController();
    let failure: unknown;
    const fail = (error: unknown) => {
      failure ??= error;
      left.abort();
    };
    const send = (data: Buffer) => board.call('console.send', { data: data.toString('base64') }, { signal });
    const sender = new Sender(send, fail);
    const filter = new OutputFilter(!process.stdout.isTTY);
    const onEvent = ({ data }: { data: string }) =>
      void process.stdout.write(filter.push(Buffer.from(data, 'base64')));
    {
      using _terminal = new RawTerminal(
        (keys) => sender.push(keys),
        () => left.abort(),
      );
      const all = AbortSignal.any([signal, left.signal]);
      await board.lab
        .call('console.attach', { board: name, tail }, { onEvent, signal: all })
        .catch((error: unknown) => {
          if (!left.signal.aborted) throw error;
        });
    }
    invocation.say(`\nleft the console of ${name}`);
    if (failure !== undefined) throw failure;
  });
}
