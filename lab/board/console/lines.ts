/** The lines of a console: recorded as they come, the last ones kept, begun ones (prompts) recorded when it is quiet. */
import type { JournalSink } from '../../journal/event.ts';
import { LineSplitter } from '../../text.ts';

/** A begun line is recorded when nothing came for this long. */
const QUIET_MS = 250;
const TAIL_LINES = 1000;
/** So long may the lines kept be together, in characters. */
const TAIL_CHARS = 1024 * 1024;

export type LineListener = (line: { text: string }) => void;

export class LineRecorder {
  readonly #journal: JournalSink;
  readonly #listeners = new Set<LineListener>();
  #splitter = new LineSplitter();
  #tail: string[] = [];
  #tailChars = 0;
  /** The begun line as it was last recorded. */
  #recorded: string | null = null;
  #quiet: NodeJS.Timeout | null = null;

  constructor(journal: JournalSink) {
    this.#journal = journal;
  }

  /** Takes clean text. */
  push(text: string): void {
    for (const line of this.#splitter.push(text)) {
      this.#record(line.text, false, line.truncatedBytes);
      this.#complete(line);
    }
    if (this.#splitter.partial === '') this.#stopTimer();
    else if (this.#quiet) this.#quiet.refresh();
    else this.#quiet = setTimeout(() => this.#recordPartial(), QUIET_MS);
  }

  /** The begun line is complete: the device went away. */
  end(): void {
    this.#stopTimer();
    const text = this.#splitter.partial;
    this.#recordPartial();
    this.#splitter = new LineSplitter();
    if (text !== '') this.#complete({ text });
  }

  /** Called with each complete line. Gives what ends it. */
  subscribe(listener: LineListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The last lines, oldest first, the begun one included. */
  tail(count: number): string[] {
    const { partial } = this.#splitter;
    const lines = partial === '' ? this.#tail : [...this.#tail, partial];
    return count <= 0 ? [] : lines.slice(-count);
  }

  #recordPartial(): void {
    this.#stopTimer();
    const { partial, partialTruncatedBytes } = this.#splitter;
    if (partial === '' || partial === this.#recorded) return;
    this.#record(partial, true, partialTruncatedBytes);
    this.#recorded = partial;
  }

  #record(text: string, partial: boolean, truncatedBytes: number): void {
    this.#journal.append('console.line', { text, partial, truncatedBytes });
  }

  #complete(line: { text: string }): void {
    this.#recorded = null;
    this.#tail.push(line.text);
    this.#tailChars += line.text.length;
    if (this.#tail.length > 2 * TAIL_LINES || this.#tailChars > 2 * TAIL_CHARS) this.#trim();
    for (const listener of this.#listeners) listener(line);
  }

  #trim(): void {
    const kept: string[] = [];
    this.#tailChars = 0;
    for (const line of this.#tail.slice(-TAIL_LINES).reverse()) {
      if (this.#tailChars + line.length > TAIL_CHARS) break;
      this.#tailChars += line.length;
      kept.push(line);
    }
    this.#tail = kept.reverse();
  }

  #stopTimer(): void {
    if (this.#quiet) clearTimeout(this.#quiet);
    this.#quiet = null;
  }
}
