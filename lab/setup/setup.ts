/** Everything a fresh machine needs, step by step; what is there already is taken as it is. */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { installPackages } from './apt.ts';
import { packagesOf, REQUIREMENTS, type Requirement } from './requirements.ts';
import { Step, type StepOutput } from './steps.ts';

export interface SetupOptions {
  signal: AbortSignal;
  /** Where progress goes. Default: standard error. */
  out?: StepOutput;
  /** Also what the tests of the harness itself need. */
  tests?: boolean;
  /** Leave the board image for later: when it is first used. */
  image?: boolean;
}

/**
 * Installs what is missing. Throws LabError with the command that mends it when a step fails or must not be done by this
 * user.
 */
export async function setUp(options: SetupOptions): Promise<void> {
  await programs(options);
  if (options.image !== false) await boardImage(options);
}

/** What driving boards needs; the rest is for the tests of the harness itself. */
export const TO_DRIVE = REQUIREMENTS.filter(({ testsOnly }) => testsOnly !== true);

/** The programs of the table that this machine lacks. */
export function missingPrograms(
  table: readonly Requirement[] = REQUIREMENTS,
  path = process.env.PATH ?? '',
): Requirement[] {
  // An ordinary user's PATH lacks the sbin folders.
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), '/usr/sbin', '/sbin'];
  return table.filter(({ program }) =>
    isAbsolute(program)
      ? !permits(program, constants.R_OK)
      : !folders.some((folder) => permits(join(folder, program), constants.X_OK)),
  );
}

function permits(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

async function programs({ signal, out, tests = false }: SetupOptions): Promise<void> {
  using step = new Step('Debian packages', out);
  const table = tests ? REQUIREMENTS : TO_DRIVE;
  const missing = missingPrograms(table);
  if (missing.length === 0) {
    step.done(`already there (${table.length} programs)`);
    return;
  }
  const packages = packagesOf(missing);
  step.update({ detail: `installing ${packages.join(', ')}` });
  const since = performance.now();
  await installPackages(packages, { signal, progress: (update) => step.update(update) });
  step.done(`installed ${packages.join(', ')} in ${seconds(since)}`);
}

async function boardImage({ signal, out }: SetupOptions): Promise<void> {
  using step = new Step('Board image', out);
  const { ensureImage, imageInfo } = await import('../virtual/image.ts');
  const present = await imageInfo();
  if (present !== null) {
    step.done(`already there (Linux ${present.kernelRelease})`);
    return;
  }
  const since = performance.now();
  const image = await ensureImage({
    signal,
    progress: ({ step: name, detail, fraction }) =>
      step.update({ detail: detail === undefined ? name : `${name}: ${detail}`, fraction }),
  });
  step.done(`built in ${seconds(since)} (Linux ${image.kernelRelease}, ${image.dir})`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
