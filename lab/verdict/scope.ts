/** What is said of one test on one board: from the events of its time to records and actions, and to findings. */

import type { Classification, HarnessAction } from './classify/finding.ts';
import { classifyRecords, type LogRecord } from './classify/records.ts';
import { stampOf } from './classify/stamp.ts';
import { actionsOf } from './scope-actions.ts';
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

/** Findings of what was logged; their lines are the numbers of records, from 1. */
export function classifyEvidence(
  { records, actions }: ScopeEvidence,
  signatures: readonly Signature[],
): Classification {
  const classification = classifyRecords(records, actions, signatures);
  return { ...classification, findings: classification.findings.slice(0, FINDINGS_MAX) };
}

/** The records as a numbered log, in seconds since the test began. */
export function evidenceLog(records: readonly LogRecord[], fromS: number): string {
  const width = String(records.length).length;
  return records
    .map(({ text, atS }, index) => {
      const line = text.replaceAll(/[\r\n]/g, ' ');
      return `${String(index + 1).padStart(width)} ${(atS - fromS).toFixed(3).padStart(9)} ${line}\n`;
    })
    .join('');
}

/** Log lines and what the harness did, of the events of one board. `fromS`: when the test began; older lines are not of it. */
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
