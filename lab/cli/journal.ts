/** `hil journal RUN`: what was recorded in a run, filtered, as lines or JSON. */
import type { Command } from 'commander';
import { ConfigError } from '../errors.ts';
import { type AnyEvent, isEventKind, PAYLOADS, sourceOf } from '../journal/event.ts';
import { journalFilter } from '../journal/filter.ts';
import { followJournal, readJournal } from '../journal/reader.ts';
import { whatExists } from '../suggest.ts';
import { colours, type Invocation } from './invocation.ts';
import { journalLine } from './journal-line.ts';
import { runFolder, unreadPlaces } from './runs.ts';

interface JournalOptions {
  follow?: true;
  source?: string;
  kind?: string;
  board?: string;
  test?: string;
  grep?: string;
  json?: true;
}

const KINDS = Object.keys(PAYLOADS).filter(isEventKind);
const SOURCES = [...new Set(KINDS.map(sourceOf))];

export function define(command: Command, invocation: Invocation): void {
  command
    .argument('[run]', 'a run of runs/, the beginning of its name, or its folder', 'latest')
    .option('--follow', 'go on with what comes, until the run ends')
    .option('--source <sources>', 'only events of these, separated by commas')
    .option('--kind <kinds>', 'only events of these kinds, separated by commas')
    .option('--board <name>', 'only events of this board')
    .option('--test <title>', 'only from start to end of the tests whose title has this')
    .option('--grep <regex>', 'only events whose line matches')
    .option('--json', 'each event as a line of JSON, as it was recorded')
    .addHelpText(
      'after',
      `
Sources: ${SOURCES.join(', ')}.
An event's kind is its source and more, such as link.state or ssh.event: see them with --json.

Examples:
  hil journal                                         the latest run
  hil journal latest --follow --source console,kernel
  hil journal latest --kind iperf3.interval --json | jq .data.bitsPerSecond
  hil journal latest --test 'comes back' --board vb1
  hil journal 2026-11-21T0715 --grep 'wlan1.*disconnect'`,
    )
    .action((run: string, options: JournalOptions) => journal(run, options, invocation));
}

async function journal(run: string, options: JournalOptions, invocation: Invocation): Promise<void> {
  const wanted = filter(options);
  const folder = runFolder(run);
  let problems = 0;
  const onProblem = () => {
    problems++;
  };
  const { signal } = invocation;
  const events = options.follow
    ? followJournal(folder, { onProblem, signal })
    : readJournal(folder, { onProblem });
  const colour = colours(process.stdout);
  for await (const event of events) {
    if (signal.aborted) break;
    if (wanted(event))
      await invocation.write(`${options.json ? JSON.stringify(event) : journalLine(event, colour)}\n`);
  }
  if (problems > 0) invocation.say(unreadPlaces(problems));
}

/** Which events are asked for. Throws ConfigError for a source or kind that does not exist. */
function filter({ source, kind, board, test, grep }: JournalOptions): (event: AnyEvent) => boolean {
  const conditions = {
    ...(source === undefined ? {} : { sources: known(source, SOURCES, 'source') }),
    ...(kind === undefined ? {} : { kinds: known(kind, KINDS, 'kind') }),
    ...(board === undefined ? {} : { boards: [board] }),
    ...(test === undefined ? {} : { test }),
    ...(grep === undefined ? {} : { grep: expression(grep) }),
  };
  return journalFilter(conditions, (event) => journalLine(event, false));
}

function known<T extends string>(list: string, names: readonly T[], what: string): T[] {
  return list.split(',').map((name) => {
    const found = names.find((one) => one === name);
    if (found !== undefined) return found;
    throw new ConfigError(`there is no ${what} "${name}" of events`, { hint: whatExists(name, names) });
  });
}

function expression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new ConfigError(`--grep "${source}" is no regular expression`, { cause });
  }
}
