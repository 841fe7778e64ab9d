/** `hil exec BOARD -- COMMAND`: a command on a board, its output as it comes, its exit code as ours. */
import { constants } from 'node:os';
import type { Command } from 'commander';
import { quote } from '../board/remote.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';

interface ExecOptions extends WaitOption {
  json?: true;
  stdin?: true;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument(
      '<command...>',
      'one word: a line for the shell of the board; several: a program and its arguments',
    )
    .option('--stdin', 'give it what comes on standard input, to its end')
    .option('--json', 'its exit code, signal and output as one JSON object, when it has ended')
    .addHelpText(
      'after',
      `
Options of the command itself come after --.
Ends with the exit code of the command (128+n when signal n ended it); without one, with one of hil's own.
The board boots if it has to and stays on until 'hil power BOARD off'. When this command is interrupted, the one on
the board is ended with all its children.

Examples:
  hil exec vb1 -- dmesg --level=err
  hil exec vb1 'lsmod | grep mac80211'
  hil exec vb1 --stdin 'cat > /tmp/hostapd.conf' < hostapd.conf`,
    )
    .action((board: string, words: string[], options: ExecOptions) =>
      exec(board, words, options, invocation),
    );
}

async function exec(
  name: string,
  words: readonly string[],
  options: ExecOptions,
  invocation: Invocation,
): Promise<void> {
  const line = commandLine(words);
  const stdin = options.stdin ? await standardInput() : undefined;
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  await useBoard(name, { wait: options.wait, purpose: 'exec', invocation }, async (board, signal) => {
    await bringUp(board, signal, invocation);
    const result = await board.exec(line, {
      signal,
      ...(stdin === undefined ? {} : { stdin }),
      onOutput: (stream, chunk) => {
        if (options.json) output[stream].push(chunk);
        else process[stream].write(chunk);
      },
    });
    if (options.json) {
      const text = (stream: 'stdout' | 'stderr') => Buffer.concat(output[stream]).toString('utf8');
      await invocation.json({
        board: name,
        command: line,
        ...result,
        stdout: text('stdout'),
        stderr: text('stderr'),
      });
    }
    invocation.exitCode = result.exitCode ?? 128 + signalNumber(result.signal);
    if (result.signal !== null) invocation.say(`ended by SIG${result.signal}`);
  });
}

/** One word is a line of shell already; several are a program and its arguments, each kept whole. */
export function commandLine(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? '') : words.map(quote).join(' ');
}

/** The number of a signal named without its SIG. */
function signalNumber(name: string | null): number {
  return Object.entries(constants.signals).find(([known]) => known === `SIG${name}`)?.[1] ?? 0;
}

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}
