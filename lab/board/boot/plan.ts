/** A kernel that a board boots in place of its own, each time, until that is taken back: kept on disk, files and all. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { defined } from '../../defined.ts';
import { LabError, messageOf } from '../../errors.ts';
import { replaceFile } from '../../replace-file.ts';
import type { KnownGood } from './place.ts';

const Plan = z.strictObject({
  ...{ kernel: z.string(), initrd: z.string().optional(), dtb: z.string().optional(), bootargs: z.string() },
});

export class BootPlan {
  readonly #dir: string;
  #current: KnownGood | null;

  /** Throws LabError when what is on disk can't be read. */
  constructor(boardDir: string) {
    this.#dir = join(boardDir, 'boot-plan');
    this.#current = this.#read();
  }

  /** Null: it boots its own. */
  get current(): KnownGood | null {
    return this.#current;
  }

  /** Copies the files, so that the originals may go. */
  async set({ bootargs, ...files }: KnownGood): Promise<void> {
    this.clear();
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const plan: KnownGood = { kernel: '', bootargs };
    for (const part of ['kernel', 'initrd', 'dtb'] as const) {
      const path = files[part];
      if (path === undefined) continue;
      plan[part] = join(this.#dir, part);
      await copyFile(path, join(this.#dir, part));
    }
    replaceFile(this.#path, JSON.stringify(plan));
    this.#current = plan;
  }

  clear(): void {
    rmSync(this.#dir, { recursive: true, force: true });
    this.#current = null;
  }

  get #path(): string {
    return join(this.#dir, 'plan.json');
  }

  #read(): KnownGood | null {
    if (!existsSync(this.#path)) return null;
    try {
      return defined(Plan.parse(JSON.parse(readFileSync(this.#path, 'utf8'))));
    } catch (error) {
      throw new LabError(`${this.#path} is damaged: ${messageOf(error)}`, { hint: `delete ${this.#dir}` });
    }
  }
}
