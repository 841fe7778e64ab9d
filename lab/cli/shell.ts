/** `hil shell BOARD`: a shell over SSH on a terminal of its own. */
import type { Command } from 'commander';
import type { LeasedBoard } from '../client/board.ts';
import { ConfigError } from '../errors.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';
import { RawTerminal, Sender, terminalSize } from './terminal.ts';

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .addHelpText(
      'after',
      `
The shell ends as usual (exit, Ctrl-D), or by Ctrl-] when it hangs. The board boots if it has to and stays on until
'hil power BOARD off'. For scripts there is 'hil exec'.

Example:
  hil shell vb1`,
    )
    .action((board: string, options: WaitOption) => shell(board, options, invocation));
}

async function shell(name: string, { wait }: WaitOption, invocation: Invocation): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new ConfigError('hil shell needs a terminal', { hint: `hil exec ${name} --stdin sh < script` });
  }
  await useBoard(name, { wait, purpose: 'shell', invocation }, async (board, signal) => {
    await bringUp(board, signal, invocation);
    await interact(board, signal);
    invocation.say(`left ${name}`);
  });
}

/** A shell on the terminal of this process, until it ends or is left. */
export async function interact(board: LeasedBoard, signal: AbortSignal): Promise<void> {
  const left = new AbortController();
  const all = AbortSignal.any([signal, left.signal]);
  let failure: unknown;
  let id: string | null = null;
  const early: Buffer[] = [];
  const fail = (error: unknown) => {
    // Keys that came after its end have nowhere to go.
    if (id !== null) failure ??= error;
    left.abort();
  };
  const sender = new Sender(async (data) => {
    if (id !== null)
      await board.call('ssh.shell.input', { shell: id, data: data.toString('base64') }, { signal: all });
  }, fail);
  const resize = () => {
    if (id !== null)
      board.call('ssh.shell.resize', { shell: id, ...terminalSize() }, { signal: all }).catch(fail);
  };
  {
    using _terminal = new RawTerminal(
      (keys) => (id === null ? early.push(keys) : sender.push(keys)),
      () => left.abort(),
    );
    process.stdout.on('resize', resize);
    const params = { ...terminalSize(), term: process.env.TERM ?? 'vt100' };
    const onEvent = (event: { shell?: string | undefined; data?: string | undefined }) => {
      if (event.data !== undefined) process.stdout.write(Buffer.from(event.data, 'base64'));
      if (event.shell === undefined) return;
      id = event.shell;
      for (const keys of early) sender.push(keys);
    };
    try {
      await board.call('ssh.shell', params, { signal: all, onEvent });
      id = null;
    } catch (error) {
      if (!left.signal.aborted) throw error;
    } finally {
      process.stdout.off('resize', resize);
    }
  }
  if (failure !== undefined) throw failure;
}
