import { Command, CommanderError } from 'commander';
import { pinLabFile } from '../config/find.ts';
import { asHilError, ConfigError } from '../errors.ts';
import { outliveReaders } from '../runner/output.ts';
import { whatExists } from '../suggest.ts';
import { version } from '../version.ts';
import { exitCodeOf, exitCodeOfSignal, explain } from './failure.ts';
import { colours, Invocation } from './invocation.ts';

/** What the file of a command exports. */
export interface CommandModule {
  /** Adds arguments, options, help and action. The command's name and summary are set already. */
  define(command: Command, invocation: Invocation): void;
}

interface Entry {
  summary: string;
  load: () => Promise<CommandModule>;
}

const COMMANDS: Record<string, Entry> = {
  run: { summary: 'run suites on boards and judge them', load: () => import('./run.ts') },
  soak: { summary: 'hold traffic through a link of a board, and judge it', load: () => import('./soak.ts') },
  report: { summary: 'make and open the report of a run', load: () => import('./report.ts') },
  timeline: {
    summary: 'make and open the time line of a run',
    load: () => import('./timeline.ts'),
  },
  journal: { summary: 'read or follow what was recorded in a run', load: () => import('./journal.ts') },
  boards: { summary: 'list the boards, their state and who uses them', load: () => import('./boards.ts') },
  power: { summary: 'switch a board on, off, reset or freeze it', load: () => import('./power.ts') },
  boot: {
    summary: 'stop a board in its boot loader, or boot another kernel',
    load: () => import('./boot.ts'),
  },
  console: {
    summary: 'look at or type on the serial console of a board',
    load: () => import('./console.ts'),
  },
  shell: { summary: 'open a shell on a board over SSH', load: () => import('./shell.ts') },
  exec: { summary: 'run a command on a board', load: () => import('./exec.ts') },
  push: { summary: 'copy a file to a board', load: () => import('./push.ts') },
  pull: { summary: 'copy a file from a board', load: () => import('./pull.ts') },
  bundle: {
    summary: 'make and check a bundle: what is put on boards as one thing',
    load: () => import('./bundle.ts'),
  },
  deploy: {
    summary: 'put a bundle on a board and prove it, or take it back',
    load: () => import('./deploy.ts'),
  },
  classify: {
    summary: 'say what broke in a log, and whose fault it is',
    load: () => import('./classify.ts'),
  },
  doctor: {
    summary: 'say what is wrong with the lab and its boards, and what to do',
    load: () => import('./doctor.ts'),
  },
  image: { summary: 'build, show or delete the image of virtual boards', load: () => import('./image.ts') },
  lab: { summary: 'start, stop or look at the lab controller', load: () => import('./lab.ts') },
  setup: { summary: 'install what this machine lacks', load: () => import('./setup.ts') },
};

const HELP = `
Examples:
  hil run                          every suite, on whichever board is free
  hil run smoke wifi --board vb1   two suites on one board
  hil soak vb1 --duration 30m      half an hour of traffic, judged second by second
  hil exec vb1 -- uname -a         a board boots if it has to, and stays on
  hil power vb1 off                until it is switched off
  hil classify dmesg.txt           what broke in a log, whose fault, what next
  hil journal latest --follow      what is happening in the run under way

Exit codes:
   0  pass: ran, held
   1  fail: the product misbehaved
   2  config: the lab file, suite or command line is wrong; nothing was run
   3  lab: power, cable, peer, server or disk failed; the product is unknown
   4  inconclusive: ran, but too little or too noisy to say
  70  harness: a bug of hil itself
 128+n  ended by signal n (Ctrl-C: 130)
  hil exec ends with the exit code of the command it ran.

'hil help COMMAND' tells more. Elsewhere than in a terminal output is plain and complete; NO_COLOR is respected.`;

async function main(argv: readonly string[]): Promise<number> {
  const invocation = new Invocation(argv);
  invocation.catchSignals();
  // Whoever reads our output may stop early: `hil journal latest --follow | head`.
  outliveReaders(() => process.exit(invocation.exitCode));
  pinLabFile();
  const program = new Command('hil');
  try {
    await build(program, argv, invocation);
    await program.parseAsync(argv, { from: 'user' });
    return invocation.interruptedBy === null || invocation.endedInOrder
      ? invocation.exitCode
      : exitCodeOfSignal(invocation.interruptedBy);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    if (invocation.interruptedBy !== null && invocation.signal.reason === thrown) {
      return exitCodeOfSignal(invocation.interruptedBy);
    }
    const error = asHilError(thrown);
    if (invocation.interruptedBy !== null && error.code === 'aborted')
      return exitCodeOfSignal(invocation.interruptedBy);
    invocation.say(explain(error));
    return exitCodeOf(thrown);
  }
}

/** All commands by name; the one that is meant, in full. */
async function build(program: Command, argv: readonly string[], invocation: Invocation): Promise<void> {
  program
    .description(
      'Tests Linux Wi-Fi and WWAN drivers on boards: drives them, records everything, judges the record.',
    )
    .usage('COMMAND [options]')
    .enablePositionalOptions()
    .showHelpAfterError('(more: hil --help)')
    .configureOutput({
      getOutHasColors: () => colours(process.stdout),
      getErrHasColors: () => colours(process.stderr),
    })
    .exitOverride()
    .version(version(), '--version', 'show the version')
    .addHelpText('after', HELP);
  const words = argv.filter((word) => !word.startsWith('-'));
  const meant = words[0] === 'help' ? words[1] : words[0];
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary).description(sentence(summary));
    if (name !== meant) continue;
    (await load()).define(command, invocation);
    for (const one of [command, ...command.commands]) one.showHelpAfterError(exists(one));
  }
  if (meant !== undefined && !Object.hasOwn(COMMANDS, meant) && meant !== 'help') {
    throw new ConfigError(`there is no command "${meant}"`, {
      hint: whatExists(meant, Object.keys(COMMANDS)),
    });
  }
  if (argv.length === 0) program.help();
}

/** What a mistyped option or subcommand could have been. */
function exists(command: Command): string {
  const names = [
    ...command.commands.map((sub) => sub.name()),
    ...command.options.map((option) => option.long ?? ''),
  ];
  const path = command.parent?.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  return `${names.length === 0 ? '' : `There are: ${names.join(', ')}\n`}(more: hil ${path} --help)`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

process.exitCode = await main(process.argv.slice(2));
