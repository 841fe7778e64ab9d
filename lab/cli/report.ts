/** `hil report [RUN]`: makes the page of a run from what it left behind, as often as one likes. */
import type { Command } from 'commander';
import { generateReport } from '../../reporters/allure-page.ts';
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
Prints the path of the page. It needs no server and fetches nothing.

Examples:
  hil report --open
  hil report 2026-11-21T0715`,
    )
    .action(async (run: string, options: { open?: true; json?: true }) => {
      const page = await generateReport(runFolder(run));
      if (options.json) await invocation.json({ page });
      else await invocation.write(`${page}\n`);
      if (options.open) await openPage(page, invocation);
    });
}
