/** Another process of this host, told apart from one that got its number later. */
import { readdirSync, readFileSync } from 'node:fs';
import { messageOf } from './errors.ts';

export interface ProcessId {
  pid: number;
  /** Clock ticks after boot at which it started (field 22 of /proc/PID/stat, proc(5)). */
  startTime: number;
}

/** Linux tells user space of times in these (USER_HZ). */
const TICKS_PER_S = 100;

/** The process with this number as it is now; null when there is none. */
export function processId(pid: number): ProcessId | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { pid, startTime: Number(fields[19]) };
  } catch {
    return null; // it has ended
  }
}

export function isSame(id: ProcessId): boolean {
  return processId(id.pid)?.startTime === id.startTime;
}

/** The command line of a process; empty when it has ended. */
export function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended
  }
}

/** Resolves true when it has ended; false at the deadline. The kernel tells nobody but its parent, so it is looked at. */
export async function hasEnded(id: ProcessId, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isSame(id)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/** Seconds of processor time that each thread of a process has used, by the thread's number; null when it has ended. */
export function threadSeconds(pid: number): ReadonlyMap<number, number> | null {
  try {
    const used = new Map<number, number>();
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const [, user, system] = /^(?:\S+ ){11}(\d+) (\d+) /.exec(stat.slice(stat.lastIndexOf(')') + 2)) ?? [];
      used.set(Number(thread), (Number(user) + Number(system)) / TICKS_PER_S);
    }
    return used;
  } catch {
    return null; // it, or one of its threads, has ended
  }
}

/** Resident memory in bytes; null when it has ended. */
export function residentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return kib ? Number(kib[1]) * 1024 : null;
  } catch {
    return null;
  }
}

/** Kills a process group, if it is still there. */
export function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (!messageOf(error).includes('ESRCH')) throw error;
  }
}
