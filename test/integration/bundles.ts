/** Bundles for tests: made of texts and files, each in a folder of its own. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createBundle } from '../../lab/board/deploy/bundle.ts';
import type { LeasedBoard } from '../../lab/client/board.ts';
import { BOOT_MS } from './lab.ts';

export type Content = string | { from: string } | { text: string; mode: number };

/** Makes bundles below a folder; each call gives the folder of a new one. */
export function bundleMaker(dir: string): (files: Record<string, Content>) => Promise<string> {
  let count = 0;
  return async (files) => {
    const root = join(dir, `bundle${++count}`);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (typeof content === 'string') writeFileSync(join(root, path), content);
      else if ('text' in content) writeFileSync(join(root, path), content.text, { mode: content.mode });
      else cpSync(content.from, join(root, path));
    }
    await createBundle(root, { name: 'demo', version: `v${count}` });
    return root;
  };
}

/** Output of a command on the board, whatever it exits with. */
export const sh = async (board: LeasedBoard, command: string): Promise<string> =>
  (await board.call('ssh.run', { command, timeoutMs: BOOT_MS })).stdout;
