/** `hil timeline [RUN]`: the page that shows all that was recorded in a run over one time axis. */
import type { Command } from 'commander';
import { writeTimeline } from '../../reporters/timeline/page.ts';
import type { Invocation } from './invocation.ts';
import { openPage } from './open-page.ts';
import { runFolder } from './runs.ts';

export function define(command: Command, invocation: Invocation): void {
  command
    .argument('[run]', 'a run of runs/, the beginning of its name, or its folder', 'latest')
    .option('--open', 'show it in the browser')
    .option('--json', 'the path as JSON')
    .addHelpText(
      'after',
      `
Prints the path of the page, one file that needs no server and fetches nothing. It shows throughput, latency, signal and
repeats as charts, and what every source told as lanes of lines below; a click shows all lines around that moment. A run
that goes on is shown as far as it has come.

Examples:
  hil timeline --open
  hil timeline 2026-11-21T0715`,
    )
    .action(async (run: string, options: { open?: true; json?: true }) => {
      const page = await writeTimeline(runFolder(run));
      if (options.json) await invocation.json({ page });
      else await invocation.write(`${page}\n`);
      if (options.open) await openPage(page, invocation);
    });
}
