/** Writes what a board says during a test into files of that test, as it comes: they survive whatever happens next. */
import { createWriteStream, existsSync, mkdirSync, type WriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { asHilError } from '../errors.ts';
import { now } from '../journal/clock.ts';
import type { EventKind, JournalSink, ObservableSink, Payload, PayloadInput } from '../journal/event.ts';
import { redact, redactDeep } from '../redact.ts';
import type { Artifact } from '../rpc/schema.ts';
import type { ScopeEvent, ScopeEvents } from '../verdict/scope-events.ts';

/** The file of each kind, and the line it becomes. */
const FILES: { [K in EventKind]?: { file: string; line: (data: Payload<K>) => string } } = {
  'console.line': {
    file: 'console.log',
    line: ({ text, partial }) => (partial ? `${text} [no end of line yet]` : text),
  },
  'kernel.record': {
    file: 'dmesg.log',
    line: ({ us, level, text }) => `<${level}>[${(us / 1e6).toFixed(6).padStart(12)}] ${text}`,
  },
  'kernel.lost': { file: 'dmesg.log', line: ({ records }) => `*** ${records} records lost ***` },
  'hostapd.line': { file: 'hostapd.log', line: ({ interface: name, text }) => `${name}: ${text}` },
  'dhcp.line': { file: 'dhcp.log', line: ({ interface: name, text }) => `${name}: ${text}` },
  'wpa_supplicant.line': {
    file: 'wpa_supplicant.log',
    line: ({ interface: name, text }) => `${name}: ${text}`,
  },
  'power.action': {
    file: 'power.log',
    line: (data) => `${data.action}: ${data.ok ? 'done' : (data.error ?? 'failed')} (${data.durationMs} ms)`,
  },
  'power.event': {
    file: 'power.log',
    line: ({ event, detail }) => `${event}${detail === undefined ? '' : `: ${detail}`}`,
  },
  'board.state': {
    file: 'power.log',
    line: ({ state, reason }) => `board is ${state}${reason === undefined ? '' : `: ${reason}`}`,
  },
};

export class Recorder {
  readonly #dir: string;
  readonly #streams = new Map<string, WriteStream>();
  readonly #attached: Artifact[] = [];
  #failure: Error | null = null;

  constructor(dir: string) {
    this.#dir = dir;
    mkdirSync(dir, { recursive: true });
    // There for every test: that a board said nothing is told by an empty file.
    for (const file of ['console.log', 'dmesg.log']) this.#stream(file);
  }

  record<K extends EventKind>(kind: K, data: Payload<K>): void {
    const target = FILES[kind];
    if (!target) return;
    this.#stream(target.file).write(`${new Date().toISOString()} ${target.line(data)}\n`);
  }

  /** Puts a file of its own to those of the test: `crash-1.txt`, `crash-2.txt`. Gives its name. */
  attach(stem: string, extension: string, content: Buffer | string): string {
    let number = 1;
    // Those of a controller that was killed stay.
    while (existsSync(join(this.#dir, `${stem}-${number}.${extension}`))) number++;
    const name = `${stem}-${number}.${extension}`;
    const path = join(this.#dir, name);
    const contentType = extension === 'txt' ? 'text/plain' : 'application/octet-stream';
    try {
      writeFileSync(path, content);
      this.#attached.push({ name, path, contentType });
    } catch (error) {
      this.#failure ??= asHilError(error);
    }
    return name;
  }

  /** Completes the files. Throws what kept them from being written, such as a full disk. */
  async close(): Promise<Artifact[]> {
    const artifacts = [...this.#attached];
    for (const [name, stream] of this.#streams) {
      stream.end();
      await finished(stream).catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      });
      artifacts.push({ name, path: join(this.#dir, name), contentType: 'text/plain' });
    }
    this.#streams.clear();
    if (this.#failure) throw this.#failure;
    return artifacts;
  }

  #stream(file: string): WriteStream {
    const existing = this.#streams.get(file);
    if (existing) return existing;
    const stream = createWriteStream(join(this.#dir, file), { flags: 'a' });
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
    this.#streams.set(file, stream);
    return stream;
  }
}

/** A sink of one board: the journal of the run that has it, and the recorder of the test under way. */
type Listener = Parameters<ObservableSink['observe']>[0];

export class BoardSink implements ObservableSink {
  readonly #board: string;
  readonly #listeners = new Set<Listener>();
  journal: JournalSink | null = null;
  recorder: Recorder | null = null;
  /** Of the test under way, for its findings. */
  scope: ScopeEvents | null = null;

  constructor(board: string) {
    this.#board = board;
  }

  append<K extends EventKind>(kind: K, seen: PayloadInput<K>): void {
    const data = redactDeep(seen);
    this.journal?.append(kind, data, this.#board);
    // Payload and its input differ only in defaults, which a recorder does not print.
    this.recorder?.record(kind, data as Payload<K>);
    // Nor do they matter for findings; kind and payload belong together by K.
    this.scope?.take({ kind, data, atS: monotonicS() } as ScopeEvent);
    for (const listener of [...this.#listeners]) listener(kind, data);
  }

  /** As Recorder.attach; null when no test is under way. */
  attach(stem: string, extension: string, content: Buffer | string): string | null {
    const shown = typeof content === 'string' ? redact(content) : content;
    return this.recorder?.attach(stem, extension, shown) ?? null;
  }

  observe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Seconds on the clock of the journal. */
export function monotonicS(): number {
  return now().mono / 1e9;
}
