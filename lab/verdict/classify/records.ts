/** Classifies what was recorded on a board: records with a time, and what the harness did meanwhile. */
import { crashReports } from '../crash/parser.ts';
import type { Signature } from '../signatures/signature.ts';
import type { Classification, HarnessAction } from './finding.ts';
import { hitOf, type Sighting } from './hit.ts';
import { judge } from './judge.ts';
import { extentOf } from './reports.ts';
import { Scanner } from './scanner.ts';

export interface LogRecord {
  /** Without stamp; one line. */
  text: string;
  /** Seconds on a clock that all records and actions share. */
  atS: number;
}

/** Findings of records in the order of their times; lines are their numbers, from 1. */
export function classifyRecords(
  records: readonly LogRecord[],
  actions: readonly HarnessAction[],
  signatures: readonly Signature[],
): Classification {
  const scanner = new Scanner(signatures, { benign: false });
  const sightings: Sighting[] = [];
  const encoder = new TextEncoder();
  const take = ({ line, signature, text, groups }: Parameters<Parameters<Scanner['push']>[1]>[0]): void => {
    const atS = records[line - 1]?.atS;
    sightings.push({ signature, text, groups, lines: [line, line], ...(atS === undefined ? {} : { atS }) });
  };
  for (const { text } of records) scanner.push(encoder.encode(`${text.replaceAll(/[\r\n]/g, ' ')}\n`), take);
  scanner.end(take);
  const reports = crashReports(records.map(({ text }, index) => ({ text, line: index + 1 }))).map(extentOf);
  return judge({ hits: sightings.map((sighting) => hitOf(sighting)), reports, actions });
}
