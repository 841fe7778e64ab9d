/** Log files of users: read in pieces whatever their size, refused with a reason where they are no text. */
import { closeSync, createReadStream, createWriteStream, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConfigError, messageOf } from '../errors.ts';
import { sanitize } from '../text.ts';

const CHUNK = 1024 * 1024;
/** So much of a file tells whether it is a text. */
const LOOKED_AT = 64 * 1024;
/** A text has less of what no text has. */
const ODD_PART = 0.3;
/** So much is shown of a line. */
const SHOWN = 4096;
const [LF, CR] = [0x0a, 0x0d];

/** Files that hold a text packed, and what unpacks it. */
const PACKED: readonly { magic: readonly number[]; name: string; unpack: string }[] = [
  { magic: [0x1f, 0x8b], name: 'gzip', unpack: 'zcat' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], name: 'xz', unpack: 'xzcat' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: 'zstd', unpack: 'zstdcat' },
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2', unpack: 'bzcat' },
  { magic: [0xff, 0xfe], name: 'UTF-16', unpack: 'iconv -f UTF-16 -t UTF-8' },
  { magic: [0xfe, 0xff], name: 'UTF-16', unpack: 'iconv -f UTF-16 -t UTF-8' },
];

export class LogFile implements Disposable {
  /** As the user named it; `-` for standard input. */
  readonly name: string;
  /** Bytes, 0 where it is not known before they are read. */
  readonly size: number;
  readonly #path: string;
  /** The copy of a pipe, which can be read only once. It has no name: nothing is left of it, however this process ends. */
  readonly #copy: number | null;

  private constructor(name: string, path: string, size: number, copy: number | null) {
    this.name = name;
    this.size = size;
    this.#path = path;
    this.#copy = copy;
  }

  /** Throws ConfigError for what is not there, no file, not readable or no text. */
  static async open(name: string, signal: AbortSignal): Promise<LogFile> {
    let copy: number | null = null;
    try {
      const pipe = name === '-' ? process.stdin : await pipeAt(name);
      if (pipe) copy = namelessFile();
      const path = copy === null ? name : `/proc/self/fd/${copy}`;
      if (copy !== null && pipe)
        await pipeline(pipe, createWriteStream('', { fd: copy, autoClose: false }), { signal });
      const facts = await stat(path);
      if (facts.isDirectory())
        throw new ConfigError(`${name} is a directory`, { hint: `name its files: hil classify ${name}/*` });
      await refuseOther(name, path);
      return new LogFile(name, path, facts.size, copy);
    } catch (error) {
      if (copy !== null) closeSync(copy);
      throw unreadable(name, error);
    }
  }

  /** Its bytes, from the first on, each piece only until the next. Throws ConfigError where reading fails on the way. */
  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer> {
    const buffer = Buffer.allocUnsafe(CHUNK);
    try {
      await using file = await open(this.#path);
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await file.read(buffer);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw signal.aborted ? error : unreadable(this.name, error);
    }
  }

  /** Some lines by their numbers (from 1), harmless to a terminal. */
  async lines(wanted: ReadonlySet<number>, signal: AbortSignal): Promise<Map<number, string>> {
    const found = new Map<number, string>();
    const last = Math.max(0, ...wanted);
    let number = 1;
    let begun: Buffer[] = [];
    let end: number | null = null;
    const keep = (piece: Buffer): void => {
      if (piece.length > 0 && wanted.has(number) && begun.length < 2)
        begun.push(Buffer.from(piece.subarray(0, SHOWN)));
    };
    const finish = (): void => {
      if (wanted.has(number))
        found.set(number, sanitize(Buffer.concat(begun).toString('utf8').slice(0, SHOWN)));
      begun = [];
      number++;
    };
    for await (const chunk of this.chunks(signal)) {
      end ??= !chunk.includes(LF) && chunk.includes(CR) ? CR : LF;
      let start = 0;
      for (let at = chunk.indexOf(end); at >= 0 && number <= last; at = chunk.indexOf(end, start)) {
        keep(chunk.subarray(start, at));
        finish();
        start = at + 1;
      }
      if (number > last) return found;
      keep(chunk.subarray(start));
    }
    if (begun.length > 0) finish();
    return found;
  }

  [Symbol.dispose](): void {
    if (this.#copy !== null) closeSync(this.#copy);
  }
}

/** `hil classify <(dmesg)`. Devices are read where they are: some of them never end. */
async function pipeAt(path: string): Promise<Readable | null> {
  return (await stat(path)).isFIFO() ? createReadStream(path) : null;
}

/** A temporary file that is gone when it is closed; its descriptor. */
function namelessFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'hil-log-'));
  try {
    return openSync(join(folder, 'log'), 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read (permission denied)',
  EPERM: 'it may not be read (permission denied)',
  ENOTDIR: 'part of its path is no directory',
  ELOOP: 'its symbolic links lead in a circle',
  EIO: 'its disk fails',
};

/** Why a file can't be read, as a person would say it. */
export function unreadable(name: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof Error && error.name === 'AbortError') return error;
  if (error instanceof ConfigError) return error;
  return new ConfigError(`can't read ${name}: ${REASONS[code] ?? messageOf(error)}`, { cause: error });
}

async function refuseOther(name: string, path: string): Promise<void> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LOOKED_AT), position: 0 });
  const first = buffer.subarray(0, bytesRead);
  const packed = PACKED.find(({ magic }) => magic.every((byte, index) => first[index] === byte));
  const source = name === '-' ? '' : ` ${name}`;
  if (packed)
    throw new ConfigError(`${name} is ${packed.name}, not a plain text`, {
      hint: `${packed.unpack}${source} | hil classify`,
    });
  if (isBinary(first))
    throw new ConfigError(`${name} is no text but a binary file`, {
      hint: 'hil classify reads kernel logs, system logs and serial captures',
    });
}

/** Serial captures have NULs and broken UTF-8 in them, a binary file has little else. */
export function isBinary(bytes: Uint8Array): boolean {
  let odd = 0;
  for (const byte of bytes)
    if ((byte < 0x20 && ![0x09, LF, CR, 0x1b, 0x08, 0x0c].includes(byte)) || byte === 0x7f) odd++;
  const replaced = Buffer.from(bytes).toString('utf8').split('\ufffd').length - 1;
  return bytes.length > 0 && (odd + replaced) / bytes.length > ODD_PART;
}
