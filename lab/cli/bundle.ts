/** `hil bundle`: what is put on boards as one thing, with a hash of each part. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Bundle, createBundle, openBundle } from '../board/deploy/bundle.ts';
import { sanitize } from '../text.ts';
import { formatBytes } from '../units.ts';
import type { Invocation } from './invocation.ts';

export function define(command: Command, invocation: Invocation): void {
  command.addHelpText(
    'after',
    `
A bundle is a folder laid out as the root of a board - lib/modules/..., lib/firmware/..., etc/... - with a bundle.json that
says of each file where it goes, its hash, and of modules the kernel they are for. What is no file of the root lies below
.hil: boot/kernel, boot/initrd, boot/dtb and boot/args, packages/*.deb, *.ipk or *.apk, or an image in sysupgrade/.

Examples:
  make INSTALL_MOD_PATH=out modules_install && hil bundle create out --name mt76 --release "$(git describe)"
  hil deploy bpi1 out`,
  );
  command
    .command('create')
    .description('Write the manifest of a folder.')
    .argument('<folder>')
    .option('--name <name>', 'default: that of the folder')
    .option('--release <version>', 'such as a commit', '')
    .option('--json', 'the manifest as JSON')
    .action(async (dir: string, { name, release, json }: { name?: string; release: string; json?: true }) => {
      const names = { version: release, ...(name === undefined ? {} : { name }) };
      await show(await createBundle(resolve(dir), names), json ?? false, invocation);
    });
  command
    .command('show')
    .description('Check a bundle against its hashes, and say what is in it.')
    .argument('<folder>')
    .option('--json', 'as JSON')
    .action(async (dir: string, { json }: { json?: true }) =>
      show(await openBundle(resolve(dir)), json ?? false, invocation),
    );
}

async function show(bundle: Bundle, json: boolean, invocation: Invocation): Promise<void> {
  if (json) return await invocation.json(bundle);
  const { name, version, arch, kernelRelease, files, sha256, kernel, packages, sysupgrade } = bundle;
  const size = files.reduce((sum, each) => sum + each.size, 0);
  const lines = [
    `${sanitize(`${name} ${version}`.trim())}: ${files.length} files, ${formatBytes(size)}, for ${arch ?? 'any architecture'}${kernelRelease === null ? '' : `, Linux ${sanitize(kernelRelease)}`}`,
    `sha256 ${sha256}`,
    ...(kernel === null
      ? []
      : [`  kernel ${sanitize(kernel.release ?? 'of unknown release')} (${formatBytes(kernel.image.size)})`]),
    ...packages.map((each) => `  package ${sanitize(`${each.name} ${each.version}`)} (${each.manager})`),
    ...(sysupgrade === null
      ? []
      : [`  image ${sanitize(sysupgrade.path)} (${formatBytes(sysupgrade.size)})`]),
    ...files.map(({ path, module, size: bytes }) => {
      const what = module
        ? `, module ${module.name}${module.srcversion === '' ? '' : ` ${module.srcversion}`}`
        : '';
      return `  ${sanitize(path)} (${formatBytes(bytes)}${sanitize(what)})`;
    }),
  ];
  await invocation.write(`${lines.join('\n')}\n`);
}
