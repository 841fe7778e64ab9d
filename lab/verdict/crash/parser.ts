/**
 * Finds the crash reports in lines of a kernel log, as they come. Lines may still have what stands before their message;
 * where the kernel tells who printed (`[  T12]`, `[ C0]`), reports printed at the same time are told apart.
 */
import { stampOf } from '../classify/stamp.ts';
import { type CrashLine, ReportBuilder } from './builder.ts';
import { firmwareOpeningOf, opensCrash } from './opening.ts';
import type { CrashReport } from './report.ts';

/** So many reports can be under way at once. */
const OPEN_MAX = 8;
/** A report whose caller prints nothing for so many lines is over. */
const IDLE_LINES = 300;
const CALLER = /\] ?\[ *([TC]\d{1,8})\]/;

export interface CrashParserOptions {
  /** Also give firmware requests that fail, with what the driver says of them. Default no. */
  firmware?: boolean;
}

export class CrashParser {
  readonly #firmware: boolean;
  /** By who prints: `T12`, `C0`; empty where lines do not say. In the order in which they were opened. */
  readonly #open = new Map<string, ReportBuilder>();
  readonly #ready: CrashReport[] = [];

  constructor({ firmware = false }: CrashParserOptions = {}) {
    this.#firmware = firmware;
  }

  /** Whether a report is under way. */
  get busy(): boolean {
    return this.#open.size > 0;
  }

  /** Takes a line; gives a report that has ended with it or before it, if any. */
  push(line: CrashLine): CrashReport | null {
    if (this.#open.size > 0 || this.#opens(line.text)) this.#take(line);
    return this.#ready.shift() ?? null;
  }

  /** Nothing follows, or not soon: gives a report that was under way. To be called until it gives null. */
  end(): CrashReport | null {
    for (const key of [...this.#open.keys()]) this.#close(key);
    return this.#ready.shift() ?? null;
  }

  #take(line: CrashLine): void {
    for (const [key, { lastLine }] of this.#open) if (line.line - lastLine > IDLE_LINES) this.#close(key);
    // Mail programs make some spaces non-breaking.
    const text = line.text.replaceAll('\u00a0', ' ');
    const { message } = stampOf(text);
    const key = CALLER.exec(text.slice(0, 160))?.[1] ?? '';
    // A line of another caller only makes the others wait; a line without one can be the rest of any.
    const open = this.#open.get(key) ?? (key === '' ? [...this.#open.values()].at(-1) : undefined);
    const owner = open && [...this.#open].find(([, builder]) => builder === open)?.[0];
    if (open && owner !== undefined) {
      const taken = open.take(message, line);
      if (taken === 'closed' || taken === 'over') this.#close(owner);
      if (taken !== 'over') return;
    }
    const begun = ReportBuilder.open(message, line, this.#firmware);
    if (!begun) return;
    const [oldest] = this.#open.keys();
    if (this.#open.size >= OPEN_MAX && oldest !== undefined) this.#close(oldest);
    this.#open.set(key, begun);
  }

  #opens(text: string): boolean {
    return opensCrash(text) || (this.#firmware && firmwareOpeningOf(stampOf(text).message) !== null);
  }

  #close(key: string): void {
    const report = this.#open.get(key)?.report();
    this.#open.delete(key);
    if (report) this.#ready.push(report);
  }
}

/** The report that the first of the lines opens; null where it opens none. */
export function firstCrash(lines: readonly CrashLine[]): CrashReport | null {
  const parser = new CrashParser();
  for (const line of lines) {
    const report = parser.push(line);
    if (report) return report;
    if (!parser.busy) return null;
  }
  return parser.end();
}

/** All crash reports of a log, by their first lines. */
export function crashReports(lines: Iterable<CrashLine>): CrashReport[] {
  const parser = new CrashParser();
  const reports: CrashReport[] = [];
  for (const line of lines) {
    const report = parser.push(line);
    if (report) reports.push(report);
  }
  for (let rest = parser.end(); rest; rest = parser.end()) reports.push(rest);
  return reports.sort((a, b) => a.lines[0] - b.lines[0]);
}
