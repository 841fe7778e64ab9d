/** The one screen at the end of a run: what came of each suite, the traffic, what was notable, and where to look. */
import { relative } from 'node:path';
import { EXIT_CODES, type Verdict } from '../lab/verdict/verdict.ts';
import { type LiveView, mbits, sparkline } from './live.ts';
import type { TestRecord } from './record.ts';

const MAX_FLOWS = 5;
const MAX_EVENTS = 6;

/** What a verdict says, for those who don't know the word. */
const MEANING: Readonly<Record<Verdict, string>> = {
  pass: 'all that ran held',
  fail: 'the product misbehaved',
  config: 'the lab file, a suite or the command line is wrong',
  lab: 'the lab failed; nothing is known of the product',
  inconclusive: 'too little ran, or too noisily, to say',
  harness: 'a bug of the harness',
};

export interface Closing {
  records: readonly TestRecord[];
  view: LiveView;
  verdict: Verdict;
  durationMs: number;
  runDir: string;
}

export function closing({ records, view, verdict, durationMs, runDir }: Closing): string[] {
  const lines = ['', ...suiteLines(records), ...flowLines(view), ...eventLines(view)];
  const where = relative(process.cwd(), runDir) || runDir;
  lines.push(
    '',
    `verdict  ${verdict}: ${MEANING[verdict]} (exit code ${EXIT_CODES[verdict]}, ${seconds(durationMs)})`,
    `run      ${where.startsWith('..') ? runDir : where}  (timeline.html, journal.jsonl, artifacts/, summary.json, junit.xml)`,
  );
  return lines;
}

function suiteLines(records: readonly TestRecord[]): string[] {
  const suites = [...new Set(records.map(({ suite }) => suite))];
  const width = Math.max(8, ...suites.map((suite) => suite.length));
  return suites.map((suite) => {
    const own = records.filter((record) => record.suite === suite);
    const counts = new Map<string, number>();
    for (const { status, verdict } of own) {
      const word = status === 'skipped' || status === 'not-run' || status === 'flaky' ? status : verdict;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const told = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
    const ms = own.reduce((sum, { durationMs }) => sum + durationMs, 0);
    return `${suite.padEnd(width)} ${told}  (${seconds(ms)})`;
  });
}

/** The longest flows. */
function flowLines(view: LiveView): string[] {
  const flows = view.flows.filter(({ bitsPerSecond }) => bitsPerSecond.length > 0);
  const longest = [...flows]
    .sort((a, b) => b.bitsPerSecond.length - a.bitsPerSecond.length)
    .slice(0, MAX_FLOWS);
  const lines = flows
    .filter((flow) => longest.includes(flow))
    .map(({ label, board, bitsPerSecond }) => {
      const mean = bitsPerSecond.reduce((sum, rate) => sum + rate, 0) / bitsPerSecond.length;
      const least = bitsPerSecond.reduce((min, rate) => Math.min(min, rate));
      return `${board} ${label.padEnd(8)} ${sparkline(bitsPerSecond, 40)} ${mbits(mean)}, least ${mbits(least)}`;
    });
  return lines.length === 0 ? [] : ['', ...lines];
}

function eventLines(view: LiveView): string[] {
  const { shown, count } = view.notable;
  if (count === 0) return [];
  const more = count > MAX_EVENTS ? [`and ${count - MAX_EVENTS} more: hil journal`] : [];
  return ['', 'notable', ...[...shown.slice(0, MAX_EVENTS), ...more].map((text) => `  ${text}`)];
}

export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
