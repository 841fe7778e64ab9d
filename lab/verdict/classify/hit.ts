/** A line that a signature matched, and what the signature says of just this line. */
import type { Blame, FailureClass, Role, Signature } from '../signatures/signature.ts';
import { stampOf } from './stamp.ts';

export interface Hit {
  signature: string;
  class: FailureClass;
  blame: Blame;
  role: Role;
  meaning: string;
  next: string;
  /** Null where the signature does not read it. */
  device: string | null;
  /** Clean, as it stood. */
  text: string;
  /** Physical lines, from 1. */
  lines: [first: number, last: number];
  wallS: number | null;
  kernelS: number | null;
  /** The catalogue's entry: rates and what ends it. */
  entry: Signature;
  /** Which boot of the log it is of, from 0. */
  boot: number;
}

export interface Sighting {
  signature: Signature;
  text: string;
  groups: Readonly<Record<string, string>>;
  lines: [first: number, last: number];
  /** Seconds on a clock that all lines share, where the text has no stamp of its own. */
  atS?: number;
}

/** Longer texts say no more to a reader. */
const TEXT_MAX = 1000;

/** What the first of a signature's rules that holds replaces. */
export function ruleOf(
  signature: Signature,
  groups: Sighting['groups'],
): NonNullable<Signature['when']>[number]['means'] | undefined {
  return signature.when?.find(({ group, is }) => is.includes(groups[group] ?? ''))?.means;
}

/** What the signature means on this line: the first of its rules that holds replaces its defaults. At most so much of the text is kept. */
export function hitOf({ signature, text, groups, lines, atS }: Sighting, textMax = TEXT_MAX): Hit {
  const rule = ruleOf(signature, groups);
  const { class: kind, blame, role, meaning, next } = rule ? { ...signature, ...rule } : signature;
  const { wallS, kernelS } = stampOf(text);
  return {
    signature: signature.id,
    class: kind,
    blame,
    role,
    meaning,
    next,
    lines,
    entry: signature,
    boot: 0,
    device: groups.device?.trim() || groups.module?.trim() || null,
    text: text.slice(0, textMax),
    wallS: atS ?? wallS,
    kernelS,
  };
}

/** Seconds from one hit to another of the same log; null where their clocks can't be compared. */
export function secondsBetween(from: Hit, to: Hit): number | null {
  if (from.kernelS !== null && to.kernelS !== null && from.boot === to.boot) return to.kernelS - from.kernelS;
  if (from.wallS !== null && to.wallS !== null) return to.wallS - from.wallS;
  return null;
}

/** Whether two hits can be about the same thing: names of USB interfaces and their devices count as one. */
export function sameDevice(a: Hit, b: Hit): boolean {
  if (a.device === null || b.device === null) return true;
  const [first, second] = [bare(a.device), bare(b.device)];
  return first === second || first.startsWith(`${second}:`) || second.startsWith(`${first}:`);
}

function bare(device: string): string {
  return device.replace(/^.*\s/, '');
}
