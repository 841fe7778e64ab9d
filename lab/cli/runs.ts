/** Folders of runs, by name or `latest`. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { runsDir } from '../paths.ts';
import { suggest } from '../suggest.ts';

/** The folder of a run: its name, the beginning of it if that is unique, a path, or `latest`. Throws ConfigError. */
export function runFolder(name: string): string {
  const base = runsDir();
  if (name === 'latest') return latest(base);
  if (name.includes('/') && isFolder(name)) return resolve(name);
  if (isFolder(join(base, name))) return join(base, name);
  const all = runNames(base);
  const begun = all.filter((run) => run.startsWith(name));
  if (begun.length === 1 && begun[0] !== undefined) return join(base, begun[0]);
  if (begun.length > 1)
    throw new ConfigError(`"${name}" is the beginning of ${begun.length} runs`, {
      hint: `one of ${begun.join(', ')}`,
    });
  const close = suggest(name, all);
  const recent = all.slice(-5).join(', ');
  throw new ConfigError(`there is no run "${name}" in ${base}`, {
    hint: `${close.length > 0 ? `did you mean ${close.join(' or ')}? ` : ''}${recent === '' ? 'hil run makes one' : `The latest are: ${recent}`}`,
  });
}

/** What to say of a journal with so many problems. */
export function unreadPlaces(count: number): string {
  return `${count} ${count === 1 ? 'place' : 'places'} in this journal could not be read, or events are missing there`;
}

function latest(base: string): string {
  const link = join(base, 'latest');
  if (existsSync(link)) return realpathSync(link);
  const last = runNames(base).at(-1);
  if (last !== undefined) return join(base, last);
  throw new ConfigError(`there is no run in ${base} yet`, { hint: 'hil run' });
}

/** Names begin with the time in UTC, so they sort by age. */
function runNames(base: string): string[] {
  if (!isFolder(base)) return [];
  return readdirSync(base, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(base, entry.name, 'journal.jsonl')))
    .map((entry) => entry.name)
    .sort();
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
