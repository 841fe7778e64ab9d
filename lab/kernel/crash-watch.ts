/**
 * Watches what a board logs for crashes, over SSH and on its console: each becomes one event and one file, whichever saw
 * it. The log over SSH is preferred; the console speaks when SSH is gone.
 */
import type { ObservableSink } from '../journal/event.ts';
import { opensCrash } from '../verdict/crash/opening.ts';
import { CrashParser } from '../verdict/crash/parser.ts';
import { type CrashReport, fingerprintOf } from '../verdict/crash/report.ts';
import type { Devcoredump } from './devcoredump.ts';

/** Puts a file to those of the test under way; gives its name, or null when there is none. */
export type Attach = (stem: string, extension: string, content: Buffer | string) => string | null;

export interface CrashWatchOptions {
  journal: ObservableSink;
  attach: Attach;
}

type Via = 'kernel' | 'console' | 'pstore';

/** A report that goes on prints without a pause: after this long, what came is all. */
const QUIET_MS = 1000;
/** How long the console waits for SSH to tell the same, better. */
const HOLD_MS = 4000;
/** Crashes remembered, to know them again. */
const KNOWN_MAX = 200;

/** One of the two ways in which a board's log comes. */
class Source {
  readonly #parser = new CrashParser({ firmware: true });
  readonly #onReport: (report: CrashReport) => void;
  #quiet: NodeJS.Timeout | undefined;
  #line = 0;

  constructor(onReport: (report: CrashReport) => void) {
    this.#onReport = onReport;
  }

