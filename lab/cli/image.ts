/** `hil image`: the image that virtual boards boot. */
import type { Command } from 'commander';
import { LabError } from '../errors.ts';
import { Step } from '../setup/steps.ts';
import { formatBytes } from '../units.ts';
import { ensureImage, imageInfo } from '../virtual/image.ts';
import { cleanImages } from '../virtual/image-cache.ts';
import { DEFAULT_KIND, KINDS } from '../virtual/kinds.ts';
import type { BoardImage } from '../virtual/manifest.ts';
import type { Invocation } from './invocation.ts';

const KIND_HELP = `kind of virtual board: ${Object.keys(KINDS).join(', ')}`;

export function define(command: Command, invocation: Invocation): void {
  command.addHelpText(
    'after',
    `
The image is made of Debian packages, without root and without changing this machine, and kept in ~/.cache/hil (or
HIL_CACHE_DIR) under a hash of its recipe and the versions of its packages.

Examples:
  hil image build --refresh      with the newest packages of Debian
  hil image build virtual-small  of another kind of board
  hil image info --json | jq .packages`,
  );
  command
    .command('build')
    .argument('[kind]', KIND_HELP, DEFAULT_KIND)
    .description('Build the image unless it is there.')
    .option('--refresh', 'ask Debian for newer packages, and build anew when there are')
    .action(async (kind: string, { refresh }: { refresh?: true }) => {
      using step = new Step('Board image');
      const before = await imageInfo(kind);
      const image = await ensureImage({
        kind,
        signal: invocation.signal,
        refresh: refresh ?? false,
        progress: ({ step: name, detail, fraction }) =>
          step.update({ detail: detail === undefined ? name : `${name}: ${detail}`, fraction }),
      });
      step.done(image.key === before?.key ? `already there (${image.dir})` : `built (${image.dir})`);
    });
  command
    .command('info')
    .argument('[kind]', KIND_HELP, DEFAULT_KIND)
    .description('Show what the image is made of.')
    .option('--json', 'as JSON, with all packages and modules')
    .action(async (kind: string, { json }: { json?: true }) => {
      const image = await imageInfo(kind);
      if (image === null) {
        throw new LabError(`the image of ${kind} boards has not been built`, {
          code: 'no-image',
          hint: `hil image build ${kind}`,
        });
      }
      if (json) await invocation.json(image);
      else await invocation.write(described(image));
    });
  command
    .command('clean')
    .description('Delete all images and downloaded packages.')
    .action(async () => {
      const { freedBytes } = await cleanImages();
      invocation.say(
        `freed ${formatBytes(freedBytes)}; the next board to be switched on builds the image anew`,
      );
    });
}

function described(image: BoardImage): string {
  const sizes = Object.entries(image.sizes).map(([file, bytes]) => `${file} ${formatBytes(bytes)}`);
  return [
    `kind      ${image.kind}`,
    `kernel    ${image.kernelRelease}`,
    `packages  ${Object.keys(image.packages).length}`,
    `modules   ${image.modules.length}`,
    `files     ${sizes.join(', ')}`,
    `folder    ${image.dir}`,
    `built     ${image.builtAt}`,
    '',
  ].join('\n');
}
