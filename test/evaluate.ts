/**
 * `npm run evaluate -- DIR [--json]`: scores the classifier on a folder of labelled logs, `NNN.log` with `NNN.json` beside
 * it. Ends with 0 whatever the score, with 2 where the folder can't be used.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, messageOf } from '../lab/errors.ts';
import type { Classification } from '../lab/verdict/classify/finding.ts';
import { LogClassifier } from '../lab/verdict/classify/log.ts';
import { FAILURE_CLASSES } from '../lab/verdict/signatures/signature.ts';

const CLASS = z.enum(FAILURE_CLASSES);

export const LABEL = z.object({
  primary_class: CLASS,
  /** All that are in the log, the primary one among them. */
  expected_classes: z.array(CLASS).min(1),
  /** From 1; null for a healthy log. */
  expected_first_bad_line: z.number().int().positive().nullable(),
  benign: z.boolean(),
  verdict: z.enum(['product', 'lab', 'config', 'benign']),
  note: z.string().default(''),
});

export type Label = z.output<typeof LABEL>;

/** A first bad line this near to the labelled one is right. */
const NEAR_LINES = 3;

export interface Score {
  logs: number;
  /** The primary class is the labelled one. */
  primary: number;
  /** The primary class is one of those labelled. */
  lenient: number;
  healthy: number;
  falseAlarms: number;
  broken: number;
  firstBadLine: number;
  /** Whose fault it is agrees with the label. */
  blame: number;
  /** Labelled classes, and those of them that were found. */
  classes: number;
  classesFound: number;
  confusions: Confusion[];
}

export interface Confusion {
  file: string;
  expected: string;
  got: string;
  expectedLine: number | null;
  line: number | null;
  expectedBlame: string;
  blame: string;
  note: string;
}

/** Compares what was said of logs with their labels. */
export function score(results: readonly { file: string; label: Label; result: Classification }[]): Score {
  const total: Score = {
    ...{ logs: 0, primary: 0, lenient: 0, healthy: 0, falseAlarms: 0, broken: 0, firstBadLine: 0, blame: 0 },
    ...{ classes: 0, classesFound: 0, confusions: [] },
  };
  for (const { file, label, result } of results) {
    const { primary_class: expected, expected_first_bad_line: expectedLine } = label;
    const right = result.primary === expected;
    const near = isNear(expectedLine, result.firstBadLine);
    total.logs++;
    if (right) total.primary++;
    if (label.expected_classes.includes(result.primary)) total.lenient++;
    if (label.benign) {
      total.healthy++;
      if (result.primary !== 'benign') total.falseAlarms++;
    } else {
      total.broken++;
      if (near) total.firstBadLine++;
      total.classes += label.expected_classes.length;
      total.classesFound += label.expected_classes.filter((kind) => result.classes.includes(kind)).length;
    }
    if (result.verdict === label.verdict) total.blame++;
    if (right && near && result.verdict === label.verdict) continue;
    total.confusions.push({
      ...{ file, expected, got: result.primary, expectedLine, line: result.firstBadLine },
      ...{ expectedBlame: label.verdict, blame: result.verdict, note: label.note },
    });
  }
  return total;
}

function isNear(expected: number | null, got: number | null): boolean {
  if (expected === null || got === null) return expected === got;
  return Math.abs(expected - got) <= NEAR_LINES;
}

/** Reads and classifies each labelled log of a folder. Throws ConfigError, naming the file that is wrong. */
export function classifyFolder(dir: string): { file: string; label: Label; result: Classification }[] {
  const names = listOf(dir).filter((name) => name.endsWith('.log'));
  if (names.length === 0)
    throw new ConfigError(`there is no *.log in ${dir}`, {
      hint: 'each log needs its label: 001.log, 001.json',
    });
  return names.sort().map((file) => {
    const label = labelOf(join(dir, file.replace(/log$/, 'json')));
    const classifier = new LogClassifier();
    classifier.push(readFileSync(join(dir, file)));
    return { file, label, result: classifier.end() };
  });
}

function listOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    throw new ConfigError(`can't read the folder ${dir}: ${messageOf(cause)}`, { cause });
  }
}

function labelOf(path: string): Label {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`can't read the label ${path}: ${messageOf(cause)}`, { cause });
  }
  const label = LABEL.safeParse(data);
  if (!label.success) throw new ConfigError(`${path} is no label: ${z.prettifyError(label.error)}`);
  return label.data;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
}

function report(total: Score): string {
  const rows = [
    ['primary class right', percent(total.primary, total.logs)],
    ['one of the labelled classes', percent(total.lenient, total.logs)],
    ['healthy logs flagged', percent(total.falseAlarms, total.healthy)],
    [`first bad line within ${NEAR_LINES}`, percent(total.firstBadLine, total.broken)],
    ['whose fault right', percent(total.blame, total.logs)],
    ['labelled classes found', percent(total.classesFound, total.classes)],
  ];
  const confusions = total.confusions.map(
    ({ file, expected, got, expectedLine, line, expectedBlame, blame, note }) =>
      `${file}: expected ${expected} at ${expectedLine ?? '-'} (${expectedBlame}), got ${got} at ${line ?? '-'} (${blame})` +
      (note === '' ? '' : `\n    ${note}`),
  );
  return [...rows.map(([what = '', value]) => `${what.padEnd(28)} ${value}`), '', ...confusions].join('\n');
}

function main(words: readonly string[]): number {
  const [dir, ...more] = words.filter((word) => word !== '--json');
  if (dir === undefined || more.length > 0 || dir.startsWith('-')) {
    console.error('usage: npm run evaluate -- DIR [--json]   (DIR has 001.log, 001.json, ...)');
    return 2;
  }
  try {
    const total = score(classifyFolder(dir));
    console.log(words.includes('--json') ? JSON.stringify(total, null, 2) : report(total));
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`evaluate: ${error.message}${error.hint === undefined ? '' : `\n  hint: ${error.hint}`}`);
    return 2;
  }
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
