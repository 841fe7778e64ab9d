/** Finds processes that outlived the test that started them: each carries the test's own TMPDIR in its environment. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

interface Process {
  pid: number;
  command: string;
}

/** Processes started with this TMPDIR, or with a path below it among their arguments; not this one, and no zombies. */
export function processesOf(temporary: string): Process[] {
  const found: Process[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = read(pid, 'cmdline');
    // A zombie has no command line, and nothing else either.
    if (command === '') continue;
    const environment = read(pid, 'environ').split('\0');
    if (environment.includes(`TMPDIR=${temporary}`) || command.includes(`${temporary}/`)) {
      found.push({ pid, command: command.replaceAll('\0', ' ').trim().slice(0, 200) });
    }
  }
  return found;
}

/**
 * Waits for what a test started to end by itself, a controller that goes when idle for one; what is left by then is
 * killed and returned, described.
 */
export async function endLeftovers(temporary: string, graceMs: number): Promise<string[]> {
  const deadline = performance.now() + graceMs;
  let left = processesOf(temporary);
  // The end of a process that is no child of ours is told by no event.
  while (left.length > 0 && performance.now() < deadline) {
    await delay(100);
    left = processesOf(temporary);
  }
  for (const { pid } of left) kill(pid);
  return left.map(({ pid, command }) => `${command} (pid ${pid})`);
}

function read(pid: number, file: 'cmdline' | 'environ'): string {
  try {
    // A kernel thread has no executable.
    readlinkSync(`/proc/${pid}/exe`);
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it has just ended, or is another user's
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return; // it has just ended
  }
}
