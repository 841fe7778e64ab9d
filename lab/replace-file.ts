/** Files that others read while they are written: a reader sees the old content or the new, never a part. */
import { renameSync, writeFileSync } from 'node:fs';

export function replaceFile(path: string, content: string, mode = 0o600): void {
  writeFileSync(`${path}.new`, content, { mode });
  renameSync(`${path}.new`, path);
}
