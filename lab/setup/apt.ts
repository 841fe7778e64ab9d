/** Installs Debian packages, as root or by a sudo that asks for nothing; otherwise says the command to type. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { abortReason, LabError } from '../errors.ts';
import type { StepUpdate } from './steps.ts';

const INSTALL = ['install', '-y', '--no-install-recommends'];

export interface InstallOptions {
  progress: (update: StepUpdate) => void;
  signal: AbortSignal;
}

/** The command that a person has to type to get these packages. */
export function installCommand(packages: readonly string[], root = process.getuid?.() === 0): string {
  return `${root ? '' : 'sudo '}apt-get ${INSTALL.join(' ')} ${packages.join(' ')}`;
}

/**
 * Installs packages; fetches the package lists when apt doesn't find them with those at hand. Throws LabError (code
 * `may-not-install` without the right to) with the command that mends it.
 */
export async function installPackages(packages: readonly string[], options: InstallOptions): Promise<void> {
  const hint = installCommand(packages);
  const prefix = await privilege(hint, packages);
  if ((await aptGet(prefix, [...INSTALL, ...packages], options)).ok) return;
  options.progress({ detail: 'fetching package lists' });
  const update = await aptGet(prefix, ['update'], options);
  const retry = await aptGet(prefix, [...INSTALL, ...packages], options);
  if (retry.ok) return;
  const updateCommand = `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get update`;
  const said = [update.ok ? '' : update.said, retry.said].filter((text) => text !== '').join('\n');
  throw new LabError(`installing ${packages.join(', ')} failed; apt-get said:\n${said}`, {
    code: 'install-failed',
    hint: `see that the network is up and /var has space, then: ${updateCommand} && ${hint}`,
  });
}

/** How to become root: not at all, or by sudo without a question. */
async function privilege(hint: string, packages: readonly string[]): Promise<string[]> {
  if (process.getuid?.() === 0) return [];
  const sudo = spawn('sudo', ['-n', 'true'], { stdio: 'ignore' });
  // Without sudo there is an error instead of an exit.
  const allowed = await once(sudo, 'exit').then(
    ([code]: unknown[]) => code === 0,
    () => false,
  );
  if (allowed) return ['sudo', '-n'];
  throw new LabError(`${packages.join(', ')} must be installed, and only root may do that`, {
    code: 'may-not-install',
    hint,
  });
}

async function aptGet(
  prefix: readonly string[],
  args: readonly string[],
  { progress, signal }: InstallOptions,
): Promise<{ ok: boolean; said: string }> {
  // apt tells its progress on a descriptor: `pmstatus:<package>:<percent>:<text>`, `dlstatus:<n>:<percent>:<text>`. sudo closes all but the first three.
  const status = ['-o', 'APT::Status-Fd=1', '-o', 'DPkg::Lock::Timeout=120', '-qq'];
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C'];
  const [program = '', ...rest] = [...prefix, ...environment, 'apt-get', ...status, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], signal });
  let said = '';
  const hear = (line: string): void => {
    const [, text, percent] = /^(?:pm|dl)status:([^:]*):([\d.]+):/.exec(line) ?? [];
    if (percent === undefined) said = `${said}  ${line}\n`.slice(-2000);
    else
      progress({
        detail: line.startsWith('dl') ? 'downloading' : (text ?? ''),
        fraction: Number(percent) / 100,
      });
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', hear);
  const [code] = await once(child, 'close').catch((error: unknown) => {
    if (signal.aborted) throw abortReason(signal);
    throw new LabError('apt-get could not be started; this set-up knows Debian and its kin only', {
      cause: error,
    });
  });
  return { ok: code === 0, said: said.trimEnd() };
}
