/** Which accelerator QEMU can use here. A /dev/kvm that exists may still hang its guests, so it is tried, with a time limit. */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { abortReason, ConfigError } from '../errors.ts';
import { cacheDir, makeFolder } from '../paths.ts';
import type { Machine } from './kinds.ts';
import type { BoardImage } from './manifest.ts';
import { type Accelerator, processorArguments } from './qemu.ts';

export type { Accelerator } from './qemu.ts';

/** A kernel comes to its end under a sound KVM in about a second. */
const PROBE_MS = 5000;
/** Without a root file system that end is a panic: by then clock, interrupts and timers have worked. */
const BOOTED = 'Kernel panic - not syncing: VFS';
const Cached = z.object({ bootId: z.string(), accelerator: z.enum(['kvm', 'tcg']) });

/**
 * Tries KVM once a boot of this host by booting the board's kernel under it, with the processor a board gets; the result
 * is kept in the cache folder. `HIL_ACCEL=kvm|tcg` decides without a trial; throws ConfigError for any other value.
 */
export async function probeAccelerator(
  image: Pick<BoardImage, 'kernel'>,
  machine: Machine,
  signal?: AbortSignal,
): Promise<Accelerator> {
  const asked = process.env.HIL_ACCEL;
  if (asked === 'kvm' || asked === 'tcg') return asked;
  if (asked !== undefined && asked !== '')
    throw new ConfigError(`HIL_ACCEL is "${asked}"; it can be kvm or tcg`);
  if (machine.kvmOn !== process.arch || !mayUseKvm()) return 'tcg';
  const path = join(cacheDir(), 'accelerator.json');
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const cached = Cached.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
  if (cached.success && cached.data.bootId === bootId) return cached.data.accelerator;
  const accelerator = (await kvmBoots(image.kernel, machine, signal)) ? 'kvm' : 'tcg';
  if (signal?.aborted) throw abortReason(signal);
  makeFolder(cacheDir());
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, JSON.stringify({ bootId, accelerator }));
  await rename(temporary, path);
  return accelerator;
}

function mayUseKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // no or a damaged note: try again
  }
}

/** Whether the kernel boots as far as it can under KVM. */
function kvmBoots(kernel: string, machine: Machine, signal: AbortSignal | undefined): Promise<boolean> {
  const args = [
    [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-machine',
      machine.machine,
      '-m',
      '128',
      '-no-reboot',
    ],
    processorArguments('kvm', machine),
    ['-kernel', kernel, '-append', 'console=ttyS0 panic=-1', '-serial', 'stdio'],
  ].flat();
  return bootsInTime([machine.qemu, ...args], PROBE_MS, signal);
}

/** Whether a guest's console, the standard output of `command`, says within the time limit that the kernel came to its end. */
export async function bootsInTime(
  [program = '', ...args]: readonly string[],
  limitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const guest = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const no = (): void => resolve(false);
  const timer = setTimeout(no, limitMs);
  signal?.addEventListener('abort', no, { once: true });
  let seen = '';
  guest.stdout.on('data', (bytes: Buffer) => {
    seen = (seen + bytes.toString('latin1')).slice(-10_000);
    if (seen.includes(BOOTED)) resolve(true);
  });
  guest.once('error', no);
  guest.once('close', no);
  const boots = await promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', no);
  guest.kill('SIGKILL');
  return boots;
}
