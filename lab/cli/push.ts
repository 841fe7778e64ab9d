/** `hil push BOARD LOCAL REMOTE`: a file to a board, compared by hash. */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, messageOf } from '../errors.ts';
import type { Result } from '../rpc/schema.ts';
import { formatBytes } from '../units.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';

interface PushOptions extends WaitOption {
  json?: true;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument('<local>', 'a file here')
    .argument('<remote>', 'where it goes; a path that ends in / is a folder')
    .option('--json', 'size and hash as JSON')
    .addHelpText(
      'after',
      `
The file keeps its permissions and replaces the old one at once, when all of it is there. The board boots if it has
to and stays on until 'hil power BOARD off'.

Examples:
  hil push vb1 build/mac80211_hwsim.ko /tmp/
  hil push vb1 hostapd.conf /etc/hostapd/test.conf`,
    )
    .action((board: string, local: string, remote: string, options: PushOptions) =>
      push(board, local, remote, options, invocation),
    );
}

async function push(
  name: string,
  local: string,
  remote: string,
  options: PushOptions,
  invocation: Invocation,
): Promise<void> {
  const info = await stat(local).catch((error: unknown) => {
    throw new ConfigError(`${local} cannot be sent: ${messageOf(error)}`);
  });
  if (!info.isFile()) throw new ConfigError(`${local} is no file`, { hint: 'make one of it: tar -cf' });
  const target = remote.endsWith('/') ? `${remote}${basename(local)}` : remote;
  await useBoard(name, { wait: options.wait, purpose: 'push', invocation }, async (board, signal) => {
    await bringUp(board, signal, invocation);
    const since = performance.now();
    const params = { source: { path: resolve(local) }, remotePath: target, mode: info.mode & 0o7777 };
    const transfer = await board.call('ssh.upload', params, { signal });
    if (options.json) return await invocation.json({ board: name, path: target, ...transfer });
    invocation.say(`${name}:${target}: ${described(transfer, since)}`);
  });
}

/** `1.4 MB in 0.2 s by sftp, sha256 ...`. */
export function described({ bytes, sha256, via }: Result<'ssh.upload'>, since: number): string {
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  return `${formatBytes(bytes)} in ${seconds} s (${via}), sha256 ${sha256}`;
}
