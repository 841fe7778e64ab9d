/** Who else uses a device: by the lock files of UUCP, and by who has it open. Two readers would share out the bytes. */
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The Filesystem Hierarchy Standard, 5.9: `LCK..ttyUSB0` holds the process number in 10 characters and a line end. */
const LOCKS = '/var/lock';

export interface PortUser {
  pid: number;
  /** As /proc names it. */
  program: string;
}

/** A lock file of this process. */
export interface PortLock {
  release(): Promise<void>;
}

/**
 * The living process that a device's lock file names; null where there is none, or only one left behind.
 * @param device the device itself, no link to it
 */
export async function lockHolder(device: string, locks = LOCKS): Promise<PortUser | null> {
  const content = await readFile(lockPath(device, locks)).catch(() => null);
  if (content === null) return null;
  const pid = content.length === 4 ? content.readInt32LE() : Number.parseInt(content.toString('latin1'), 10);
  return pid > 0 && pid !== process.pid ? userOf(pid) : null;
}

/**
 * Writes the lock file that minicom, picocom and others look for. Only others are kept out by it (flock keeps out the
 * rest), so that a folder that can't be written is no error.
 */
export async function lockPort(device: string, locks = LOCKS): Promise<PortLock> {
  const path = lockPath(device, locks);
  const content = `${String(process.pid).padStart(10)}\n`;
  try {
    if ((await lockHolder(device, locks)) === null) await rm(path, { force: true });
    await writeFile(path, content, { flag: 'wx', mode: 0o644 });
  } catch {
    return { release: () => Promise.resolve() };
  }
  return {
    release: async () => {
      const now = await readFile(path, 'latin1').catch(() => '');
      if (now === content) await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** The other processes that have the device open, as far as this user may see. */
export async function usersOf(device: string): Promise<PortUser[]> {
  const users: PortUser[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!(pid > 0) || pid === process.pid) continue;
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const fd of fds) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) !== device) continue;
      const user = await userOf(pid);
      if (user) users.push(user);
      break;
    }
  }
  return users;
}

export function named({ pid, program }: PortUser): string {
  return `${program} (pid ${pid})`;
}

function lockPath(device: string, locks: string): string {
  return join(locks, `LCK..${basename(device)}`);
}

/** Null when there is no such process. */
async function userOf(pid: number): Promise<PortUser | null> {
  const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => null);
  return program === null ? null : { pid, program: program.trim() };
}
