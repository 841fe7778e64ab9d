/** The runner's process: Playwright Test, started so that every way to end us winds it down in order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LabError } from '../errors.ts';
import { PROJECT_ROOT } from '../paths.ts';
import type { Invocation } from './invocation.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface RunnerOptions {
  args: readonly string[];
  environment: Record<string, string>;
  /** Standard output belongs to somebody else: what the runner prints goes to standard error. */
  quietOutput: boolean;
  invocation: Invocation;
}

/**
 * Runs `playwright test` and gives its exit code (null when a signal ended it). The first signal to us lets it tear its
 * tests down, a second one makes it end at once, a third kills it. When we are killed, it is interrupted too.
 */
export async function runPlaywright(options: RunnerOptions): Promise<number | null> {
  const { args, environment, quietOutput, invocation } = options;
  const cli = join(PROJECT_ROOT, 'node_modules/@playwright/test/cli.js');
  invocation.releaseSignals();
  const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
  const child = spawn('setpriv', ['--pdeathsig', 'INT', ...node, cli, 'test', ...args], {
    cwd: PROJECT_ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', quietOutput ? 2 : 'inherit', 'inherit'],
    // A session of its own: else Ctrl-C would reach it twice, from the terminal and from us, and the second ends it at once.
    detached: true,
  });
  let signals = 0;
  const forward = (name: NodeJS.Signals) => {
    signals++;
    invocation.interruptedBy ??= name;
    if (signals === 1) invocation.say('\nending the tests in order; again to end at once');
    child.kill(signals <= 2 ? 'SIGINT' : 'SIGKILL');
  };
  const resize = () => void child.kill('SIGWINCH');
  for (const name of SIGNALS) process.on(name, forward);
  process.on('SIGWINCH', resize);
  try {
    const [code]: unknown[] = await once(child, 'exit');
    return typeof code === 'number' ? code : null;
  } catch (cause) {
    throw new LabError('the runner could not be started by setpriv(1)', { hint: 'hil setup', cause });
  } finally {
    for (const name of SIGNALS) process.off(name, forward);
    process.off('SIGWINCH', resize);
    invocation.catchSignals();
  }
}
