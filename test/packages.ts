/** Packages for tests: made by the tools of this machine. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A package with one file and no dependencies, as each of the three managers has it. */
export function makePackage(
  dir: string,
  format: 'deb' | 'ipk' | 'apk',
  {
    name,
    version,
    arch,
    text,
    depends = '',
  }: { name: string; version: string; arch: string; text: string; depends?: string },
): string {
  const root = join(dir, `${name}_${version}_${format}`);
  const path = `${root}.${format}`;
  const put = (file: string, content: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  };
  const run = (program: string, ...args: string[]): unknown => execFileSync(program, args, { cwd: root });
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: ${arch}\nMaintainer: nobody <n@example.org>\n${depends === '' ? '' : `Depends: ${depends}\n`}Description: a test\n`;
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
