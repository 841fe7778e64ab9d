/** Everything a console said, byte for byte, appended to a file in the background. */
import { type FileHandle, open, rename } from 'node:fs/promises';
import { messageOf } from '../../errors.ts';

/** Beyond this size the file is put aside as `.old`, in place of the one before. */
const MAX_BYTES = 256 * 1024 * 1024;
/** What waits for a slow disk beyond this is lost. */
const MAX_PENDING = 16 * 1024 * 1024;
const GATHER_MS = 20;

export class RawLog {
  readonly #path: string;
  readonly #onLost: (message: string) => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #why = '';
  #file: FileHandle | null = null;
  #size = 0;
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

  /** Resolves when what came is written, or lost. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      // What comes in small pieces is written in one.
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      const pieces = this.#pending;
      const length = this.#pendingBytes;
      this.#pending = [];
      this.#pendingBytes = 0;
      try {
        const file = await this.#roomy();
        await file.appendFile(Buffer.concat(pieces, length));
        this.#size += length;
        if (this.#lost > 0) this.#onLost(`${this.#lost} raw console bytes are missing: ${this.#why}`);
        this.#lost = 0;
      } catch (error) {
        await this.#file?.close().catch(() => undefined);
        this.#file = null;
        this.#lose(length, messageOf(error));
      }
    }
  }

  async #roomy(): Promise<FileHandle> {
    if (this.#file && this.#size >= MAX_BYTES) {
      await this.#file.close();
      this.#file = null;
      await rename(this.#path, `${this.#path}.old`);
    }
    this.#file ??= await open(this.#path, 'a');
    if (this.#size === 0 || this.#size >= MAX_BYTES) this.#size = (await this.#file.stat()).size;
    return this.#file;
  }

  #lose(bytes: number, why: string): void {
    if (this.#lost === 0) this.#onLost(`raw console bytes are being lost: ${why}`);
    this.#lost += bytes;
    this.#why = why;
  }
}
