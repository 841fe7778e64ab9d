/** Brings a board from the state it is in to a named one, by the graph of lab/board/boot/states.ts. */
import { asHilError, ConfigError, type HilError, LabError } from '../../errors.ts';
import type { Board } from '../board.ts';
import { bootLoader, hasLoader, type LoaderOptions, stopInLoader } from './board-boot.ts';
import { type BootState, type Means, missingMeans, pathTo, type Way, type Whereabouts } from './states.ts';

/** Where a board is, as far as it shows. */
function whereIs(board: Board): Whereabouts {
  // A quarantined board that was switched off is off.
  if (!board.powered) return 'off';
  if (board.state === 'ready') return 'ready';
  if (board.inLoader) return 'bootloader';
  if (board.state !== 'booting') return 'unknown';
  const { stage } = board.progress;
  if (stage === 'kernel' || stage === 'initramfs') return 'kernel';
  return stage === 'userland' || stage === 'login' ? 'userland' : 'unknown';
}

/**
 * Gives the states it went through. Throws ConfigError (code `unreachable`) where no way leads there for what this board has,
 * and what went wrong on the way, with where it stopped: of the lab's or the product's fault.
 */
export async function reach(board: Board, target: BootState, options: LoaderOptions): Promise<BootState[]> {
  const has = meansOf(board);
  const trail: BootState[] = [];
  for (;;) {
    const from = whereIs(board);
    if (from === target) return trail;
    const [way] = pathTo(from, target, has) ?? [];
    if (!way) throw unreachable(board.name, from, target, has);
    // A way that leads elsewhere, such as a kernel that resets at once, must not be gone for ever.
    if (trail.length > MOST_WAYS)
      throw new LabError(`${board.name} does not stay where it is brought: ${trail.join(', ')}`, {
        board: board.name,
        code: 'boot-stuck',
      });
    options.progress(way.to, way.does);
    await go(board, way, options).catch((error: unknown) => {
      options.signal.throwIfAborted();
      throw onTheWay(board.name, way, asHilError(error));
    });
    trail.push(way.to);
  }
}

const MOST_WAYS = 12;

async function go(board: Board, way: Way, options: LoaderOptions): Promise<void> {
  const { signal, progress, fresh = false } = options;
  const limits = { timeoutMs: board.profile.console.bootTimeoutMs, signal, progress };
  if (way.to === 'off') await board.power('off', { signal });
  else if (way.to === 'bootloader') await stopInLoader(board, options);
  else if (way.to === 'ready') await board.ready({ ...limits, fresh: false });
  else {
    if (way.from === 'bootloader') await bootLoader(board);
    else if (way.from === 'ready') await board.power('reset', { signal });
    else if (way.from === 'off') await board.power('on', { signal, progress, fresh });
    await board.reached(way.to, limits);
  }
}

function meansOf(board: Board): Set<Means> {
  const has = new Set<Means>();
  if (!board.hardware.alwaysOn) has.add('switch');
  has.add(board.hardware.console() === null ? 'no console' : 'console');
  if (hasLoader(board)) has.add('loader');
  return has;
}

const NEEDS: Readonly<Record<Means, string>> = {
  switch: 'something that switches its power',
  console: 'a console',
  'no console': 'no console',
  loader: 'a boot loader that can be driven',
};

function unreachable(board: string, from: Whereabouts, to: BootState, has: ReadonlySet<Means>): ConfigError {
  const missing = missingMeans(from, to, has).map((each) => NEEDS[each]);
  return new ConfigError(`no way leads ${board} from ${from} to ${to}`, {
    board,
    code: 'unreachable',
    hint: missing.length === 0 ? 'power-cycle it' : `its profile or lab file must name ${missing.join(', ')}`,
  });
}

/** The same error, telling from where to where. */
function onTheWay(board: string, way: Way, error: HilError): HilError {
  error.message = `${error.message} (${board} was on its way from ${way.from} to ${way.to}: ${way.does})`;
  return error;
}
