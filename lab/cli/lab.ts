/** `hil lab`: the controller, the one process that touches hardware. */
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { LabClient } from '../client/client.ts';
import { exampleLab } from '../config/example.ts';
import { labFile } from '../config/find.ts';
import { takeInventory } from '../config/inventory.ts';
import { checkLab, lineOf, loadLab } from '../config/lab.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { stateDir } from '../paths.ts';
import type { LabStatus } from '../rpc/schema.ts';
import { sanitize } from '../text.ts';
import { formatBytes, formatDuration } from '../units.ts';
import { EXIT_CODES } from '../verdict/verdict.ts';
import { listing } from './boards.ts';
import { colours, type Invocation } from './invocation.ts';

export function define(command: Command, invocation: Invocation): void {
  command.addHelpText(
    'after',
    `
Commands that need the controller start it, and it ends by itself when nothing is left to do; so this is seldom
needed. Its state is in ~/.local/state/hil (or HIL_STATE_DIR), its log there in controller.log.

The boards are described by a lab file: HIL_LAB, lab.yaml in this folder, or ~/.config/hil/lab.yaml. Without one, or
with HIL_LAB=virtual, it is the virtual lab.

Examples:
  hil lab init                   a lab file to begin with, from what is plugged in
  hil lab check                  what is wrong with it
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
  command
    .command('done')
    .description('Say that what somebody was asked to do at the bench is done.')
    .argument('[id]', 'which, when several things are asked for')
    .action(async (id: string | undefined) => {
      await using lab = await LabClient.connect({ client: 'hil lab done' });
      const { board, request } = await lab.call('lab.done', id === undefined ? {} : { id });
      invocation.say(`${board}: done: ${request}`);
    });
  command
    .command('check')
    .description('Say what is wrong with a lab file, line by line. Switches nothing, reads no secret.')
    .argument('[file]', 'default: HIL_LAB, lab.yaml here, or ~/.config/hil/lab.yaml')
    .option('--json', 'as JSON: {file, boards, problems: [{file, line, column, message}]}')
    .action((file: string | undefined, { json }: { json?: true }) => check(file, json ?? false, invocation));
  command
    .command('init')
    .description('Write a lab file to begin with, from what is plugged in.')
    .argument('[file]', 'where to', 'lab.yaml')
    .option('--force', 'also over a file that is there')
    .action((file: string, { force }: { force?: true }) => init(file, force ?? false, invocation));
  command
    .command('schema')
    .description('Print the JSON Schema of lab files, for editors.')
    .action(async () => {
      const { labJsonSchema } = await import('../config/schema.ts');
      await invocation.json(labJsonSchema());
    });
}

async function check(named: string | undefined, json: boolean, invocation: Invocation): Promise<void> {
  const file = named === undefined ? labFile() : resolve(named);
  if (file === null) {
    if (json) return await invocation.json({ file, boards: loadLab(null).boards.length, problems: [] });
    return invocation.say('there is no lab file: this is the virtual lab (hil lab init writes one)');
  }
  const { config, problems } = checkLab(file);
  if (json) await invocation.json({ file, boards: config?.boards.length ?? null, problems });
  else if (config !== null) {
    const { boards, peers } = config;
    const others = Object.keys(peers).length;
    invocation.say(`${file} is right: ${counted(boards.length, 'board')}, ${counted(others, 'peer')}`);
  } else for (const problem of problems) await invocation.write(`${lineOf(problem)}\n`);
  if (config === null) {
    invocation.exitCode = EXIT_CODES.config;
    if (!json)
      invocation.say(`${counted(problems.length, 'mistake')}; hil lab schema tells what there may be`);
  }
}

async function init(file: string, force: boolean, invocation: Invocation): Promise<void> {
  const path = resolve(file);
  const schema = join(dirname(path), 'lab.schema.json');
  const { labJsonSchema } = await import('../config/schema.ts');
  const inventory = takeInventory();
  writeNew(path, exampleLab(inventory, './lab.schema.json'), force);
  writeFileSync(schema, `${JSON.stringify(labJsonSchema(), null, 2)}\n`);
  const { serialPorts, hubs } = inventory;
  invocation.say(
    `wrote ${path}, with ${counted(serialPorts.length, 'serial port')} and ${counted(hubs.length, 'USB hub')} found here, and ${schema} for editors`,
  );
}

function writeNew(path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    const there = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new ConfigError(
      there ? `${path} is there already` : `${path} can't be written: ${messageOf(cause)}`,
      {
        hint: there ? 'give another name, or --force' : 'check the folder and who may write there',
        cause,
      },
    );
  }
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
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
