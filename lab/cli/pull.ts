/** `hil pull BOARD REMOTE [LOCAL]`: a file from a board, compared by hash. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../errors.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';
import { described } from './push.ts';

interface PullOptions extends WaitOption {
  json?: true;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument('<remote>', 'a file on the board')
    .argument('[local]', 'where it goes, a file or a folder', '.')
    .option('--json', 'size and hash as JSON')
    .addHelpText(
      'after',
      `
The board boots if it has to and stays on until 'hil power BOARD off'.

Examples:
  hil pull vb1 /proc/config.gz
  hil pull vb1 /tmp/capture.pcap captures/`,
    )
    .action((board: string, remote: string, local: string, options: PullOptions) =>
      pull(board, remote, local, options, invocation),
    );
}

async function pull(
  name: string,
  remote: string,
  local: string,
  options: PullOptions,
  invocation: Invocation,
): Promise<void> {
  const folder = local.endsWith('/') || (existsSync(local) && statSync(local).isDirectory());
  const target = resolve(folder ? join(local, basename(remote)) : local);
  if (!existsSync(dirname(target))) throw new ConfigError(`there is no folder ${dirname(target)}`);
  await useBoard(name, { wait: options.wait, purpose: 'pull', invocation }, async (board, signal) => {
    await bringUp(board, signal, invocation);
    const since = performance.now();
    const transfer = await board.call('ssh.download', { remotePath: remote, localPath: target }, { signal });
    if (options.json) return await invocation.json({ board: name, path: target, ...transfer });
    invocation.say(`${target}: ${described(transfer, since)}`);
  });
}
