/** The program on a board that carries its radio frames (agent.c): compiled once for an architecture, then kept. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../paths.ts';
import { runTool } from '../../program.ts';
import { builtOnce } from '../built-once.ts';
import { compilerFor } from '../compiler.ts';
import type { FetchOptions } from '../image.ts';
import { kindOf } from '../kinds.ts';

const SOURCE = join(import.meta.dirname, 'agent.c');
const OPTIONS = [
  ...['-Os', '-static', '-nostdlib', '-ffreestanding', '-fno-builtin', '-fno-stack-protector'],
  ...['-fno-tree-loop-distribute-patterns', '-fno-asynchronous-unwind-tables', '-fno-pie', '-no-pie', '-s'],
  ...['-Wall', '-Werror', '-Wl,--build-id=none'],
];

/** The compiled agent for a kind of board, on the lab machine. Throws LabError when no compiler can be had. */
export async function ensureAgent(kind: string, options: FetchOptions = {}): Promise<string> {
  const { architecture } = kindOf(kind).recipe;
  const source = await readFile(SOURCE);
  const hash = createHash('sha256').update(source).update(OPTIONS.join(' ')).digest('hex').slice(0, 16);
  const folder = join(cacheDir(), 'agents');
  const path = join(folder, `${architecture}-${hash}`);
  return await builtOnce({ folder, path }, options, async (temporary, report) => {
    const { program, env } = await compilerFor(architecture, join(temporary, 'root'), report, options);
    report({ step: 'compiling', detail: 'the agent of the shared air' });
    const made = join(temporary, 'agent');
    await runTool(program, [...OPTIONS, '-o', made, SOURCE], {
      ...{ step: 'compiling the agent of the shared air', env, signal: options.signal },
    });
    return made;
  });
}
