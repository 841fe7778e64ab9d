/** Reads a journal, also one that is being written, or whose writer was killed in the middle of a line. */
import { createReadStream, watch } from 'node:fs';
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
    parser.endPart();
  }
}

/** Existing events, then new ones as they are written, until `run.end` or the signal. */
export async function* followJournal(
  dirOrFile: string,
  options: ReadOptions & { signal?: AbortSignal } = {},
): AsyncGenerator<AnyEvent> {
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
        yield event;
        if (event.kind === 'run.end') return;
      }
      if (bytesRead > 0) continue;
      if (complete) break;
      complete = countParts(first) > part;
      if (!complete) await changes.next();
    }
    parser.endPart();
  }
}

/** Changes in a folder, with a slow look besides: some file systems tell of nothing. */
class Changes implements Disposable {
  readonly #watcher;
  readonly #signal: AbortSignal | undefined;
  #changed = false;
  #wake: () => void = () => undefined;
  readonly #abort = () => this.#wake();

  constructor(dir: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#watcher = watch(dir, () => {
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
    this.#watcher.close();
    this.#signal?.removeEventListener('abort', this.#abort);
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

  /** What has no line end was torn by the end of its writer. */
  endPart(): void {
    this.#rest = [];
  }

  #parse(line: string): AnyEvent | null {
    try {
      const event = ENVELOPE.parse(JSON.parse(line));
      if (!isEventKind(event.kind)) throw new Error(`no event kind "${event.kind}"`);
      const data = PAYLOADS[event.kind].parse(event.data);
      if (event.seq > this.#seq + 1 && this.#seq > 0)
        this.#problem(`${event.seq - this.#seq - 1} events are missing before this one`);
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
