/** Reads a journal, also one that is being written, or whose writer was killed in the middle of a line. */
import { createReadStream, type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import { type AnyEvent, ENVELOPE, isEventKind, PAYLOADS } from './event.ts';
import { countParts, findJournal, partPath } from './parts.ts';

export interface Problem {
  file: string;
  line: number;
  message: string;
}

export interface ReadOptions {
  /** Told of lines that are no event and of gaps in the sequence; by default they are passed over. */
  onProblem?: (problem: Problem) => void;
}

/** All events of a journal, oldest first, over all its parts. A torn last line is no problem. */
export async function* readJournal(dirOrFile: string, options: ReadOptions = {}): AsyncGenerator<AnyEvent> {
  const first = findJournal(dirOrFile);
  const parser = new Parser(options);
  const parts = countParts(first);
  for (let part = 1; part <= parts; part++) {
    const path = partPath(first, part);
    parser.begin(path);
    for await (const chunk of createReadStream(path)) yield* parser.push(chunk as Buffer);
    parser.endPart(part === parts);
  }
}

export interface FollowOptions extends ReadOptions {
  signal?: AbortSignal;
  /** The first sequence number that is wanted. Default 1. */
  from?: number;
}

/** Existing events, then new ones as they are written, until `run.end` or the signal. */
export async function* followJournal(
  dirOrFile: string,
  options: FollowOptions = {},
): AsyncGenerator<AnyEvent> {
  const from = options.from ?? 1;
  const first = findJournal(dirOrFile);
  const parser = new Parser(options);
  const chunk = Buffer.alloc(256 * 1024);
  for (let part = 1; !options.signal?.aborted; part++) {
    const path = partPath(first, part);
    await using file = await open(path, 'r');
    parser.begin(path);
    using changes = new Changes(dirname(path), options.signal);
    // Only when nothing more came to this part after the next one was begun is it complete.
    for (let complete = false; !options.signal?.aborted; ) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      for (const event of parser.push(chunk.subarray(0, bytesRead))) {
        if (event.seq >= from) yield event;
        if (event.kind === 'run.end') return;
      }
      if (bytesRead > 0) continue;
      if (complete) break;
      complete = countParts(first) > part;
      if (!complete) await changes.next();
    }
    parser.endPart(false);
  }
}

/** Changes in a folder, with a slow look besides: some file systems tell of nothing. */
class Changes implements Disposable {
  readonly #watcher: FSWatcher | null;
  readonly #signal: AbortSignal | undefined;
  #changed = false;
  #wake: () => void = () => undefined;
  readonly #abort = () => this.#wake();

  constructor(dir: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#watcher = watching(dir, () => {
      this.#changed = true;
      this.#wake();
    });
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  async next(): Promise<void> {
    if (!this.#changed && !this.#signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#changed = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}

/** Null where nothing can be watched (all inotify watches of this user are taken): the slow look must do. */
function watching(dir: string, onChange: () => void): FSWatcher | null {
  try {
    return watch(dir, onChange).on('error', onChange);
  } catch {
    return null;
  }
}

class Parser {
  readonly #options: ReadOptions;
  #file = '';
  #line = 0;
  #seq = 0;
  #rest: Buffer[] = [];

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  begin(file: string): void {
    this.#file = file;
    this.#line = 0;
  }

  *push(chunk: Buffer): Generator<AnyEvent> {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(start, end)]).toString('utf8');
      this.#rest = [];
      this.#line++;
      start = end + 1;
      const event = this.#parse(line);
      if (event) yield event;
    }
    if (start < chunk.length) this.#rest.push(Buffer.from(chunk.subarray(start)));
  }

  /** What has no line end was torn by the end of its writer: no problem in the last part, which may be written yet. */
  endPart(last: boolean): void {
    if (this.#rest.length > 0 && !last) {
      this.#line++;
      this.#problem('a torn line');
    }
    this.#rest = [];
  }

  #parse(line: string): AnyEvent | null {
    try {
      const event = ENVELOPE.parse(JSON.parse(line));
      if (!isEventKind(event.kind)) throw new Error(`no event kind "${event.kind}"`);
      const data = PAYLOADS[event.kind].parse(event.data);
      const missing = event.seq - this.#seq - 1;
      if (missing > 0) this.#problem(`${missing} events are missing before this one`);
      if (missing < 0) this.#problem(`event ${event.seq} comes after event ${this.#seq}`);
      this.#seq = event.seq;
      // Envelope and payload were each checked against the schema of this kind.
      return { ...event, data } as AnyEvent;
    } catch (error) {
      this.#problem(`not an event: ${messageOf(error).split('\n', 1)[0]}`);
      return null;
    }
  }

  #problem(message: string): void {
    this.#options.onProblem?.({ file: this.#file, line: this.#line, message });
  }
}
