/** The regulatory domain of a board: set for a link, and set back when the link is undone. */
import type { Remote } from '../board/remote.ts';
import { LabError } from '../errors.ts';
import type { UndoStack } from './undo.ts';

/** What `iw reg get` says first of all is the global domain; the kernel applies a new one some time after it was asked. */
const inEffect = (country: string) => `iw reg get | sed '/^country/q' | grep -q '^country ${country}:'`;

/**
 * Sets the country and waits until it is in effect; `undo` gets what brings the one before back. Throws LabError (code
 * `country`) when the kernel does not take it.
 */
export async function useCountry(remote: Remote, country: string, undo: UndoStack): Promise<void> {
  const before = /^country (\w\w):/m.exec(await remote.check('iw reg get'))?.[1];
  if (before === country) return;
  if (before !== undefined) undo.push('country', () => setCountry(remote, before));
  await setCountry(remote, country);
}

async function setCountry(remote: Remote, country: string): Promise<void> {
  const known = inEffect(country);
  const wait = `n=0; until ${known}; do n=$((n+1)); [ $n -lt 25 ] || exit 1; sleep 0.2; done`;
  if ((await remote.run(`(iw reg set ${country}; ${wait})`)).exitCode === 0) return;
  throw new LabError(`${remote.name}: the country ${country} did not take effect within 5 s`, {
    board: remote.name,
    code: 'country',
    hint: 'is regulatory.db (wireless-regdb) on the board, and the driver not self-managed (iw reg get)?',
  });
}
