/** Classifies a log of any size, as it comes: memory is bounded. */
import { opensCrash } from '../crash/opening.ts';
import { crashReports, firstCrash } from '../crash/parser.ts';
import { SIGNATURES } from '../signatures/index.ts';
import type { Signature } from '../signatures/signature.ts';
import type { Classification } from './finding.ts';
import { type Hit, hitOf, ruleOf } from './hit.ts';
import { HitStore } from './hits.ts';
import { judge } from './judge.ts';
import { extentOf, isCrash, type ReportExtent } from './reports.ts';
import { type ScanHit, Scanner } from './scanner.ts';
import { type LoggedLine, pairs, unwrap } from './unwrap.ts';

/** A log up to this size is held whole, and its broken lines are put together. */
const WHOLE_BYTES = 8 * 1024 * 1024;
/** So many reports of a longer log are read whole, each up to this size. */
const REPORTS_MAX = 500;
const REPORT_BYTES = 24 * 1024;

export class LogClassifier {
  readonly #signatures: readonly Signature[];
  #held: Uint8Array[] | null = [];
  #heldBytes = 0;
  readonly #scanner: Scanner;
  readonly #store = new HitStore();
  readonly #reports: ReportExtent[] = [];

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
    return judge({ hits: this.#store.hits, reports: this.#reports });
  }

  #scan(chunk: Uint8Array): void {
    this.#scanner.push(chunk, (hit) => this.#take(hit));
  }

  #take({ signature, text, groups, line, following }: ScanHit): void {
    const role = ruleOf(signature, groups)?.role ?? signature.role;
    if (!this.#store.wants(signature, role, groups.device?.trim())) return;
    this.#store.add(
      hitOf({ signature, text, groups, lines: [line, line] }, role === 'marker' ? 0 : undefined),
    );
    if (line > (this.#reports.at(-1)?.lines[1] ?? 0) && isCrash(signature.class) && opensCrash(text))
      this.#read(line, following(REPORT_BYTES));
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
