/** Which lab file is meant, and whether it is still the same: what each client of the controller asks, so it is quick. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** What `HIL_LAB` says for the virtual lab, also where there is a lab file. */
export const VIRTUAL = 'virtual';

/** `HIL_LAB`, `lab.yaml` here, or `~/.config/hil/lab.yaml`; null, the virtual lab, when there is none of them. */
export function labFile(): string | null {
  const own = process.env.HIL_LAB;
  if (own === VIRTUAL) return null;
  if (own !== undefined && own !== '') return resolve(own);
  const config = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return [resolve('lab.yaml'), join(config, 'hil', 'lab.yaml')].find((path) => existsSync(path)) ?? null;
}

/** Lets programs started from here mean the same lab, wherever they run. */
export function pinLabFile(): void {
  process.env.HIL_LAB = labFile() ?? VIRTUAL;
}

/** Another one for each lab: a controller started for another lab, or for this one before it was changed, is told by it. */
export async function labId(file = labFile()): Promise<string> {
  if (file === null) return VIRTUAL;
  // Only labs of their own pay for it.
  const { readDocument } = await import('./document.ts');
  const { value, problems } = readDocument(file);
  const text = JSON.stringify([file, value, problems.length]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
