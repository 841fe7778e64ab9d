/** "Did you mean": what exists that is close to what was typed. */

import { distance } from './text.ts';

/** The candidates that may have been meant, best first, at most three. */
export function suggest(word: string, candidates: Iterable<string>): string[] {
  const wanted = word.slice(0, 64).toLowerCase();
  if (wanted === '') return [];
  return [...new Set(candidates)]
    .map((name) => {
      const lower = name.toLowerCase();
      const begins = wanted.length >= 2 && lower.startsWith(wanted);
      return { name, cost: begins ? 0.5 : distance(wanted, lower) };
    })
    .filter(({ name, cost }) => cost <= Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3)))
    .sort((x, y) => x.cost - y.cost || x.name.localeCompare(y.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** `did you mean wifi? There are: driver, smoke, wifi`: a hint for a word that names nothing. */
export function whatExists(word: string, candidates: readonly string[]): string {
  const close = suggest(word, candidates);
  const meant = close.length === 0 ? '' : `did you mean ${close.join(' or ')}? `;
  return candidates.length === 0 ? `${meant}There are none` : `${meant}There are: ${candidates.join(', ')}`;
}
