/** What a crash report of the kernel says, and the fingerprint by which two of them are told the same. */
import type { CrashSummary } from '../classify/finding.ts';
import type { FailureClass } from '../signatures/signature.ts';

export const CRASH_KINDS = [
  'oops',
  'bug',
  'warn',
  'panic',
  'soft-lockup',
  'hard-lockup',
  'workqueue-lockup',
  'hung-task',
  'rcu-stall',
  'kasan',
  'kfence',
  'ubsan',
  'lockdep',
  'atomic-sleep',
  'bad-page',
  'list-corruption',
  'refcount',
  'oom',
  'allocation-failure',
  'firmware',
  'devcoredump',
] as const;

export type CrashKind = (typeof CRASH_KINDS)[number];

export interface CrashReport extends CrashSummary {
  kind: CrashKind;
  class: FailureClass;
  /** One sentence: what the opening line says, and whether the kernel panicked over it. */
  title: string;
  pid: number | null;
  cpu: number | null;
  /** The reason of the panic that it ended in; null where the kernel lived on. */
  panic: string | null;
  /** First and last line of its extent, by the numbers that came with the lines. */
  lines: [first: number, last: number];
  /** The lines of the report, as they came. */
  text: string[];
  /** Its end was seen; otherwise the log ended or went on with something else. */
  complete: boolean;
}

/** So many frames tell where a crash is; deeper ones differ with who called. */
const FRAMES = 5;
/** What differs between two crashes at the same place: addresses, and who ran where. */
const VARIABLE = /\b(?:0x)?[0-9a-f]{8,16}\b|\b0x[0-9a-f]+\b|(?<=CPU ?[#:]? ?)\d+|(?<=\bPID: )\d+|\[[^\]]*\]/g;

/** Hash of a kind and its first meaningful frames; of the title, where the report names no function. */
export function fingerprintOf(kind: CrashKind, frames: readonly string[], title: string): string {
  const place = frames.length === 0 ? [title.replace(VARIABLE, '')] : frames.slice(0, FRAMES);
  return fnv1a64([kind, ...place].join('\n'));
}

/** FNV-1a of 64 bits (Fowler, Noll, Vo), over the UTF-16 units of the text; 16 hexadecimal digits. */
function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < text.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
