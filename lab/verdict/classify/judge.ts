/** From hits to findings and the one cause: the heart of classification. A pure function; nothing of where lines came from. */
import type { FailureClass } from '../signatures/signature.ts';
import { countingHits } from './filter.ts';
import type { Classification, Finding, FindingRole, HarnessAction } from './finding.ts';
import type { Hit } from './hit.ts';
import { type Incident, incidentsOf } from './incidents.ts';
import { inOrder } from './order.ts';
import { isCrash, type ReportExtent } from './reports.ts';

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
  const incidents = incidentsOf(countingHits(inOrder(withoutInsides(hits, reports)), actions));
  const main = mainOf(incidents);
  if (!main) return HEALTHY;
  const findings = incidents
    .flatMap((incident) => findingsOf(incident, incident === main, reports))
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

/** A report is told by the first line in it that says what it is of; its other lines are no failures of their own. */
function withoutInsides(hits: readonly Hit[], reports: readonly ReportExtent[]): Hit[] {
  const told = new Set<ReportExtent>();
  return hits.filter((hit) => {
    const report = isCrash(hit.class) ? reportOf(hit, reports) : undefined;
    if (!report) return true;
    if (told.has(report) || (hit.role !== 'root' && hit.role !== 'symptom')) return false;
    told.add(report);
    return true;
  });
}

function reportOf(hit: Hit, reports: readonly ReportExtent[]): ReportExtent | undefined {
  return reports.find(({ lines: [first, last] }) => hit.lines[0] >= first && hit.lines[0] <= last);
}

/** The earliest incident that names a root; else with a symptom; else any. */
function mainOf(incidents: readonly Incident[]): Incident | undefined {
  return (
    incidents.find(({ cause }) => cause.role === 'root') ??
    incidents.find(({ cause }) => cause.role === 'symptom') ??
    incidents[0]
  );
}

function findingsOf({ hits, cause }: Incident, main: boolean, reports: readonly ReportExtent[]): Finding[] {
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
    const report = isCrash(first.class) ? reportOf(first, reports) : undefined;
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
