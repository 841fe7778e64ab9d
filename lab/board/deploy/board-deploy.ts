/** A bundle on a board: put there, booted where it has a kernel, proven; and taken back where the board does not like it. */
import { join } from 'node:path';
import { defined } from '../../defined.ts';
import { asHilError, ConfigError, LabError, messageOf, ProductError } from '../../errors.ts';
import type { Board } from '../board.ts';
import { hasLoader } from '../boot/board-boot.ts';
import type { Bundle, BundleKernel } from './bundle.ts';
import { bytesOf, mark, mustFit, prove, put } from './deploy.ts';
import type { ReadBack } from './read-back.ts';
import { flash } from './sysupgrade.ts';
import { takeBack } from './take-back.ts';

export interface DeployOptions {
  signal: AbortSignal;
  /** Load modules anew that are loaded. */
  reload: boolean;
  /** Power-cycle the board, and prove the bundle after that; a bundle with a kernel is always booted. */
  reboot: boolean;
  progress: (detail: string) => void;
}

export interface DeployResult {
  bundle: string;
  sha256: string;
  files: number;
  bytes: number;
  /** What was read back: hash of each file, srcversion of each loaded module, version of each package. */
  proven: ReadBack;
  reloaded: string[];
  /** `uname -r` and `uname -v` of the board after it. */
  kernel: string;
}

/**
 * Throws ConfigError, or LabError `no-space`, where the bundle is none for this board, with nothing changed; ProductError or
 * LabError later, with all that was changed taken back - by the boot loader where the board does not come up any more.
 */
export async function deployOn(board: Board, bundle: Bundle, options: DeployOptions): Promise<DeployResult> {
  const { signal, reload, progress } = options;
  mustBeBootable(board, bundle);
  // What is deployed next goes to the kernel that the board boots by itself.
  if (board.bootPlan.current) await takeBack(board, { progress });
  await board.ready({ ...limits(board, options), fresh: false });
  const context = board.context(signal);
  await mustFit(context, bundle, signal);
  board.forgetProvenance();
  const reloaded: string[] = [];
  let proven: ReadBack = { files: {}, modules: {}, packages: {} };
  const reboot = options.reboot || bundle.kernel !== null;
  if (bundle.sysupgrade !== null) await flash(board, bundle, bundle.sysupgrade, options);
  else
    try {
      {
        using _whole = board.hardware.holdPower?.(`${bundle.name} is being written to it`);
        reloaded.push(...(await put(context, bundle, { signal, progress, reload: reload && !reboot })));
        await mark(board.remote, bundle, signal);
      }
      if (reboot) await boot(board, bundle, options);
      progress('proving it');
      proven = await prove(board.context(signal), bundle, signal);
    } catch (thrown) {
      const error = asHilError(thrown);
      progress('taking it back');
      const { way, left } = await takeBack(board, { progress }).catch((again: unknown) => {
        throw new LabError(
          `${board.name} did not take ${bundle.name}, and could not be brought back: ${messageOf(again)}`,
          {
            ...{ board: board.name, code: 'not-restored', cause: again },
            hint: `what came first: ${error.message}; ${asHilError(again).hint ?? 'see its console'}`,
          },
        );
      });
      const whole = left.length === 0 ? 'is as before' : `is as before but for packages: ${left.join('; ')}`;
      error.message = `${error.message} (${board.name} ${whole}; taken back ${way})`;
      throw error;
    }
  const { provenance } = await board.ready({ ...limits(board, options), fresh: false });
  return {
    bundle: `${bundle.name} ${bundle.version}`.trim(),
    ...{ sha256: bundle.sha256, files: bundle.files.length, bytes: bytesOf(bundle) },
    ...{ proven, reloaded, kernel: provenance.kernel },
  };
}

/** Boots the board anew, with the kernel of the bundle where it has one. Throws ProductError where another one runs. */
async function boot(board: Board, bundle: Bundle, options: DeployOptions): Promise<void> {
  const { kernel, dir } = bundle;
  if (kernel) await board.bootPlan.set(planOf(dir, kernel));
  options.progress(kernel ? `booting Linux ${kernel.release ?? ''}` : 'power cycle');
  await board.bootAnew(limits(board, options));
  if (!kernel) return;
  const { provenance } = await board.ready({ ...limits(board, options), fresh: false });
  const { release, build } = kernel;
  const [runs = '', ...version] = provenance.kernel.split(' ');
  if ((release ?? runs) !== runs || (build ?? version.join(' ')) !== version.join(' '))
    throw new ProductError(
      `${board.name} runs Linux ${provenance.kernel}, and ${release} ${build ?? ''} was deployed`,
      {
        board: board.name,
        code: 'not-as-deployed',
        hint: 'see its console: what did its boot loader start?',
      },
    );
}

function planOf(dir: string, { image, initrd, dtb, args }: BundleKernel) {
  const at = (part: { path: string } | undefined) => (part ? join(dir, part.path) : undefined);
  return {
    ...{ kernel: join(dir, image.path), bootargs: args },
    ...defined({ initrd: at(initrd), dtb: at(dtb) }),
  };
}

function limits(board: Board, { signal, progress }: DeployOptions) {
  return {
    ...{ timeoutMs: board.profile.console.bootTimeoutMs, signal },
    progress: (_state: string, detail: string) => progress(detail),
  };
}

function mustBeBootable(board: Board, { kernel, name }: Bundle): void {
  if (!kernel || (hasLoader(board) && board.hardware.bootPlace?.())) return;
  throw new ConfigError(
    `${name} has a kernel, and ${board.name} has no boot loader that fetches one over the network`,
    {
      board: board.name,
      code: 'no-netboot',
      hint: 'set bootloader and netboot in the lab file, or put the kernel where its boot loader looks, as a file of the bundle',
    },
  );
}
