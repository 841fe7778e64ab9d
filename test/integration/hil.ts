/** Runs the command line as a user does: in a process of its own, with or without a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { quote } from '../../lab/board/remote.ts';
import { PROJECT_ROOT } from '../../lab/paths.ts';

export const HIL = join(PROJECT_ROOT, 'lab/cli/hil');

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

const running = new Set<ChildProcess>();

/** Ends what a failed test left running. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export class RunningHil {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly outcome: Promise<Outcome>;
  #heard: () => void = () => undefined;

  constructor(
    command: string,
    args: readonly string[],
    input?: string,
    environment: Record<string, string> = {},
  ) {
    this.child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...environment } });
    running.add(this.child);
    this.child.once('exit', () => running.delete(this.child));
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#hear('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#hear('stderr', text));
    if (input !== undefined) this.child.stdin?.end(input);
    this.outcome = once(this.child, 'close').then(([code]: unknown[]) => ({
      code: typeof code === 'number' ? code : null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Resolves when it has said this on either output. */
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const ended = this.outcome.then(() => 'ended' as const);
    while (!pattern.test(this.stdout) && !pattern.test(this.stderr)) {
      const heard = new Promise<'heard'>((resolve) => {
        this.#heard = () => resolve('heard');
      });
      const late = once(deadline, 'abort').then(() => 'late' as const);
      const what = await Promise.race([heard, ended, late]);
      if (what === 'heard' || pattern.test(this.stdout + this.stderr)) continue;
      throw new Error(`${what} without ${pattern}: it said\n${this.stdout}\n${this.stderr}`);
    }
  }

  #hear(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#heard();
  }
}

/** Starts `hil` without a terminal; its standard input is empty unless given. */
export function startHil(
  args: readonly string[],
  input = '',
  environment: Record<string, string> = {},
): RunningHil {
  return new RunningHil(HIL, args, input, environment);
}

export async function hil(...args: string[]): Promise<Outcome> {
  return await startHil(args).outcome;
}

/** Starts `hil` on a terminal of its own; `type` types on it, and both outputs come as one. */
export function hilOnTerminal(...args: string[]): RunningHil {
  return new RunningHil('script', ['-qefc', [HIL, ...args].map(quote).join(' '), '/dev/null']);
}
