/** Bundles for tests: made of texts and files, each in a folder of its own. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createBundle } from '../../lab/board/deploy/bundle.ts';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { BOOT_MS } from './lab.ts';

export type Content = string | { from: string } | { text: string; mode: number };

/** Makes bundles below a folder; each call gives the folder of a new one. */
export function bundleMaker(dir: string): (files: Record<string, Content>) => Promise<string> {
  let count = 0;
  return async (files) => {
    const root = join(dir, `bundle${++count}`);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (typeof content === 'string') writeFileSync(join(root, path), content);
      else if ('text' in content) writeFileSync(join(root, path), content.text, { mode: content.mode });
      else cpSync(content.from, join(root, path));
    }
    await createBundle(root, { name: 'demo', version: `v${count}` });
    return root;
  };
}

/** Output of a command on the board, whatever it exits with. */
export const sh = async (board: LeasedBoard, command: string): Promise<string> =>
  (await board.call('ssh.run', { command, timeoutMs: BOOT_MS })).stdout;

/** A package with one file and no dependencies, as each of the three managers has it. */
export function makePackage(
  dir: string,
  format: 'deb' | 'ipk' | 'apk',
  { name, version, arch, text }: { name: string; version: string; arch: string; text: string },
): string {
  const root = join(dir, `${name}_${version}_${format}`);
  const path = `${root}.${format}`;
  const put = (file: string, content: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  };
  const run = (program: string, ...args: string[]): unknown => execFileSync(program, args, { cwd: root });
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: ${arch}\nMaintainer: nobody <n@example.org>\nDescription: a test\n`;
  put(`usr/share/${name}`, text);
  if (format === 'deb') {
    put('DEBIAN/control', control);
    run('dpkg-deb', '--root-owner-group', '--build', root, path);
  } else if (format === 'ipk') {
    put('control', control);
    put('debian-binary', '2.0\n');
    run('tar', '-czf', 'control.tar.gz', './control');
    run('tar', '-czf', 'data.tar.gz', './usr');
    run('tar', '-czf', path, './debian-binary', './control.tar.gz', './data.tar.gz');
  } else {
    put('.PKGINFO', `pkgname = ${name}\npkgver = ${version}\narch = ${arch}\n`);
    run('tar', '-czf', path, '.PKGINFO', 'usr');
  }
  return path;
}
