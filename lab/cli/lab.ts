/** `hil lab`: the controller, the one process that touches hardware. */
import type { Command } from 'commander';
import { LabClient } from '../client/client.ts';
import { stateDir } from '../paths.ts';
import type { LabStatus } from '../rpc/schema.ts';
import { sanitize } from '../text.ts';
import { listing } from './boards.ts';
import { colours, type Invocation } from './invocation.ts';
import { formatBytes, formatDuration } from './units.ts';

export function define(command: Command, invocation: Invocation): void {
  command.addHelpText(
    'after',
    `
Commands that need the controller start it, and it ends by itself when nothing is left to do; so this is seldom
needed. Its state is in ~/.local/state/hil (or HIL_STATE_DIR), its log there in controller.log.

Examples:
  hil lab status
  hil lab stop --force           ends runs and leases, switches all boards off`,
  );
  command
    .command('start')
    .description('Start the controller unless it runs.')
    .action(async () => {
      await using lab = await LabClient.connect({ client: 'hil lab start' });
      const { pid } = await lab.call('lab.status', {});
      invocation.say(`the lab controller runs, pid ${pid}`);
    });
  command
    .command('stop')
    .description('Switch all boards off and end the controller.')
    .option('--force', 'also when boards are in use')
    .action(({ force }: { force?: true }) => stop(force ?? false, invocation));
  command
    .command('status')
    .description('Show who uses which board, and who waits.')
    .option('--json', 'as JSON; null when no controller runs')
    .action(({ json }: { json?: true }) => status(json ?? false, invocation));
}

async function stop(force: boolean, invocation: Invocation): Promise<void> {
  await using lab = await LabClient.ifRunning({ client: 'hil lab stop' });
  if (lab === null) return invocation.say('no lab controller runs');
  await lab.call('lab.stop', { force });
  await lab.closed();
  invocation.say('the lab controller has ended');
}

async function status(json: boolean, invocation: Invocation): Promise<void> {
  await using lab = await LabClient.ifRunning({ client: 'hil lab status' });
  const found = lab === null ? null : await lab.call('lab.status', {});
  if (json) return await invocation.json(found);
  if (found === null)
    return await invocation.write(`no lab controller runs for ${stateDir()}; all boards are off\n`);
  await invocation.write(described(found));
}

function described(found: LabStatus): string {
  const up = formatDuration(Date.now() - Date.parse(found.startedAt));
  const lines = [
    `controller  pid ${found.pid}, up ${up}, ${formatBytes(found.rssBytes)}, ${found.commands} commands, of ${found.root}`,
    `runs        ${found.runs.length === 0 ? 'none' : found.runs.map(sanitize).join(', ')}`,
    ...found.waiting.map(
      ({ owner, wants, position, waitedMs }) =>
        `in line     ${position}. ${sanitize(owner)} wants ${sanitize(wants)}, for ${formatDuration(waitedMs)}`,
    ),
  ];
  return `${lines.join('\n')}\n\n${listing(found.boards, colours(process.stdout))}`;
}
