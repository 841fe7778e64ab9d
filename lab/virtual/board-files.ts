/** What lies in the folder of a virtual board before it is switched on: its disk, its name, its host key, its flash. */
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BootPlace } from '../board/boot/place.ts';
import { dropbearKey } from './dropbear-key.ts';
import type { BoardKind } from './kinds.ts';
import type { BoardImage } from './manifest.ts';
import { BOARD_FILES } from './qemu.ts';
import { environment, GUEST_NETWORK, requireUBoot, writeFlash } from './u-boot.ts';

/** A console log longer than this is put aside at the next power-on. */
const CONSOLE_LOG_BYTES = 64 * 1024 * 1024;

export interface Preparation {
  name: string;
  kind: BoardKind;
  dir: string;
  image: BoardImage;
  /** With an empty disk. */
  fresh: boolean;
  /** In the form of OpenSSH. */
  hostKeyPath: string;
}

export async function prepareFiles(board: Preparation): Promise<void> {
  const { name, dir, kind, image } = board;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await disk(board);
  await writeFile(join(dir, BOARD_FILES.hostname), name);
  const key = await readFile(board.hostKeyPath, 'utf8');
  const hostKey = kind.hostKey === 'dropbear' ? dropbearKey(key) : key;
  await writeFile(join(dir, BOARD_FILES.hostKey), hostKey, { mode: 0o600 });
  if (kind.machine.firmware === 'u-boot') {
    await requireUBoot();
    await flash(dir, kind, image);
    await served(dir, image);
  }
  await limitConsoleLog(join(dir, BOARD_FILES.consoleLog));
}

async function disk({ dir, image, fresh }: Preparation): Promise<void> {
  const path = join(dir, BOARD_FILES.disk);
  // A disk belongs to the image it was first used with.
  const mark = join(dir, 'image-key');
  const key = await readFile(mark, 'utf8').catch(() => '');
  if (!fresh && key === image.key) return;
  await copyFile(image.dataTemplate, `${path}.new`);
  await rename(`${path}.new`, path);
  await writeFile(mark, image.key);
}

/** What its firmware is told to boot. */
async function flash(dir: string, { machine }: BoardKind, image: BoardImage): Promise<void> {
  const files = { kernel: basename(image.kernel), initrd: basename(image.initrd) };
  const variables = environment({ ...files, arguments: machine.kernelArguments.join(' ') });
  await writeFlash(join(dir, BOARD_FILES.flash), variables);
}

/** What its firmware fetches over TFTP; the folder may hold what the lab has put there besides. */
async function served(dir: string, image: BoardImage): Promise<void> {
  const folder = join(dir, BOARD_FILES.tftp);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const path of [image.kernel, image.initrd]) {
    const link = join(folder, basename(path));
    await rm(link, { force: true });
    await symlink(path, link);
  }
}

/** Where the lab puts files for the firmware, below those of the image. */
const LAB_FOLDER = 'lab';

/** How a board's U-Boot fetches what the lab gives it: of QEMU's own TFTP server. */
export function bootPlaceOf(dir: string): BootPlace {
  const folder = join(dir, BOARD_FILES.tftp, LAB_FOLDER);
  return {
    source: {
      ...{ by: 'tftp', serverip: GUEST_NETWORK.serverip, port: null, prefix: `${LAB_FOLDER}/` },
      network: { ipaddr: GUEST_NETWORK.ipaddr },
    },
    publish: async (files) => {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const [name, path] of Object.entries(files)) await symlink(path, join(folder, name));
      return { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
    },
  };
}

async function limitConsoleLog(path: string): Promise<void> {
  const info = await stat(path).catch(() => null);
  if (info !== null && info.size > CONSOLE_LOG_BYTES) await rename(path, `${path}.old`);
}
