/** What is said of one test on one board: from the events of its time to records and actions, and to findings. */

import type { Classification, HarnessAction } from './classify/finding.ts';
import { classifyRecords, type LogRecord } from './classify/records.ts';
import { stampOf } from './classify/stamp.ts';
import { consoleLines } from './scope-console.ts';
import type { ScopeEvent } from './scope-events.ts';
import type { Signature } from './signatures/signature.ts';

export interface ScopeEvidence {
  /** In the order of their times. */
  records: LogRecord[];
  actions: HarnessAction[];
}

/** What was logged this long before a test began can still be of it: times are estimates. */
const EARLY_S = 1;
/** More findings than these say no more. */
const FINDINGS_MAX = 200;

/** Findings of the events, in their order, of one board. `fromS`: when the test began; older records are not of it. */
export function classifyScope(
  events: readonly ScopeEvent[],
  signatures: readonly Signature[],
  fromS = Number.NEGATIVE_INFINITY,
): Classification {
  const { records, actions } = evidenceOf(events, fromS);
  const classification = classifyRecords(records, actions, signatures);
  return { ...classification, findings: classification.findings.slice(0, FINDINGS_MAX) };
}

/** Log lines and what the harness did, of the events of one board. */
export function evidenceOf(events: readonly ScopeEvent[], fromS = Number.NEGATIVE_INFINITY): ScopeEvidence {
  const records = [...daemonLines(events), ...kernelRecords(events), ...consoleLines(events)];
  return {
    records: records.filter(({ atS }) => atS >= fromS - EARLY_S).sort((a, b) => a.atS - b.atS),
    actions: actionsOf(events),
  };
}

function daemonLines(events: readonly ScopeEvent[]): LogRecord[] {
  return events.flatMap(({ kind, data, atS }) => {
    const said = kind === 'hostapd.line' || kind === 'wpa_supplicant.line' || kind === 'dhcp.line';
    return said ? [{ text: stampOf(data.text).message, atS }] : [];
  });
}

/**
 * Kernel records by when they were logged, not when they were read: after a boot the whole ring comes at once. The kernel's
 * clock may stand still but never runs ahead, so no record was logged later, on ours, than the least delay of those after
 * it allows.
 */
function kernelRecords(events: readonly ScopeEvent[]): LogRecord[] {
  const records: LogRecord[] = [];
  let offsetS = Number.POSITIVE_INFINITY;
  for (const { kind, data, atS } of events.toReversed()) {
    if (kind === 'kernel.boot') offsetS = Number.POSITIVE_INFINITY;
    if (kind !== 'kernel.record') continue;
    const loggedS = data.us / 1e6;
    offsetS = Math.min(offsetS, atS - loggedS);
    records.push({ text: data.text, atS: loggedS + offsetS });
  }
  return records.reverse();
}

const POWER: Readonly<Record<string, HarnessAction['kind']>> = {
  on: 'power',
  off: 'power',
  cycle: 'power',
  reset: 'reset',
  freeze: 'freeze',
  thaw: 'freeze',
};

/** Told when they are done, with how long they took; what was cut or frozen and not restored is so to the end. */
function actionsOf(events: readonly ScopeEvent[]): HarnessAction[] {
  const actions: HarnessAction[] = [];
  let cutS: number | null = null;
  let frozenS: number | null = null;
  for (const { kind, data, atS } of events) {
    if (kind === 'power.action') {
      const did = POWER[data.action];
      const fromS = atS - data.durationMs / 1000;
      if (did !== undefined) actions.push({ kind: did, fromS: frozenS ?? fromS, toS: atS });
      frozenS = data.action === 'freeze' ? (frozenS ?? fromS) : null;
    } else if (kind === 'power.event' && data.event === 'snapshot') {
      const tookS = Number.parseFloat(data.detail ?? '') / 1000;
      actions.push({ kind: 'snapshot', fromS: atS - (Number.isFinite(tookS) ? tookS : 0), toS: atS });
    } else if (kind === 'power.event' && data.event === 'network link cut') cutS ??= atS;
    else if (kind === 'power.event' && data.event === 'network link up') {
      if (cutS !== null) actions.push({ kind: 'network-cut', fromS: cutS, toS: atS });
      cutS = null;
    } else if (kind === 'harness.action') {
      const { action, durationMs, signatures } = data;
      const expected = signatures === undefined ? {} : { signatures };
      actions.push({ kind: action, fromS: atS - durationMs / 1000, toS: atS, ...expected });
    }
  }
  const endS = events.at(-1)?.atS ?? 0;
  if (cutS !== null) actions.push({ kind: 'network-cut', fromS: cutS, toS: endS });
  if (frozenS !== null) actions.push({ kind: 'freeze', fromS: frozenS, toS: endS });
  return actions;
}
