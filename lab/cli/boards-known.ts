/** Names of boards as typed, checked before anything is started. */
import { loadLab } from '../config/lab.ts';
import { ConfigError } from '../errors.ts';
import { whatExists } from '../suggest.ts';

/** The name itself; throws ConfigError with the names that exist when it is none. */
export function knownBoard(name: string): string {
  const names = loadLab().boards.map((board) => board.name);
  if (names.includes(name)) return name;
  throw new ConfigError(`there is no board "${name}" in this lab`, {
    code: 'unknown-board',
    hint: whatExists(name, names),
  });
}

/** Names of boards and of groups of them, as the boards; throws ConfigError for what is neither. */
export function boardsNamed(names: readonly string[]): string[] {
  const { groups } = loadLab();
  const all = names.flatMap((name) => groups[name] ?? [knownBoard(name)]);
  return [...new Set(all)];
}
