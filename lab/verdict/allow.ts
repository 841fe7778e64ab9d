/** Findings that somebody expects: how they are named, and which of a test's findings nobody does. */
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { Payload } from '../journal/event.ts';
import { distance } from '../text.ts';
import { FAILURE_CLASSES, type Role } from './signatures/signature.ts';

const Allowance = z.strictObject({
  signature: z.string(),
  reason: z.string().trim().min(1, 'a reason is needed'),
});
/** A finding that fails no test. `signature`: an id, a class, or all of a subsystem as `mt76/*`. */
export type Allowance = z.output<typeof Allowance>;

/** Findings as they come over the wire and out of a journal. */
export type ToldFinding = Payload<'verdict.finding'>;

/** Enough to tell a finding. */
type Named = Pick<ToldFinding, 'signature' | 'class'>;

/** Whether a name (an id, a class, or `prefix/*`) is of a finding. */
export function names(name: string, { signature, class: kind }: Named): boolean {
  return (
    name === signature || name === kind || (name.endsWith('/*') && signature.startsWith(name.slice(0, -1)))
  );
}

/** Allowances as a test or a profile gives them. Throws ConfigError for one without a reason, or that names nothing. */
export function parseAllowances(given: unknown, where: string, ids: readonly string[]): Allowance[] {
  const parsed = z.array(Allowance).safeParse(given);
  if (!parsed.success) {
    throw new ConfigError(`allow of ${where}: ${z.prettifyError(parsed.error)}`, {
      hint: "allow: [{ signature: 'mac80211/deauth', reason: 'why it is no failure here' }]",
    });
  }
  for (const { signature } of parsed.data) checkName(signature, `allow of ${where}`, ids);
  return parsed.data;
}

/** Throws ConfigError with what is close when a name is of no signature of the catalogue. */
export function checkName(name: string, where: string, ids: readonly string[]): void {
  const classes: readonly string[] = FAILURE_CLASSES;
  if (classes.includes(name) || ids.some((id) => names(name, { signature: id, class: '' }))) return;
  const close = [...ids, ...classes]
    .map((id) => ({ id, cost: distance(name.slice(0, 80), id) }))
    .sort((a, b) => a.cost - b.cost)
    .slice(0, 3)
    .map(({ id }) => id);
  throw new ConfigError(`${where}: no signature, class or group "${name}"`, {
    code: 'unknown-signature',
    hint: `the nearest: ${close.join(', ')}`,
  });
}

export interface Judged {
  /** Failures of the product that nobody expects, the primary one first. */
  unexpected: ToldFinding[];
  allowed: { finding: ToldFinding; reason: string }[];
}

/**
 * Which findings are the product's and unexpected. What follows from something else does not count by itself, but a root
 * beside a cause that is allowed does: it may be another failure.
 */
export function judgeFindings(
  findings: readonly ToldFinding[],
  allow: readonly Allowance[],
  roleOf: (signature: string) => Role | undefined,
): Judged {
  const allowed: Judged['allowed'] = [];
  const unexpected: ToldFinding[] = [];
  for (const finding of findings) {
    const reason = allow.find(({ signature }) => names(signature, finding))?.reason;
    if (reason !== undefined) allowed.push({ finding, reason });
    else if (finding.verdict === 'product' && counts(finding)) unexpected.push(finding);
  }
  return { unexpected: unexpected.sort((a, b) => rank(a) - rank(b)), allowed };

  function counts(finding: ToldFinding): boolean {
    if (finding.role === 'cause' || finding.role === 'root') return true;
    if (finding.role !== 'symptom' || roleOf(finding.signature) !== 'root') return false;
    const cause = causeOf(finding, findings);
    return cause !== undefined && isAllowed(cause);
  }

  function isAllowed(finding: Named): boolean {
    return allow.some(({ signature }) => names(signature, finding));
  }
}

/** Each incident has one cause: the nearest before, or the next one where what follows from it was told first. */
function causeOf({ lines }: ToldFinding, findings: readonly ToldFinding[]): ToldFinding | undefined {
  const causes = findings.filter(({ role }) => role === 'cause' || role === 'root');
  return causes.findLast((cause) => cause.lines[0] <= lines[0]) ?? causes[0];
}

function rank({ role }: ToldFinding): number {
  return role === 'cause' ? 0 : 1;
}
