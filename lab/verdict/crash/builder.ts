/** One crash report as its lines come: what belongs to it, when it has ended, and what it says. */
import { counterOf, type Frame, frameOf, isMeaningful } from './frame.ts';
import { firmwareOpeningOf, isCutHere, type Opening, openingOf } from './opening.ts';
import { type CrashKind, type CrashReport, fingerprintOf } from './report.ts';
import { endOf, isOfReport } from './shape.ts';

export interface CrashLine {
  text: string;
  /** Number of the line, as the report is to name it. */
  line: number;
  /** Of the last physical line, where several were put together. */
  lastLine?: number;
}

/** `foreign`: of something else. `closed`: taken, and the last one. `over`: not taken, and the report has ended. */
export type Taken = 'taken' | 'foreign' | 'closed' | 'over';

/** No report has more lines; what comes later is left out. */
const LINES_MAX = 400;
const LINE_CHARS = 2000;
/** Lines of something else in a row, after which a report is over. */
const PATIENCE = { beforeTrace: 10, inTrace: 12, afterTrace: 3, forPanic: 8 } as const;
/** Kinds that say themselves where they end: `---[ end trace`. */
const MARKED: ReadonlySet<CrashKind> = new Set(['oops', 'bug', 'warn', 'refcount', 'list-corruption']);
/** What is only the first words of an oops, a BUG or a WARN that follows. */
const PRELUDES: ReadonlySet<CrashKind> = new Set(['list-corruption', 'refcount', 'ubsan', 'oops', 'bug']);
/** How the kernel panics over an oops whose report has ended: kernel/exit.c, kernel/traps.c of each architecture. */
const OVER_OOPS = /Fatal exception|Attempted to kill|Aiee|Oops|Fatal /;
const OTHER_STACK =
  /^(?:Allocated by|Freed by|Last potentially|Second to last|allocated by|freed by|Code: |NMI backtrace|-> ?#\d)/;

export class ReportBuilder {
  readonly #text: string[] = [];
  readonly #frames: Frame[] = [];
  #held: CrashLine[] = [];
  #opening: Opening | null = null;
  #title = '';
  #first = 0;
  #last = 0;
  #foreign = 0;
  #counter: Frame | null = null;
  #stackEnded = false;
  #traceEnded = false;
  /** An oops or a BUG: the kernel may panic over it, after its end. */
  #fatal = false;
  #panic: string | null = null;
  #complete = false;
  #comm: string | null = null;
  #pid: number | null = null;
  #cpu: number | null = null;
  #taint: string | null = null;

  /** Null for a line that opens no report. */
  static open(message: string, line: CrashLine, firmware: boolean): ReportBuilder | null {
    const opened = openingOf(message) ?? (firmware ? firmwareOpeningOf(message) : null);
    if (!opened && !isCutHere(message)) return null;
    const builder = new ReportBuilder();
    builder.#first = line.line;
    if (opened) builder.#become(opened.opening, opened.title);
    builder.#keep(message, line);
    return builder;
  }

  get lastLine(): number {
    return this.#last;
  }

  take(message: string, line: CrashLine): Taken {
    if (this.#text.length >= LINES_MAX) return 'over';
    if (this.#opening?.kind === 'firmware') return this.#takeOfDevice(message, line);
    const opened = openingOf(message);
    if (opened || isCutHere(message)) {
      if (!this.#joins(opened)) return 'over';
      return this.#keep(message, line);
    }
    if (isOfReport(message) || (this.#foreign === 0 && /^[ \t]/.test(message)))
      return this.#keep(message, line);
    this.#foreign++;
    this.#held.push(line);
    return this.#foreign > this.#patience() ? 'over' : 'foreign';
  }

  /** Of a firmware request: what else is said of the device. */
  #takeOfDevice(message: string, line: CrashLine): Taken {
    const device = this.#title.slice(0, this.#title.indexOf(': ') + 1);
    if (message.startsWith(device)) return this.#keep(message, line);
    this.#foreign++;
    return this.#foreign > PATIENCE.afterTrace || openingOf(message) ? 'over' : 'foreign';
  }

  /** The report as far as it came; null where nothing said what it is. */
  report(): CrashReport | null {
    const opening = this.#opening;
    if (!opening) return null;
    const frames = this.#meaningful();
    const names = frames.map(({ name }) => name);
    const { kind } = opening;
    const panicked = this.#panic !== null && kind !== 'panic' ? ' (the kernel panicked over it)' : '';
    return {
      ...{ kind, class: opening.class, title: `${this.#title}${panicked}`, panic: this.#panic },
      fingerprint: fingerprintOf(kind, names, this.#title),
      ...{ comm: this.#comm, pid: this.#pid, cpu: this.#cpu, taint: this.#taint },
      module: frames.find(({ module }) => module !== null)?.module ?? null,
      frames: names,
      lines: [this.#first, this.#last],
      text: [...this.#text],
      complete:
        this.#complete || kind === 'firmware' || (!MARKED.has(kind) && kind !== 'panic' && names.length > 0),
    };
  }

  /** Whether another opening line is of this report; becomes what it says, where it says more. */
  #joins(opened: { opening: Opening; title: string } | null): boolean {
    const { kind } = this.#opening ?? {};
    if (opened?.opening.kind === 'panic' && kind !== 'panic') {
      if (this.#traceEnded && !OVER_OOPS.test(opened.title)) return false;
      this.#panic = opened.title;
      if (!this.#opening) this.#become(opened.opening, opened.title);
      return true;
    }
    if (this.#traceEnded || this.#panic !== null) return false;
    if (kind === undefined) {
      if (!opened) return false;
      this.#become(opened.opening, opened.title);
      return true;
    }
    if (this.#frames.length > 0) return false;
    const next = opened?.opening.kind;
    // The cut follows what list debugging says; an oops has up to three lines that tell of it.
    if (next === undefined) return kind === 'list-corruption' && this.#text.length < 4;
    if (next === 'oops' || next === 'bug') {
      if (!PRELUDES.has(kind)) return false;
      this.#fatal = true;
      return true;
    }
    return next === 'warn' && (kind === 'refcount' || kind === 'list-corruption');
  }

  #become(opening: Opening, title: string): void {
    this.#opening = opening;
    this.#title = title;
    this.#fatal = opening.kind === 'oops' || opening.kind === 'bug';
    if (opening.kind === 'panic') this.#panic = title;
    this.#readTitle(title);
  }

  #keep(message: string, line: CrashLine): Taken {
    for (const held of [...this.#held, line]) {
      if (this.#text.length < LINES_MAX) this.#text.push(held.text.slice(0, LINE_CHARS));
    }
    this.#held = [];
    this.#foreign = 0;
    this.#last = line.lastLine ?? line.line;
    this.#read(message.trim());
    const end = endOf(message);
    if (end === 'panic') {
      this.#complete = true;
      return 'closed';
    }
    if (end === 'trace') {
      this.#complete = this.#opening !== null;
      this.#traceEnded = true;
      return this.#fatal ? 'taken' : 'closed';
    }
    return 'taken';
  }

  #patience(): number {
    if (this.#traceEnded) return PATIENCE.forPanic;
    const kind = this.#opening?.kind;
    if (this.#frames.length === 0) return this.#opening?.patience ?? PATIENCE.beforeTrace;
    return kind !== undefined && (MARKED.has(kind) || kind === 'panic')
      ? PATIENCE.inTrace
      : PATIENCE.afterTrace;
  }

  #read(message: string): void {
    const who =
      /^CPU: ?(\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.{1,32}?) (?:(?:Not tainted)|(?:Tainted: ([A-Z ]+?))) [^A-Z ]/.exec(
        message,
      );
    if (who) {
      this.#cpu ??= Number(who[1]);
      this.#pid ??= Number(who[2]);
      this.#comm ??= who[3] ?? null;
      this.#taint ??= who[4]?.replace(/ +/g, ' ').trim() ?? null;
    }
    const process = /^Process (\S.{0,30}?) \(pid: (\d+)/.exec(message);
    if (process) {
      this.#comm ??= process[1] ?? null;
      this.#pid ??= Number(process[2]);
    }
    const taint = /^Tainted: ([A-Z ]+?) +[^A-Z ]/.exec(message);
    if (taint) this.#taint ??= taint[1]?.replace(/ +/g, ' ') ?? null;
    this.#readStack(message);
  }

  #readStack(message: string): void {
    if (/^stack backtrace:/i.test(message)) {
      // What stood before are the stacks of locks taken earlier.
      this.#frames.length = 0;
      this.#stackEnded = false;
      return;
    }
    const counter = counterOf(message);
    if (counter) {
      if (this.#frames.length === 0 && !this.#stackEnded) this.#counter ??= counter;
      return;
    }
    if (this.#frames.length > 0 && OTHER_STACK.test(message)) this.#stackEnded = true;
    if (this.#stackEnded) return;
    const frame = frameOf(message);
    if (frame) this.#frames.push(frame);
  }

  #readTitle(title: string): void {
    const named =
      /task (\S.*?):(\d+) blocked/.exec(title) ??
      /\[([^\]]+):(\d+)\]$/.exec(title) ??
      /CPU#\d+: (\S.*)\/(\d+)$/.exec(title) ??
      /in process (\S+)/.exec(title) ??
      /^(\S.*?) invoked oom-killer/.exec(title) ??
      /^(\S.*?): page allocation failure/.exec(title);
    if (named) {
      this.#comm = named[1] ?? null;
      if (named[2] !== undefined) this.#pid = Number(named[2]);
    }
    const cpu = /CPU(?:: ?|#| )(\d+)|on cpu (\d+)/.exec(title);
    if (cpu) this.#cpu = Number(cpu[1] ?? cpu[2]);
    const place =
      / at (?:\S+:\d+ )?(?:at )?(\S+\+0x\S+(?: \[[^\]]+\])?)/.exec(title) ??
      / in (\S+\+0x\S+(?: \[[^\]]+\])?)/.exec(title);
    if (place) this.#counter ??= frameOf(place[1] ?? '');
  }

  /** Innermost first: where the processor was, then who called that. */
  #meaningful(): Frame[] {
    const counter = this.#counter;
    // What the exception itself put on the stack lies above the function that it hit.
    const hit = counter === null ? -1 : this.#frames.findIndex(({ name }) => name === counter.name);
    const called = this.#frames.slice(hit + 1).filter(({ unreliable }) => !unreliable);
    const frames = counter === null ? called : [counter, ...called];
    return frames.filter(({ name }, at) => isMeaningful(name) && frames[at - 1]?.name !== name);
  }
}
