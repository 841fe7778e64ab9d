/** Classifies a log of any size, as it comes: memory is bounded. */
import { opensCrash } from '../crash/opening.ts';
import { crashReports, firstCrash } from '../crash/parser.ts';
import { SIGNATURES } from '../signatures/index.ts';
import type { Signature } from '../signatures/signature.ts';
import type { Classification } from './finding.ts';
import { type Hit, hitOf } from './hit.ts';
import { judge } from './judge.ts';
import { beginsBoot } from './order.ts';
import { extentOf, isCrash, type ReportExtent } from './reports.ts';
import { type ScanHit, Scanner } from './scanner.ts';
import { type LoggedLine, pairs, unwrap } from './unwrap.ts';

/** A log up to this size is held whole, and its broken lines are put together. */
const WHOLE_BYTES = 8 * 1024 * 1024;
/** Of one signature and device so many hits are kept: the first ones tell what happened, and at what rate. */
const HITS_EACH = 200;
/** Of one marker so many, and so many more after each failure that it can end. */
const MARKERS_EACH = 500;
const AWAITED = 2000;
/** Failures kept of a log, and as many markers. */
const HITS_MAX = 50_000;
/** So many reports of a longer log are read whole, each up to this size. */
const REPORTS_MAX = 500;
const REPORT_BYTES = 24 * 1024;

export class LogClassifier {
  readonly #signatures: readonly Signature[];
  #held: Uint8Array[] | null = [];
  #heldBytes = 0;
  readonly #scanner: Scanner;
  readonly #hits: Hit[] = [];
  readonly #reports: ReportExtent[] = [];
  /** Hits of each signature by device. */
  readonly #counts = new Map<Signature, Map<string, number>>();
  /** By signature: how many more of its hits are kept because a failure waits for them. */
  readonly #awaited = new Map<string, number>();
  #failures = 0;
  #markers = 0;

  constructor(signatures: readonly Signature[] = SIGNATURES) {
    this.#signatures = signatures;
    this.#scanner = new Scanner(signatures, { benign: false });
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    if (this.#held === null) {
      this.#scan(chunk);
      return;
    }
    this.#held.push(Buffer.from(chunk));
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= WHOLE_BYTES) return;
    const held = this.#held;
    this.#held = null;
    for (const part of held) this.#scan(part);
  }

  end(): Classification {
    if (this.#held) return classifyText(Buffer.concat(this.#held).toString('utf8'), this.#signatures);
    this.#scanner.end((hit) => this.#take(hit));
    return judge({ hits: this.#hits, reports: this.#reports });
  }

  #scan(chunk: Uint8Array): void {
    this.#scanner.push(chunk, (hit) => this.#take(hit));
  }

  #take({ signature, text, groups, line, following }: ScanHit): void {
    if (signature.role === 'marker' ? !this.#keepMarker(signature) : !this.#keep(signature, groups.device))
      return;
    const textMax = signature.role === 'marker' ? 0 : undefined;
    this.#hits.push(hitOf({ signature, text, groups, lines: [line, line] }, textMax));
    if (line > (this.#reports.at(-1)?.lines[1] ?? 0) && isCrash(signature.class) && opensCrash(text))
      this.#read(line, following(REPORT_BYTES));
  }

  #keep(signature: Signature, device = ''): boolean {
    if (this.#failures >= HITS_MAX || this.#count(signature, device) > HITS_EACH) return false;
    this.#failures++;
    const { endedBy, confirmedBy = [] } = signature;
    for (const id of endedBy?.signatures ?? []) this.#awaited.set(id, AWAITED);
    for (const id of confirmedBy) this.#awaited.set(id, AWAITED);
    return true;
  }

  /** What ends no failure that was seen is of no use, but for boots: they are few, and all of them are kept. */
  #keepMarker(signature: Signature): boolean {
    if (this.#markers >= HITS_MAX) return false;
    const awaited = this.#awaited.get(signature.id) ?? 0;
    if (awaited > 0) this.#awaited.set(signature.id, awaited - 1);
    else if (this.#count(signature, '') > MARKERS_EACH && !beginsBoot(signature.id)) return false;
    this.#markers++;
    return true;
  }

  #count(signature: Signature, device: string): number {
    const counts = this.#counts.get(signature) ?? new Map<string, number>();
    this.#counts.set(signature, counts);
    const count = (counts.get(device) ?? 0) + 1;
    if (counts.size < HITS_MAX) counts.set(device, count);
    return count;
  }

  #read(first: number, text: string): void {
    if (this.#reports.length >= REPORTS_MAX) return;
    const report = firstCrash(text.split('\n').map((one, index) => ({ text: one, line: first + index })));
    if (report) this.#reports.push(extentOf(report));
  }
}

/** A text that fits into memory. */
export function classifyText(text: string, signatures: readonly Signature[] = SIGNATURES): Classification {
  const logged = unwrap(text);
  const alone = hitsOf(logged, signatures);
  const together = hitsOf(pairs(logged, new Set(alone.keys())), signatures);
  const hits = [...alone.values(), ...together.values()].sort((a, b) => a.lines[0] - b.lines[0]);
  const reports = crashReports(logged.map(({ text: line, first }) => ({ text: line, line: first })));
  return judge({ hits, reports: reports.map(extentOf) });
}

function hitsOf(lines: readonly LoggedLine[], signatures: readonly Signature[]): Map<LoggedLine, Hit> {
  const scanner = new Scanner(signatures, { benign: false });
  const hits = new Map<LoggedLine, Hit>();
  const take = ({ signature, text, groups, line: number }: ScanHit): void => {
    const line = lines[number - 1];
    if (line) hits.set(line, hitOf({ signature, text, groups, lines: [line.first, line.last] }));
  };
  scanner.push(Buffer.from(lines.map(({ text }) => `${text}\n`).join('')), take);
  scanner.end(take);
  return hits;
}
