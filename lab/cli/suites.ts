/** Suites as typed on the command line: folders below `suites/`, or single spec files. */
import { existsSync, globSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { PROJECT_ROOT } from '../paths.ts';
import { suggest } from '../suggest.ts';

const SPEC = '.spec.ts';

/** Names of the suites: folders with a spec file somewhere below. */
export function suiteNames(root = join(PROJECT_ROOT, 'suites')): string[] {
  const folders = globSync(`*/**/*${SPEC}`, { cwd: root }).map((path) => path.slice(0, path.indexOf('/')));
  return [...new Set(folders)].sort();
}

/**
 * The folders and spec files meant by `smoke`, `wifi/connect`, `suites/wifi` or `./suites/wifi/connect.spec.ts`.
 * Throws ConfigError with what exists.
 */
export function suitePaths(words: readonly string[], root = join(PROJECT_ROOT, 'suites')): string[] {
  return words.map((word) => {
    const candidates = [join(root, word), join(root, `${word}${SPEC}`), resolve(word)];
    const found = candidates.find((path) => existsSync(path) && isSuite(path, root));
    if (found !== undefined) return found;
    throw unknown(word, root);
  });
}

function isSuite(path: string, root: string): boolean {
  const below = relative(root, path);
  if (below === '' || below.startsWith('..')) return false;
  return statSync(path).isDirectory()
    ? globSync(`**/*${SPEC}`, { cwd: path }).length > 0
    : path.endsWith(SPEC);
}

function unknown(word: string, root: string): ConfigError {
  const names = suiteNames(root);
  const specs = globSync(`*/**/*${SPEC}`, { cwd: root }).map((path) => path.slice(0, -SPEC.length));
  const close = suggest(word, names);
  const files = close.length > 0 ? [] : specs.filter((spec) => suggest(word, [basename(spec)]).length > 0);
  const meant = [...close, ...files].slice(0, 3);
  const hint = meant.length > 0 ? `did you mean ${meant.join(' or ')}? ` : '';
  return new ConfigError(`there is no suite "${word}"`, {
    code: 'unknown-suite',
    hint: `${hint}There are: ${names.join(', ') || 'none'}; or give the path of a *${SPEC} file below ${relative('.', root) || root}`,
  });
}

/** An argument of Playwright, which takes regular expressions over absolute paths, that means just this path. */
export function pathFilter(path: string): string {
  const literal = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return path.endsWith(SPEC) ? `^${literal}$` : `^${literal}/`;
}
