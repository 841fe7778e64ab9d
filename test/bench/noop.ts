/** A run of one test that does nothing: `hil run` with a controller up, and bare `playwright test`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../lab/paths.ts';
import { alternate, median, type Row, timed } from './rows.ts';

const PAIRS = 7;

export async function noopRows(): Promise<Row[]> {
  // Inside the project, where both find their packages.
  const dir = mkdtempSync(join(PROJECT_ROOT, 'suites', 'noop-'));
  try {
    writeFileSync(
      join(dir, 'noop.spec.ts'),
      "import { test } from '@playwright/test';\n\ntest('does nothing', { tag: '@host' }, () => undefined);\n",
    );
    writeFileSync(
      join(dir, 'bare.config.ts'),
      "export default { testDir: '.', reporter: 'line', workers: 1 };\n",
    );
    const playwright = join(PROJECT_ROOT, 'node_modules/@playwright/test/cli.js');
    const run = (args: string[]) =>
      timed(async () => {
        const child = spawn(process.execPath, args, { cwd: PROJECT_ROOT, stdio: 'ignore' });
        const [code] = (await once(child, 'exit')) as [number | null];
        if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`);
      });
    const spec = join(dir, 'noop.spec.ts');
    const harness = () => run([join(PROJECT_ROOT, 'lab/cli/main.ts'), 'run', spec]);
    const bare = () => run([playwright, 'test', '-c', join(dir, 'bare.config.ts')]);
    await harness();
    await bare();
    const { a, b } = await alternate(PAIRS, harness, bare);
    const [ours, theirs] = [median(a) / 1000, median(b) / 1000];
    return [
      {
        what: 'a run of one empty test, s',
        ours,
        peer: { name: 'bare playwright', value: theirs },
        target: '<= 0.3 s over bare',
        runs: PAIRS,
      },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
