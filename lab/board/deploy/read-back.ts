/** What a board says of the files and modules that were put on it. */
import { LabError } from '../../errors.ts';
import { sanitize } from '../../text.ts';
import { quote } from '../remote.ts';
import { freeBytesOf } from '../userland.ts';

export interface ReadBack {
  /** SHA-256 by path; absent: not there. */
  files: Record<string, string>;
  /** srcversion by name of each module that is loaded; empty where its kernel does not tell. */
  modules: Record<string, string>;
  /** Version by name of each package; `-` where it is not installed. */
  packages: Record<string, string>;
}

/** @param versions shell that prints the versions of packages, as versionsScript does */
export function readBackScript(
  paths: readonly string[],
  modules: readonly string[],
  versions: string,
): string {
  return [
    ...(paths.length === 0 ? [] : [`sha256sum ${paths.map(quote).join(' ')} 2>/dev/null`]),
    ...(versions === '' ? [] : [`{ ${versions}\n} | while read -r l; do echo "package $l"; done`]),
    ...modules.map(
      (name) =>
        `[ -d /sys/module/${name} ] && { s=; [ -r /sys/module/${name}/srcversion ] && read -r s </sys/module/${name}/srcversion; echo "module ${name} $s"; }`,
    ),
    ':',
  ].join('\n');
}

export function parseReadBack(output: string): ReadBack {
  const found: ReadBack = { files: {}, modules: {}, packages: {} };
  for (const line of output.split('\n').map(sanitize)) {
    const [, hash, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (hash !== undefined && path !== undefined) found.files[path] = hash;
    const [, module, version = ''] = /^module (\S+) ?(\S*)$/.exec(line) ?? [];
    if (module !== undefined) found.modules[module] = version;
    const [, name, installed] = /^package (\S+) (\S+) \S+$/.exec(line) ?? [];
    if (name !== undefined && installed !== undefined) found.packages[name] = installed;
  }
  return found;
}

export interface BoardState {
  arch: string;
  kernelRelease: string;
  /** `apt`, `opkg`, `apk`, or empty. */
  packageManager: string;
  /** Of the root file system; null where df does not say. */
  freeBytes: number | null;
}

/** Throws LabError when the board does not say what it is. */
export function parseState(output: string, board: string): BoardState {
  const arch = /^arch (\S+)$/m.exec(output)?.[1];
  const kernelRelease = /^release (\S+)$/m.exec(output)?.[1];
  if (arch === undefined || kernelRelease === undefined)
    throw new LabError(`${board} did not say what it is: ${sanitize(output.slice(0, 200))}`, {
      board,
      code: 'no-userland',
    });
  const free = /^free .*$/m.exec(output)?.[0] ?? '';
  const packageManager = /^packages (\S+)$/m.exec(output)?.[1] ?? '';
  return { arch, kernelRelease, packageManager, freeBytes: freeBytesOf(free) };
}
