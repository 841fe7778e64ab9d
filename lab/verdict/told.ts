/** A finding on one line, as annotations carry it and reports show it. */
import type { Payload } from '../journal/event.ts';

export type ShortFinding = Pick<Payload<'verdict.finding'>, 'class' | 'signature' | 'verdict' | 'text'>;

const SHOWN = 300;
const LINE = /^(\S+) (\S+) \((product|lab|config)\): (.*)$/s;

/** `deauth mac80211/deauth (product): wlan1: deauthenticated from ...`. */
export function findingLine({ class: kind, signature, verdict, text }: ShortFinding): string {
  return `${kind} ${signature} (${verdict}): ${text.slice(0, SHOWN)}`;
}

/** What findingLine made; null for anything else. */
export function parseFindingLine(line: string): ShortFinding | null {
  const [, kind, signature, verdict, text] = LINE.exec(line) ?? [];
  if (kind === undefined || signature === undefined || text === undefined) return null;
  if (verdict !== 'product' && verdict !== 'lab' && verdict !== 'config') return null;
  return { class: kind, signature, verdict, text };
}
