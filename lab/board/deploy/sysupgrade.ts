/** Flashes an image of OpenWrt by its own sysupgrade, settings kept; the power is not cut meanwhile. */
import { join } from 'node:path';
import { ConfigError, LabError } from '../../errors.ts';
import { sanitizeLines } from '../../text.ts';
import type { Board } from '../board.ts';
import type { DeployOptions } from './board-deploy.ts';
import type { Bundle, Part } from './bundle.ts';

/** In memory there, as the image is unpacked over the flash. */
const IMAGE = '/tmp/hil-sysupgrade.bin';
const TEST_MS = 60_000;
/** Slow flash takes minutes before the board goes down. */
const FLASH_MS = 600_000;

/**
 * Resolves when the board is up again. Throws ConfigError where the board has no sysupgrade or refuses the image, nothing being
 * flashed; LabError when it does not go down, or does not come back.
 */
export async function flash(
  board: Board,
  { dir }: Bundle,
  part: Part,
  options: DeployOptions,
): Promise<void> {
  const { signal, progress } = options;
  const { remote, name } = board;
  const { exitCode } = await remote.run('command -v sysupgrade', { signal, quiet: true });
  if (exitCode !== 0)
    throw new ConfigError(`${name} has no sysupgrade`, {
      board: name,
      code: 'unsupported',
      hint: 'such images are for OpenWrt',
    });
  progress('uploading the image');
  await remote.upload({ path: join(dir, part.path) }, IMAGE, { mode: 0o600, signal });
  progress('asking the board whether it takes the image');
  const test = await remote.run(`sysupgrade -T ${IMAGE}`, { signal, timeoutMs: TEST_MS });
  if (test.exitCode !== 0)
    throw new ConfigError(`${name} refuses the image`, {
      board: name,
      code: 'bad-image',
      hint: `nothing was flashed; it said: ${sanitizeLines(`${test.stdout}${test.stderr}`).trim()}`,
    });
  progress('flashing; it reboots by itself');
  {
    using _whole = board.hardware.holdPower?.('its flash is being written');
    await board.rebootBy(`sysupgrade ${IMAGE}`, FLASH_MS, signal);
  }
  progress('waiting for it to come up');
  try {
    await board.awaitBoot({
      ...{ timeoutMs: board.profile.console.bootTimeoutMs, signal },
      progress: (_state, detail) => progress(detail),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new LabError(`${name} did not come up with the new image`, {
      ...{ board: name, code: 'not-restored', cause },
      hint: 'a flash can not be taken back from here: see its console, and its recovery in the boot loader',
    });
  }
}
