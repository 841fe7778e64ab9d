/** The files of a journal: `journal.jsonl`, then `journal.2.jsonl`, `journal.3.jsonl` ... as it grows. */
import { existsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../errors.ts';

const FIRST = 'journal.jsonl';
/** The end of a run is among the last things in its journal. */
const TAIL_BYTES = 64 * 1024;

/** The path of part n (1, 2, ...) of the journal whose first part is given. */
export function partPath(first: string, part: number): string {
  return part === 1 ? first : join(dirname(first), basename(first).replace(/\.jsonl$/, `.${part}.jsonl`));
}

/** How many parts there are; 0 when there is no journal. */
export function countParts(first: string): number {
  let parts = 0;
  while (existsSync(partPath(first, parts + 1))) parts++;
  return parts;
}

/** The first part of the journal of a run's folder, or of a journal file itself. Throws ConfigError when there is none. */
export function findJournal(dirOrFile: string): string {
  const path =
    existsSync(dirOrFile) && statSync(dirOrFile).isDirectory() ? join(dirOrFile, FIRST) : dirOrFile;
  if (!existsSync(path))
    throw new ConfigError(`there is no journal at ${path}`, { hint: 'runs/ has a folder for each run' });
  return path;
}

/** Whether a journal has the end of its run. Quotes in what boards say are escaped, and so not taken for it. */
export async function isComplete(journal: string): Promise<boolean> {
  const parts = countParts(journal);
  if (parts === 0) return false;
  await using file = await open(partPath(journal, parts));
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc(Math.min(size, TAIL_BYTES)),
    position: Math.max(0, size - TAIL_BYTES),
  });
  return buffer.subarray(0, bytesRead).includes('"kind":"run.end"');
}
