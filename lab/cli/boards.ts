/** `hil boards`: the boards of the lab, their state and who uses them. */
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { LabClient } from '../client/client.ts';
import { loadLab } from '../config/lab.ts';
import type { BoardInfo } from '../rpc/schema.ts';
import { sanitize } from '../text.ts';
import { formatBytes } from '../units.ts';
import { colours, type Invocation } from './invocation.ts';
import { table } from './table.ts';

export function define(command: Command, invocation: Invocation): void {
  command
    .option('--json', 'as JSON, for programs')
    .option(
      '-v, --verbose',
      'with what each board has: its capabilities, and what was found on it in its last boot',
    )
    .addHelpText(
      'after',
      `
Examples:
  hil boards
  hil boards --json | jq -r '.[] | select(.state == "ready").name'

States: off, booting, on (no SSH yet), ready, frozen, crashed, quarantined (unfit, with the reason).
A board on which the lab fails is suspect, and proven before it is used again; when that fails, it is quarantined and gets
no tests until 'hil doctor BOARD' finds it well.`,
    )
    .action(async (options: { json?: true; verbose?: true }) => {
      const boards = await boardInfos();
      if (options.json) return await invocation.json(boards);
      await invocation.write(listing(boards, colours(process.stdout)));
      if (options.verbose) for (const board of boards) await invocation.write(`\n${details(board)}`);
    });
}

/** As the controller sees them; without one none is on. */
async function boardInfos(): Promise<BoardInfo[]> {
  await using lab = await LabClient.ifRunning({ client: 'hil boards' });
  if (lab !== null) return (await lab.call('lab.status', {})).boards;
  return loadLab().boards.map(({ name, profile, onlyByName }) => ({
    ...{ name, profile: profile.name, title: profile.title, capabilities: [...profile.capabilities] },
    onlyByName,
    ...{ state: 'off', lease: null, sshPort: null, consolePath: null, memoryBytes: null },
    ...{ userland: null, health: 'healthy', healthWhy: '' },
  }));
}

const COLOUR: Partial<Record<BoardInfo['state'], 'green' | 'yellow' | 'red' | 'gray'>> = {
  off: 'gray',
  ready: 'green',
  booting: 'yellow',
  on: 'yellow',
  frozen: 'yellow',
  crashed: 'red',
  quarantined: 'red',
};

function stateOf({ state, reason, health, healthWhy }: BoardInfo): string {
  const doubt = health === 'healthy' || health === state ? '' : `${health}: ${healthWhy}`;
  const notes = [reason ?? '', doubt].filter((note) => note !== '').map(sanitize);
  return notes.length === 0 ? state : `${state} (${[...new Set(notes)].join('; ')})`;
}

/** The boards as a table, ending with a line end. */
export function listing(boards: readonly BoardInfo[], colour: boolean): string {
  const rows = boards.map((board) => [
    board.name,
    stateOf(board),
    board.lease === null ? '-' : sanitize(board.lease.owner),
    board.memoryBytes === null ? '-' : formatBytes(board.memoryBytes),
    board.sshPort === null ? '-' : String(board.sshPort),
    board.title,
  ]);
  return table(['BOARD', 'STATE', 'USED BY', 'MEMORY', 'SSH PORT', 'WHAT'], rows, (text, row, column) => {
    const style = column === 1 ? COLOUR[boards[row]?.state ?? 'off'] : undefined;
    return colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
  });
}

/** What a board has, a line a subject. */
function details({ name, capabilities, consolePath, userland }: BoardInfo): string {
  const lines = [`${name}`, `  has      ${capabilities.join(' ')}`];
  if (consolePath !== null) lines.push(`  console  ${sanitize(consolePath)}`);
  if (userland === null) lines.push('  found    not asked yet: it is, each time it boots');
  else {
    const {
      os,
      arch,
      init,
      packageManager,
      sshServer,
      sftp,
      bash,
      busybox,
      uci,
      log,
      containers,
      tools,
      freeBytes,
    } = userland;
    const things = [
      ...[
        init,
        sshServer,
        sftp ? 'SFTP' : 'no SFTP',
        bash ? 'bash' : 'no bash',
        busybox ? 'BusyBox tools' : 'full tools',
      ],
      ...[
        uci ? 'uci' : '',
        `log: ${log}`,
        `packages: ${packageManager}`,
        containers === 'none' ? '' : containers,
      ],
    ];
    const free = Object.entries(freeBytes).map(([dir, bytes]) => `${dir} ${formatBytes(bytes)}`);
    lines.push(`  found    ${os}, ${arch}: ${things.filter((each) => each !== '').join(', ')}`);
    lines.push(`  tools    ${Object.keys(tools).join(' ')}`, `  free     ${free.join(', ')}`);
  }
  return `${lines.map(sanitize).join('\n')}\n`;
}
