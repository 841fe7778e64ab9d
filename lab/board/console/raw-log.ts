/** Everything a console said, byte for byte, appended to a file in the background. */
import { appendFile, rename, stat } from 'node:fs/promises';
import { messageOf } from '../../errors.ts';

/** Beyond this size the file is put aside as `.old`, in place of the one before. */
const MAX_BYTES = 256 * 1024 * 1024;
/** What waits for a slow disk beyond this is lost. */
const MAX_PENDING = 16 * 1024 * 1024;

export class RawLog {
  readonly #path: string;
  readonly #onLost: (message: string) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #why = '';
  #size: number | null = null;
  #writing: Promise<void> | null = null;

  /** @param onLost told once when bytes begin to be lost, and how many they were when it can write again */
  constructor(path: string, onLost: (message: string) => void) {
    this.#path = path;
    this.#onLost = onLost;
  }

  append(bytes: Buffer): void {
    if (this.#pendingBytes + bytes.length > MAX_PENDING) {
      this.#lose(bytes.length, 'the disk is too slow');
      return;
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Resolves when what came so far is written, or lost. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const bytes = Buffer.concat(this.#pending);
      this.#pending = [];
      this.#pendingBytes = 0;
      try {
        await this.#makeRoom();
        await appendFile(this.#path, bytes);
        this.#size = (this.#size ?? 0) + bytes.length;
        if (this.#lost > 0) this.#onLost(`${this.#lost} raw console bytes are missing: ${this.#why}`);
        this.#lost = 0;
      } catch (error) {
        this.#size = null;
        this.#lose(bytes.length, messageOf(error));
      }
    }
  }

  async #makeRoom(): Promise<void> {
    this.#size ??= await stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    );
    if (this.#size < MAX_BYTES) return;
    await rename(this.#path, `${this.#path}.old`);
    this.#size = 0;
  }

  #lose(bytes: number, why: string): void {
    if (this.#lost === 0) this.#onLost(`raw console bytes are being lost: ${why}`);
    this.#lost += bytes;
    this.#why = why;
  }
}
