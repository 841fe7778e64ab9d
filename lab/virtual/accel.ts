/** Which accelerator QEMU can use here. A /dev/kvm that exists may still hang its guests, so it is tried, with a time limit. */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { cacheDir } from '../paths.ts';
import type { BoardImage } from './manifest.ts';

export type Accelerator = 'kvm' | 'tcg';

const PROBE_MS = 5000;
const Cached = z.object({ bootId: z.string(), accelerator: z.enum(['kvm', 'tcg']) });

/** Tries KVM once a boot of this host by starting the board's kernel under it. `HIL_ACCEL=kvm|tcg` decides without a trial. */
export async function probeAccelerator(image: BoardImage): Promise<Accelerator> {
  const asked = process.env.HIL_ACCEL;
  if (asked === 'kvm' || asked === 'tcg') return asked;
  if (asked !== undefined && asked !== '')
    throw new ConfigError(`HIL_ACCEL is "${asked}"; it can be kvm or tcg`);
  if (!mayUseKvm()) return 'tcg';
  const path = join(cacheDir(), 'accelerator.json');
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const cached = Cached.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
  if (cached.success && cached.data.bootId === bootId) return cached.data.accelerator;
  const accelerator = (await kvmBoots(image)) ? 'kvm' : 'tcg';
  await mkdir(cacheDir(), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify({ bootId, accelerator }));
  await rename(`${path}.new`, path);
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

/** Whether the first line of the kernel comes out of a guest under KVM in time. */
async function kvmBoots(image: BoardImage): Promise<boolean> {
  const args = [
    '-nodefaults',
    '-display',
    'none',
    '-machine',
    'q35',
    '-accel',
    'kvm',
    '-m',
    '128',
    '-no-reboot',
  ];
  const kernel = [
    '-kernel',
    image.kernel,
    '-append',
    'console=ttyS0 earlyprintk=serial panic=-1',
    '-serial',
    'stdio',
  ];
  const guest = spawn('qemu-system-x86_64', [...args, ...kernel], { stdio: ['ignore', 'pipe', 'ignore'] });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PROBE_MS);
  let seen = '';
  guest.stdout.on('data', (bytes: Buffer) => {
    seen = (seen + bytes.toString('latin1')).slice(-10_000);
    if (seen.includes('Linux version')) resolve(true);
  });
  guest.once('error', () => resolve(false));
  guest.once('close', () => resolve(false));
  const boots = await promise;
  clearTimeout(timer);
  guest.kill('SIGKILL');
  return boots;
}
