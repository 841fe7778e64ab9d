/** Groups failures that belong together: one cause makes tens of lines. */
import type { FailureClass } from '../signatures/signature.ts';
import { type Hit, secondsBetween } from './hit.ts';

/** Failures this far apart are of two incidents. */
const APART_S = 30;
/** Told long after what it is about: timers of the kernel's watchdogs. */
const LATE: Readonly<Partial<Record<FailureClass, number>>> = {
  'hung-task': 260,
  'rcu-stall': 120,
  lockup: 60,
};
/** Without stamps: lines between two incidents. */
const APART_LINES = 150;

/** A cause that may be told after what follows from it, and the classes that do, within seconds before it. */
const EXPLAINS: readonly { cause: FailureClass; what: readonly FailureClass[]; withinS: number }[] = [
  {
    cause: 'undervoltage',
    what: ['usb-disconnect', 'usb-error', 'sdio-error', 'fs-error', 'pcie-error', 'fw-timeout', 'fw-crash'],
    withinS: 10,
  },
  { cause: 'thermal', what: ['fw-timeout', 'fw-crash', 'usb-disconnect', 'pcie-error'], withinS: 10 },
];
/** A symptom told this long before a root names what the root did. */
const SYMPTOM_FIRST_S = 2;
const SYMPTOM_FIRST_LINES = 8;

export interface Incident {
  hits: Hit[];
  cause: Hit;
}

/** Incidents in order, each with its cause. */
export function incidentsOf(hits: readonly Hit[]): Incident[] {
  const groups: Hit[][] = [];
  for (const hit of hits) {
    const open = groups.at(-1);
    const last = open?.at(-1);
    if (open && last && belongs(last, hit)) open.push(hit);
    else groups.push([hit]);
  }
  return groups.map((group) => ({ hits: group, cause: causeOf(group) }));
}

function belongs(last: Hit, hit: Hit): boolean {
  if (last.boot !== hit.boot) return false;
  const apart = secondsBetween(last, hit);
  if (apart === null) return Math.abs(hit.lines[0] - last.lines[1]) <= APART_LINES;
  return Math.abs(apart) <= (LATE[hit.class] ?? APART_S);
}

/** The earliest root; a symptom well before any root; the earliest of whatever there is. */
function causeOf(hits: readonly Hit[]): Hit {
  const [first] = hits;
  if (!first) throw new RangeError('an incident has at least one hit');
  const root = hits.find(({ role }) => role === 'root');
  const symptom = hits.find(({ role }) => role === 'symptom');
  const early = root && symptom && isWellBefore(symptom, root);
  const cause = early ? symptom : (root ?? symptom ?? first);
  return explanationOf(cause, hits) ?? cause;
}

function isWellBefore(symptom: Hit, root: Hit): boolean {
  if (root.lines[0] <= symptom.lines[0]) return false;
  const seconds = secondsBetween(symptom, root);
  return seconds === null
    ? root.lines[0] - symptom.lines[1] > SYMPTOM_FIRST_LINES
    : seconds > SYMPTOM_FIRST_S;
}

function explanationOf(cause: Hit, hits: readonly Hit[]): Hit | undefined {
  return hits.find((later) =>
    EXPLAINS.some((rule) => {
      if (rule.cause !== later.class || !rule.what.includes(cause.class)) return false;
      const seconds = secondsBetween(cause, later);
      return seconds === null || Math.abs(seconds) <= rule.withinS;
    }),
  );
}
