/** Which hits count: rates reached, hints confirmed, failures not undone, nothing that the harness itself caused. */
import { names } from '../allow.ts';
import type { FailureClass } from '../signatures/signature.ts';
import type { HarnessAction } from './finding.ts';
import { type Hit, sameDevice, secondsBetween } from './hit.ts';
import { beginsBoot } from './order.ts';

/** Hits that are failures, of hits in order. */
export function countingHits(hits: readonly Hit[], actions: readonly HarnessAction[]): Hit[] {
  const failures = hits.filter((hit) => hit.role !== 'benign');
  return confirmed(failures.filter((hit, index, all) => !isUndone(hit, index, all)))
    .filter((hit) => hit.role !== 'marker' && !isExpected(hit, actions))
    .filter(reachesRate());
}

/** So many later hits are looked at for what a hint or a failure needs: keeps hostile logs from taking for ever. */
const LOOK_AHEAD = 2000;

/** The first of the hits after one, of the same boot, for which something holds. */
function laterInBoot(
  hits: readonly Hit[],
  index: number,
  holds: (later: Hit) => boolean,
  until: (later: Hit) => boolean = () => false,
): Hit | undefined {
  const end = Math.min(hits.length, index + 1 + LOOK_AHEAD);
  for (let at = index + 1; at < end; at++) {
    const later = hits[at];
    if (!later || later.boot !== hits[index]?.boot || until(later)) return undefined;
    if (holds(later)) return later;
  }
  return undefined;
}

/** A hint becomes a cause where what it needs follows, and is dropped where nothing does. */
function confirmed(hits: readonly Hit[]): Hit[] {
  return hits.flatMap((hit, index) => {
    if (hit.role !== 'hint') return [hit];
    return proofOf(hit, index, hits) ? [{ ...hit, role: 'root' as const }] : [];
  });
}

function proofOf(hit: Hit, index: number, hits: readonly Hit[]): Hit | undefined {
  const { confirmedBy = [], confirmedWithinS = Number.POSITIVE_INFINITY } = hit.entry;
  return laterInBoot(
    hits,
    index,
    (later) => proves(later, hit, confirmedBy) && sameDevice(later, hit),
    (later) => (secondsBetween(hit, later) ?? later.lines[0] - hit.lines[1]) > confirmedWithinS,
  );
}

/**
 * Of hits in order, those that may still count, or tell of one that may, whatever follows them: what is not undone yet, not
 * below its rate for good, no hint of a boot that is over. Markers have told what they can, but for boots.
 */
export function openHits(hits: readonly Hit[]): Set<Hit> {
  const last = hits.at(-1);
  const standing = hits.filter((hit, index) => hit.role !== 'marker' && !isUndone(hit, index, hits));
  const counted = atRate(standing);
  const open = new Set(hits.filter(({ role, signature }) => role === 'marker' && beginsBoot(signature)));
  for (const [index, hit] of standing.entries()) {
    const { rate } = hit.entry;
    const isOver = last !== undefined && hit.boot !== last.boot;
    const isRare = rate && !counted.has(hit) && (isOver || isLater(hit, last, rate.withinS));
    const isNothing = hit.role === 'hint' && isOver && !proofOf(hit, index, standing);
    if (!isRare && !isNothing) open.add(hit);
  }
  return open;
}

/** Without stamps, what comes so much later has another reason. */
function isLater(hit: Hit, last: Hit | undefined, withinS: number): boolean {
  return last !== undefined && (secondsBetween(hit, last) ?? Number.POSITIVE_INFINITY) > withinS;
}

/** Named, or a failure of the same device to come up. */
function proves(later: Hit, hint: Hit, ids: readonly string[]): boolean {
  if (ids.includes(later.signature)) return true;
  if (later.role === 'hint' || later.role === 'marker' || hint.device === null || later.device === null)
    return false;
  return later.class === 'probe-fail' || later.class === hint.class;
}

function isUndone(hit: Hit, index: number, hits: readonly Hit[]): boolean {
  const { endedBy } = hit.entry;
  if (!endedBy || hit.role === 'marker') return false;
  const ends = (later: Hit): boolean =>
    endedBy.signatures.includes(later.signature) && sameDevice(hit, later);
  const isLate = (later: Hit): boolean => (secondsBetween(hit, later) ?? 0) > endedBy.withinS;
  return laterInBoot(hits, index, ends, isLate) !== undefined;
}

/** Without stamps, so many lines are enough. Hits pass from where the rate is first reached, the ones that reach it too. */
function reachesRate(): (hit: Hit, index: number, all: readonly Hit[]) => boolean {
  let counted: Set<Hit> | null = null;
  return (hit, _index, all) => {
    counted ??= atRate(all);
    return hit.entry.rate === undefined || counted.has(hit);
  };
}

function atRate(hits: readonly Hit[]): Set<Hit> {
  const counted = new Set<Hit>();
  const recent = new Map<string, Hit[]>();
  for (const hit of hits) {
    const { rate } = hit.entry;
    if (!rate) continue;
    const key = `${hit.signature} ${hit.device ?? ''} ${hit.boot}`;
    const window = (recent.get(key) ?? []).filter(
      (earlier) => (secondsBetween(earlier, hit) ?? 0) <= rate.withinS,
    );
    window.push(hit);
    recent.set(key, window);
    if (window.length >= rate.count) for (const one of window) counted.add(one);
    if (window.length > rate.count) window.shift();
  }
  return counted;
}

const LINK: readonly FailureClass[] = [
  'deauth',
  'beacon-loss',
  'assoc-fail',
  'handshake-timeout',
  'no-data',
  'dhcp-fail',
];
const GONE: readonly FailureClass[] = [...LINK, 'usb-disconnect', 'tx-stall'];
const STOOD_STILL: readonly FailureClass[] = [...GONE, 'rcu-stall', 'lockup', 'hung-task'];

/** What follows from an action, and for how many seconds after it. */
const FOLLOWS: Readonly<Record<HarnessAction['kind'], { classes: readonly FailureClass[]; graceS: number }>> =
  {
    power: { classes: [...GONE, 'usb-error', 'fs-error', 'watchdog-reset'], graceS: 30 },
    reset: { classes: [...GONE, 'usb-error', 'fs-error', 'watchdog-reset'], graceS: 30 },
    freeze: { classes: STOOD_STILL, graceS: 10 },
    snapshot: { classes: STOOD_STILL, graceS: 10 },
    unload: { classes: [...GONE, 'ap-start-fail'], graceS: 5 },
    load: { classes: [], graceS: 0 },
    'link-down': { classes: LINK, graceS: 5 },
    'network-cut': { classes: ['no-data', 'dhcp-fail', 'tx-stall'], graceS: 5 },
    provoked: { classes: [], graceS: 2 },
  };
/** An action may be told a little after what it does. */
const EARLY_S = 1;

function isExpected(hit: Hit, actions: readonly HarnessAction[]): boolean {
  const at = hit.wallS;
  if (at === null) return false;
  return actions.some((action) => {
    const { classes, graceS } = FOLLOWS[action.kind];
    if (at < action.fromS - EARLY_S || at > action.toS + graceS) return false;
    if (action.kind !== 'provoked') return classes.includes(hit.class);
    const { signatures = [] } = action;
    return signatures.length === 0 || signatures.some((name) => names(name, hit));
  });
}
