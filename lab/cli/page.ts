/** A command that makes a page of a run, prints its path, and shows it when asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import type { Invocation } from './invocation.ts';
import { runFolder } from './runs.ts';

/** `make` writes the page of a run's folder and gives its path. */
export function definePage(
  command: Command,
  invocation: Invocation,
  { help, make }: { help: string; make: (runDir: string) => Promise<string> },
): void {
  command
    .argument('[run]', 'a run of runs/, the beginning of its name, or its folder', 'latest')
    .option('--open', 'show it in the browser')
    .option('--json', 'the path as JSON')
    .addHelpText('after', help)
    .action(async (run: string, options: { open?: true; json?: true }) => {
      const page = await make(runFolder(run));
      if (options.json) await invocation.json({ page });
      else await invocation.write(`${page}\n`);
      if (options.open) await show(page, invocation);
    });
}

async function show(page: string, invocation: Invocation): Promise<void> {
  const opener = spawn('xdg-open', [page], { stdio: 'ignore' });
  const opened = await once(opener, 'exit').then(
    ([code]: unknown[]) => code === 0,
    () => false,
  );
  if (!opened) invocation.say(`no browser could be opened here (xdg-open); open it yourself: file://${page}`);
}