  push(text: string): void {
    this.#line++;
    const report = this.#parser.push({ text, line: this.#line });
    if (report) this.#onReport(report);
    clearTimeout(this.#quiet);
    this.#quiet = this.#parser.busy ? setTimeout(() => this.end(), QUIET_MS).unref() : undefined;
  }

  /** Gives what is under way. */
  end(): void {
    clearTimeout(this.#quiet);
    for (let report = this.#parser.end(); report; report = this.#parser.end()) this.#onReport(report);
  }
}

export class CrashWatch {
  readonly #options: CrashWatchOptions;
  readonly #kernel = new Source((report) => this.#fromKernel(report));
  readonly #console = new Source((report) => this.#fromConsole(report));
  /** Seen on the console, not yet over SSH. */
  #held: { report: CrashReport; timer: NodeJS.Timeout }[] = [];
  /** Told by one way, so that the other does not tell it again. */
  readonly #told: Record<'kernel' | 'console', string[]> = { kernel: [], console: [] };
  /** Fingerprints of the crashes told in this life of the board, for what it kept over a reset. */
  #known: string[] = [];
  /** Those of the life before: what a board kept is of that. */
  #before: string[] = [];
  #dead = false;

  constructor(options: CrashWatchOptions) {
    this.#options = options;
    options.journal.observe((kind, data) => {
      // What only the console told is read there.
      if (kind === 'kernel.record' && 'us' in data && data.via !== 'console') this.#kernel.push(data.text);
      // A begun line comes again when it is complete.
      else if (kind === 'console.line' && 'partial' in data) {
        if (data.partial !== true) this.#console.push(data.text);
      } else if (kind === 'board.state' && 'state' in data) this.#entered(data.state);
    });
  }

  /** Gives all that is under way: nothing more will come of it. */
  settle(): void {
    this.#kernel.end();
    this.#console.end();
    this.#release();
  }

  /** What the board kept of its log over a reset: crashes that nobody saw are told now. Gives their titles. */
  recovered(log: string, file: string | null): string[] {
    const parser = new CrashParser();
    const fresh: string[] = [];
    const take = (report: CrashReport | null): void => {
      if (!report || this.#known.includes(report.fingerprint) || this.#before.includes(report.fingerprint))
        return;
      this.#tell(report, 'pstore', file);
      fresh.push(report.title);
    };
    for (const [at, text] of log.split('\n').entries()) {
      if (parser.busy || opensCrash(text)) take(parser.push({ text, line: at + 1 }));
    }
    for (let rest = parser.end(); rest; rest = parser.end()) take(rest);
    return fresh;
  }

  /** A driver has dumped the state of its device, whose firmware failed. */
  dumped({ device, driver, data, truncated }: Devcoredump): void {
    const file = this.#options.attach('devcoredump', 'bin', data);
    const title = `${driver ?? 'the driver'} dumped the state of ${device} (${data.length} bytes${truncated ? ' of more' : ''})`;
    this.#options.journal.append('crash.report', {
      ...{
        kind: 'devcoredump',
        class: 'fw-crash',
        title,
        comm: null,
        taint: null,
        module: driver,
        frames: [],
      },
      ...{
        fingerprint: fingerprintOf('devcoredump', [driver ?? '', device], ''),
        panicked: false,
        complete: !truncated,
      },
      ...{ via: 'devcoredump', ...(file === null ? {} : { file }) },
    });
  }

  #entered(state: string): void {
    if (state === 'crashed' || state === 'off') {
      this.#dead = true;
      this.#release();
    } else if (state === 'booting') {
      this.settle();
      this.#before = this.#known;
      this.#known = [];
      this.#dead = false;
      this.#told.kernel = [];
      this.#told.console = [];
    }
  }

  #fromKernel(report: CrashReport): void {
    const key = keyOf(report);
    const at = this.#held.findIndex((held) => keyOf(held.report) === key);
    const [twin] = at < 0 ? [] : this.#held.splice(at, 1);
    if (twin) clearTimeout(twin.timer);
    else if (forget(this.#told.console, key)) return;
    else this.#told.kernel.push(key);
    // The end may not have come over SSH.
    const better = twin && !report.complete && twin.report.complete;
    if (better) this.#tell(twin.report, 'console');
    else this.#tell(report, 'kernel');
  }

  #fromConsole(report: CrashReport): void {
    if (forget(this.#told.kernel, keyOf(report))) return;
    const timer = setTimeout(() => this.#release(report), HOLD_MS).unref();
    this.#held.push({ report, timer });
    if (this.#dead) this.#release();
  }

  /** SSH does not tell it (any of them): the console does. */
  #release(only?: CrashReport): void {
    const due = this.#held.filter(({ report }) => only === undefined || report === only);
    this.#held = this.#held.filter((held) => !due.includes(held));
    for (const { report, timer } of due) {
      clearTimeout(timer);
      this.#told.console.push(keyOf(report));
      this.#tell(report, 'console');
    }
  }

  #tell(report: CrashReport, via: Via, kept: string | null = null): void {
    const { kind, title, fingerprint, comm, taint, module, frames, complete } = report;
    this.#known.push(fingerprint);
    if (this.#known.length > KNOWN_MAX) this.#known.shift();
    const file = kept ?? this.#options.attach('crash', 'txt', crashText(report, via));
    this.#options.journal.append('crash.report', {
      ...{ kind, class: report.class, title, fingerprint, comm, taint, module, frames: [...frames] },
      ...{ panicked: report.panic !== null, complete, via },
      ...(file === null ? {} : { file }),
    });
  }
}

/** What a crash is known by before its stack is compared: its opening words. */
function keyOf({ kind, title }: CrashReport): string {
  return `${kind} ${title.replace(/ \(the kernel panicked over it\)$/, '')}`;
}

function forget(list: string[], key: string): boolean {
  const at = list.indexOf(key);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/** The file of a crash: what was made of it, then its lines. */
function crashText(report: CrashReport, via: Via): string {
  const { title, kind, fingerprint, comm, pid, cpu, taint, module, frames, panic, complete, text } = report;
  const seen = {
    kernel: 'over SSH',
    console: 'on the console',
    pstore: 'in what the board kept over the reset',
  };
  return [
    title,
    `${kind} ${fingerprint}, seen ${seen[via]}${complete ? '' : '; its end is missing'}`,
    `process ${comm ?? '?'} (pid ${pid ?? '?'}), CPU ${cpu ?? '?'}, module ${module ?? 'none'}, taint ${taint ?? 'none'}`,
    ...(panic === null ? [] : [`ended in: ${panic}`]),
    `stack: ${frames.length === 0 ? 'none' : frames.join(' < ')}`,
    '',
    ...text,
    '',
  ].join('\n');
}
