/** From hits to findings and the one cause: the heart of classification. A pure function; nothing of where lines came from. */
import type { FailureClass } from '../signatures/signature.ts';
import { countingHits } from './filter.ts';
import type { Classification, Finding, FindingRole, HarnessAction } from './finding.ts';
import type { Hit } from './hit.ts';
import { type Incident, incidentsOf } from './incidents.ts';
import { inOrder } from './order.ts';
import { isCrash, type ReportExtent, ReportIndex } from './reports.ts';

export interface Evidence {
  /** In the order of their lines. */
  hits: readonly Hit[];
  reports?: readonly ReportExtent[];
  actions?: readonly HarnessAction[];
}

const HEALTHY: Classification = {
  primary: 'benign',
  classes: ['benign'],
  verdict: 'benign',
  firstBadLine: null,
  findings: [],
};

export function judge({ hits, reports = [], actions = [] }: Evidence): Classification {
  const index = new ReportIndex(reports);
  const incidents = incidentsOf(countingHits(inOrder(withoutInsides(hits, index)), actions));
  const main = mainOf(incidents);
  if (!main) return HEALTHY;
  const findings = incidents
    .flatMap((incident) => findingsOf(incident, incident === main, index))
    .sort((a, b) => a.lines[0] - b.lines[0]);
  const classes = new Set<FailureClass>([main.cause.class, ...findings.map((finding) => finding.class)]);
  return {
    primary: main.cause.class,
    classes: [...classes],
    verdict: main.cause.blame,
    firstBadLine: firstBadLineOf(main),
    findings,
  };
}

/** Where it went wrong: consequences count only where nothing else was seen. */
function firstBadLineOf({ hits, cause }: Incident): number {
  const telling = hits.filter(({ role }) => role !== 'consequence');
  return [cause, ...telling].reduce(
    (first, { lines }) => Math.min(first, lines[0]),
    Number.POSITIVE_INFINITY,
  );
}

/**
 * A report is told by the first line in it that says what it is of; its other lines are no failures of their own, but for
 * the panic that it ended in.
 */
function withoutInsides(hits: readonly Hit[], reports: ReportIndex): Hit[] {
  const told = new Map<ReportExtent, Set<FailureClass>>();
  return hits.filter((hit) => {
    const report = isCrash(hit.class) ? reports.at(hit.lines[0]) : undefined;
    if (!report) return true;
    const classes = told.get(report) ?? new Set<FailureClass>();
    const further = classes.size > 0 && hit.class !== 'panic';
    if (further || classes.has(hit.class) || (hit.role !== 'root' && hit.role !== 'symptom')) return false;
    told.set(report, classes.add(hit.class));
    return true;
  });
}

/** The earliest incident that names a root; else with a symptom; else any. */
function mainOf(incidents: readonly Incident[]): Incident | undefined {
  return (
    incidents.find(({ cause }) => cause.role === 'root') ??
    incidents.find(({ cause }) => cause.role === 'symptom') ??
    incidents[0]
  );
}

function findingsOf({ hits, cause }: Incident, main: boolean, reports: ReportIndex): Finding[] {
  const merged = new Map<string, { first: Hit; last: Hit; count: number; cause: boolean }>();
  for (const hit of hits) {
    const key = `${hit.signature} ${hit.class} ${hit.device ?? ''}`;
    const known = merged.get(key);
    if (!known) merged.set(key, { first: hit, last: hit, count: 1, cause: hit === cause });
    else {
      if (hit.lines[0] < known.first.lines[0]) known.first = hit;
      if (hit.lines[1] > known.last.lines[1]) known.last = hit;
      known.count++;
      known.cause ||= hit === cause;
    }
  }
  return [...merged.values()].map(({ first, last, count, cause: causal }) => {
    const report = isCrash(first.class) ? reports.at(first.lines[0]) : undefined;
    const end = Math.max(last.lines[1], report?.lines[1] ?? 0);
    return {
      class: first.class,
      role: roleOf(first, causal, main),
      verdict: first.blame === 'benign' ? 'product' : first.blame,
      lines: [first.lines[0], end],
      count,
      signature: first.signature,
      text: first.text,
      meaning: first.meaning,
      next: first.next,
      device: first.device,
      atS: first.kernelS ?? first.wallS,
      ...(report ? { crash: report.summary } : {}),
    };
  });
}

/** A root that another root came before in its incident follows from it. */
function roleOf(hit: Hit, causal: boolean, main: boolean): FindingRole {
  if (causal) return main ? 'cause' : 'root';
  return hit.role === 'consequence' ? 'consequence' : 'symptom';
}
