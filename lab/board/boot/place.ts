/** Where a board's boot loader finds what the lab wants it to boot, and the kernel that it is saved by. */
import type { KernelFiles } from './kernel-boot.ts';
import type { BootSource } from './sources.ts';

export interface BootPlace {
  source: BootSource;
  /** Puts files there, by the names they are asked for, until it is disposed of; absent where the lab serves them itself. */
  publish?: (files: Readonly<Record<string, string>>) => Promise<AsyncDisposable>;
}

/** A kernel with which the board is known to come up. */
export interface KnownGood extends KernelFiles {
  bootargs: string;
}
