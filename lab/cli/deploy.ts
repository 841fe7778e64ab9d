/** `hil deploy BOARD BUNDLE`: a bundle on a board, proven there, or taken back. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openBundle } from '../board/deploy/bundle.ts';
import { ConfigError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';
import { formatBytes } from './units.ts';

interface DeployOptions extends WaitOption {
  rollback?: true;
  reload: boolean;
  json?: true;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument('[bundle]', 'folder of a bundle, see hil bundle')
    .option('--rollback', 'take back what was deployed last')
    .option('--no-reload', 'leave modules that are loaded as they are')
    .option('--json', 'what was read back, as JSON')
    .addHelpText(
      'after',
      `
Hashes of all files and the srcversion of loaded modules are read back from the board; from then on each result says which
bundle was on it. A bundle for another architecture, or with modules for another kernel, is refused before anything is
changed; when something fails on the way, all of it is taken back. A board has one bundle at a time: a second one takes
back the first.

Examples:
  hil deploy vb1 out
  hil deploy vb1 --rollback`,
    )
    .action((board: string, dir: string | undefined, options: DeployOptions) =>
      deploy(board, dir, options, invocation),
    );
}

async function deploy(
  name: string,
  dir: string | undefined,
  options: DeployOptions,
  invocation: Invocation,
): Promise<void> {
  const { rollback = false, reload, json = false, wait } = options;
  if ((dir === undefined) !== rollback)
    throw new ConfigError('either a bundle or --rollback is needed', { hint: 'hil deploy --help' });
  const bundle = dir === undefined ? null : await openBundle(resolve(dir));
  await useBoard(name, { wait, purpose: 'deploy', invocation }, async (board, signal) => {
    await bringUp(board, signal, invocation);
    if (bundle === null) {
      const { restored } = await board.call('deploy.rollback', {}, { signal });
      invocation.say(
        restored === 0 ? `nothing was deployed on ${name}` : `${name}: ${restored} files are as before`,
      );
      return;
    }
    using step = new Step(name);
    const result = await board.call(
      'deploy.run',
      { dir: bundle.dir, reload },
      { signal, onEvent: ({ detail }) => step.update({ detail }) },
    );
    const reloaded = result.reloaded.length === 0 ? '' : `, loaded anew: ${result.reloaded.join(', ')}`;
    step.done(
      `${result.bundle}: ${result.files} files, ${formatBytes(result.bytes)}, proven by hash${reloaded}`,
    );
    if (json) await invocation.json(result);
  });
}
