/** A board and its boot loader: stopped there, given commands, or started from there with another kernel. */
import { stat } from 'node:fs/promises';
import { ConfigError, messageOf } from '../../errors.ts';
import type { Board } from '../board.ts';
import type { Progress } from '../hardware.ts';
import { HttpServer } from './http.ts';
import { bootKernel, filesOf, type KernelBoot } from './kernel-boot.ts';
import { LoaderShell } from './loader-shell.ts';
import { LOADERS } from './loaders.ts';
import type { BootPlace } from './place.ts';
import type { BootSource } from './sources.ts';
import { TftpServer } from './tftp.ts';

const STOP_MS = 60_000;

export interface LoaderOptions {
  signal: AbortSignal;
  progress: Progress;
  /** Power on with a clean disk, where it has such a thing. */
  fresh?: boolean;
}

/** Whether it has a boot loader that can be driven. */
export function hasLoader(board: Board): boolean {
  return board.profile.bootloader !== null && board.hardware.console() !== null;
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

/** Power-cycles the board (one that nothing switches is rebooted) and stops it in its boot loader. */
export async function stopInLoader(
  board: Board,
  { signal, progress, fresh = false }: LoaderOptions,
): Promise<LoaderShell> {
  const shell = loaderOf(board);
  const again = board.hardware.alwaysOn ? 'reset' : 'cycle';
  progress('booting', `${again === 'cycle' ? 'power cycle' : 'reboot'}, to the boot loader`);
  await board.power(again, { signal, progress, fresh });
  const all = AbortSignal.any([signal, board.life]);
  await shell.stop({ from: board.bootPosition, timeoutMs: STOP_MS, signal: all });
  board.stoppedInLoader();
  return shell;
}

/** Lets a board that was stopped in its boot loader boot what it boots by itself. */
export async function bootLoader(board: Board): Promise<void> {
  await loaderOf(board).go();
  board.leftLoader();
}

export interface OtherBoot extends Omit<KernelBoot, 'method' | 'source'> {
  /** Default: the place that is known of the board. */
  source?: BootSource;
}

/** Where its boot loader fetches files. Throws ConfigError where that is not known. */
function placeOf(board: Board): BootPlace {
  const place = board.hardware.bootPlace?.();
  if (place) return place;
  throw new ConfigError(`it is not known where the boot loader of ${board.name} fetches files`, {
    board: board.name,
    code: 'no-netboot',
    hint: 'set netboot in the lab file, or name a server: hil boot --help',
  });
}

/** Boots other files than those the board has, once: what it boots by itself is as before. Resolves when SSH answers. */
export async function bootOnce(board: Board, boot: OtherBoot, options: LoaderOptions): Promise<void> {
  await startKernel(board, boot, options);
  const { signal, progress } = options;
  await board.awaitBoot({ timeoutMs: board.profile.console.bootTimeoutMs, signal, progress });
}

/** As bootOnce; resolves when the kernel has begun. */
export async function startKernel(
  board: Board,
  { source, ...boot }: OtherBoot,
  { signal, progress, fresh = false }: LoaderOptions,
): Promise<void> {
  const shell = loaderOf(board);
  const place = source === undefined ? placeOf(board) : { source };
  const whole = {
    ...boot,
    ...{ source: place.source, method: board.profile.bootloader?.method ?? 'booti' },
  };
  const files = filesOf(whole);
  if (place.source.by !== 'usb') for (const path of Object.values(files)) await mustBeThere(path);
  await using _there = (await place.publish?.(files)) ?? (await serve(board, place.source, files));
  await stopInLoader(board, { signal, progress, fresh });
  const all = AbortSignal.any([signal, board.life]);
  await bootKernel(shell, board.console, whole, {
    signal: all,
    progress: (detail) => progress('booting', detail),
  });
  board.leftLoader();
}

async function serve(
  board: Board,
  source: BootSource,
  named: Readonly<Record<string, string>>,
): Promise<AsyncDisposable | null> {
  if (source.by === 'usb' || source.port === null) return null;
  const files = Object.fromEntries(
    Object.entries(named).map(([name, path]) => [`${source.prefix}${name}`, path]),
  );
  const options = {
    ...{ address: source.serverip, port: source.port, files },
    onEvent: (event: Parameters<typeof board.record<'boot.file'>>[1]) => board.record('boot.file', event),
  };
  return source.by === 'tftp' ? await TftpServer.start(options) : await HttpServer.start(options);
}

async function mustBeThere(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    throw new ConfigError(`${path} can't be read: ${messageOf(cause)}`, { cause });
  }
  throw new ConfigError(`${path} is no file`);
}
