/** `hil journal RUN`: what was recorded in a run, filtered, as lines or JSON. */
import type { Command } from 'commander';
import { ConfigError } from '../errors.ts';
import { type AnyEvent, type EventSource, isEventKind, PAYLOADS, sourceOf } from '../journal/event.ts';
import { followJournal, readJournal } from '../journal/reader.ts';
import { colours, type Invocation } from './invocation.ts';
import { journalLine } from './journal-line.ts';
import { runFolder } from './runs.ts';
import { whatExists } from './suggest.ts';

interface JournalOptions {
  follow?: true;
  source?: string;
  board?: string;
  grep?: string;
  json?: true;
}

const SOURCES = [...new Set(Object.keys(PAYLOADS).filter(isEventKind).map(sourceOf))];

export function define(command: Command, invocation: Invocation): void {
  command
    .argument('[run]', 'a run of runs/, the beginning of its name, or its folder', 'latest')
    .option('--follow', 'go on with what comes, until the run ends')
    .option('--source <sources>', 'only events of these, separated by commas')
    .option('--board <name>', 'only events of this board')
    .option('--grep <regex>', 'only events whose line matches')
    .option('--json', 'each event as a line of JSON, as it was recorded')
    .addHelpText(
      'after',
      `
Sources: ${SOURCES.join(', ')}.

Examples:
  hil journal                                         the latest run
  hil journal latest --follow --source console,kernel
  hil journal latest --source iperf3 --json | jq .data.bitsPerSecond
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
  if (problems > 0)
    invocation.say(
      `${problems} ${problems === 1 ? 'place' : 'places'} in this journal could not be read, or events are missing there`,
    );
}

/** Which events are asked for. Throws ConfigError for a source that does not exist. */
function filter({ source, board, grep }: JournalOptions): (event: AnyEvent) => boolean {
  const sources = source === undefined ? null : new Set<EventSource>(source.split(',').map(knownSource));
  const regex = grep === undefined ? null : expression(grep);
  return (event) =>
    (sources === null || sources.has(event.source)) &&
    (board === undefined || event.board === board) &&
    (regex === null || regex.test(journalLine(event, false)));
}

function knownSource(name: string): EventSource {
  const known = SOURCES.find((one) => one === name);
  if (known !== undefined) return known;
  throw new ConfigError(`there is no source "${name}" of events`, { hint: whatExists(name, SOURCES) });
}

function expression(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new ConfigError(`--grep "${source}" is no regular expression`, { cause });
  }
}
