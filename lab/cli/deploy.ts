/** `hil deploy BOARD BUNDLE`: a bundle on a board, proven there, or taken back. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openBundle } from '../board/deploy/bundle.ts';
import type { LeasedBoard } from '../client/board.ts';
import { ConfigError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import { formatBytes } from '../units.ts';
import type { Invocation } from './invocation.ts';
import { bringUp, useBoard, type WaitOption, waitOption } from './lease.ts';

interface DeployOptions extends WaitOption {
  rollback?: true;
  reload: boolean;
  reboot?: true;
  json?: true;
}

export function define(command: Command, invocation: Invocation): void {
  waitOption(command)
    .argument('<board>')
    .argument('[bundle]', 'folder of a bundle, see hil bundle')
    .option('--rollback', 'take back what was deployed last')
    .option('--no-reload', 'leave modules that are loaded as they are')
    .option('--reboot', 'power-cycle it, and prove the bundle after that')
    .option('--json', 'what was read back, as JSON')
    .addHelpText(
      'after',
      `
Hashes of all files, versions of packages and the srcversion of loaded modules are read back from the board; from then on
each result says which bundle was on it. A bundle for another architecture, or with modules for another kernel, is refused
before anything is changed. A bundle with a kernel is booted by the boot loader, now and after each power cycle, until it is
taken back; uname must then say the same as the image.

When something fails on the way, all of it is taken back: by SSH, on the console, or - where the board does not come up any
more - by its boot loader, with "knownGood" of the lab file. An image that sysupgrade flashes can't be taken back. A board
has one bundle at a time: a second one takes back the first.

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
  const { rollback = false, reload, reboot = false, json = false, wait } = options;
  if ((dir === undefined) !== rollback)
    throw new ConfigError('either a bundle or --rollback is needed', { hint: 'hil deploy --help' });
  const bundle = dir === undefined ? null : await openBundle(resolve(dir));
  await useBoard(name, { wait, purpose: 'deploy', invocation }, async (board, signal) => {
    if (bundle === null) return await takeBack(board, signal, invocation);
    await bringUp(board, signal, invocation);
    using step = new Step(name);
    const result = await board.call(
      'deploy.run',
      { dir: bundle.dir, reload, reboot },
      { signal, onEvent: ({ detail }) => step.update({ detail }) },
    );
    const reloaded = result.reloaded.length === 0 ? '' : `, loaded anew: ${result.reloaded.join(', ')}`;
    const packages = bundle.packages.length === 0 ? '' : `, ${bundle.packages.length} packages`;
    const kernel = bundle.kernel === null ? '' : `, runs Linux ${result.kernel.split(' ', 1)[0]}`;
    step.done(
      bundle.sysupgrade === null
        ? `${result.bundle}: ${result.files} files${packages}, ${formatBytes(result.bytes)}, proven by hash${reloaded}${kernel}`
        : `${result.bundle}: flashed, ${formatBytes(result.bytes)}`,
    );
    if (json) await invocation.json(result);
  });
}

async function takeBack(board: LeasedBoard, signal: AbortSignal, invocation: Invocation): Promise<void> {
  using step = new Step(board.name);
  const onEvent = ({ detail }: { detail: string }) => step.update({ detail });
  const { restored, left, way } = await board.call('deploy.rollback', {}, { signal, onEvent });
  step.done(restored === 0 ? 'nothing was deployed' : `${restored} files are as before, taken back ${way}`);
  for (const each of left) invocation.say(`${board.name}: ${each}: install the former version by hand`);
}
