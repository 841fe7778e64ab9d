/** A board and its boot loader: stopped there, given commands, or started from there with another kernel over the network. */
import { stat } from 'node:fs/promises';
import { ConfigError, messageOf } from '../../errors.ts';
import type { Board } from '../board.ts';
import type { Progress } from '../hardware.ts';
import { LoaderShell } from './loader-shell.ts';
import { LOADERS } from './loaders.ts';
import { filesOf, type NetBoot, netBoot } from './netboot.ts';
import { TftpServer } from './tftp.ts';

const STOP_MS = 60_000;

export interface LoaderOptions {
  signal: AbortSignal;
  progress: Progress;
}

/** The shell of the board's boot loader, wherever the board is now. Throws ConfigError where its profile names none. */
export function loaderOf(board: Board): LoaderShell {
  const { bootloader } = board.profile;
  if (bootloader === null)
    throw new ConfigError(`the profile ${board.profile.name} of ${board.name} names no boot loader`, {
      board: board.name,
      code: 'unsupported',
      hint: 'set bootloader in the lab file',
    });
  return new LoaderShell(board.name, board.console, LOADERS[bootloader.name]);
}

/** Power-cycles the board and stops it in its boot loader. */
export async function stopInLoader(board: Board, { signal, progress }: LoaderOptions): Promise<LoaderShell> {
  const shell = loaderOf(board);
  progress('booting', 'power cycle, to the boot loader');
  await board.power('cycle', { signal, progress });
  const all = AbortSignal.any([signal, board.life]);
  await shell.stop({ from: board.bootPosition, timeoutMs: STOP_MS, signal: all });
  // It does not come up by itself any more.
  board.suspect('is in its boot loader');
  return shell;
}

export interface BoardNetBoot extends Omit<NetBoot, 'method'> {
  /** Port of the lab's own TFTP server, which is up at `serverip` for as long as this takes; null: another one serves there. */
  port: number | null;
}

/** Boots other files than those the board has, once: what it boots by itself is as before. Resolves when SSH answers. */
export async function bootOverNetwork(
  board: Board,
  boot: BoardNetBoot,
  { signal, progress }: LoaderOptions,
): Promise<void> {
  const { bootloader } = board.profile;
  const method = bootloader?.method ?? 'booti';
  const whole = { ...boot, method };
  for (const path of Object.values(filesOf(whole))) await mustBeThere(path);
  await using _server = boot.port === null ? null : await serve(board, whole, boot.port);
  const shell = await stopInLoader(board, { signal, progress });
  const all = AbortSignal.any([signal, board.life]);
  await netBoot(shell, board.console, whole, {
    signal: all,
    progress: (detail) => progress('booting', detail),
  });
  board.trust();
  await board.awaitBoot({ timeoutMs: board.profile.console.bootTimeoutMs, signal, progress });
}

function serve(board: Board, boot: NetBoot, port: number): Promise<TftpServer> {
  return TftpServer.start({
    ...{ address: boot.serverip, port, files: filesOf(boot) },
    onEvent: (event) => board.record('boot.tftp', event),
  });
}

async function mustBeThere(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    throw new ConfigError(`${path} can't be read: ${messageOf(cause)}`, { cause });
  }
  throw new ConfigError(`${path} is no file`);
}
