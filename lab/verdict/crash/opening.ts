/** The lines that open a crash report: data. A new kind is a row. */
import type { FailureClass } from '../signatures/signature.ts';
import type { CrashKind } from './report.ts';

export interface Opening {
  kind: CrashKind;
  class: FailureClass;
  /** Over the line without its stamp; the first group, where there is one, is the title. */
  pattern: RegExp;
  /** How many lines of something else may come before its stack; default 10. */
  patience?: number;
}

/** A line before the one that says what it is: lib/bug.c, kernel/panic.c; arch/arm/kernel/traps.c. */
const CUT_HERE = /-{4,}\[ cut here \]-{4,}|^\s*8<--- cut here ---/;

/**
 * Formats of Linux 3.x to 6.x, the first that matches counts: arch/{x86,arm,arm64}/mm/fault.c and kernel/traps.c, arch/mips,
 * arch/riscv, arch/powerpc, lib/bug.c, kernel/panic.c, kernel/watchdog.c, kernel/workqueue.c, kernel/hung_task.c,
 * kernel/rcu/tree_stall.h, mm/kasan, mm/kfence, lib/ubsan.c, kernel/locking/lockdep.c, kernel/sched/core.c,
 * mm/page_alloc.c, mm/oom_kill.c, lib/list_debug.c, lib/refcount.c.
 */
export const OPENINGS: readonly Opening[] = [
  { kind: 'panic', class: 'panic', pattern: /(?<!\[ end )(Kernel panic - not syncing.*)/ },
  { kind: 'kasan', class: 'memory-corruption', pattern: /(BUG: (?:KASAN|KMSAN|KCSAN): .*)/, patience: 20 },
  { kind: 'kfence', class: 'memory-corruption', pattern: /(BUG: KFENCE: .*)/, patience: 20 },
  { kind: 'soft-lockup', class: 'lockup', pattern: /(BUG: soft lockup - CPU#.*)/ },
  { kind: 'workqueue-lockup', class: 'lockup', pattern: /(BUG: workqueue lockup - .*)/, patience: 20 },
  { kind: 'hard-lockup', class: 'lockup', pattern: /(Watchdog detected hard LOCKUP on cpu.*)/i },
  {
    kind: 'atomic-sleep',
    class: 'warn',
    pattern:
      /(BUG: (?:sleeping function called from invalid context|scheduling while atomic|using \S+ in preemptible).*)/,
  },
  { kind: 'bad-page', class: 'memory-corruption', pattern: /(BUG: Bad (?:page|rss)\S* .*)/ },
  { kind: 'bug', class: 'oops', pattern: /(kernel BUG at .*)/ },
  {
    kind: 'oops',
    class: 'oops',
    pattern:
      /((?:BUG: )?(?:[Uu]nable to handle kernel|[Uu]nable to handle page fault|[Kk]ernel NULL pointer dereference|[Uu]nhandled kernel unaligned access|Unhandled fault: .* at 0x|stack guard page was hit).*)/,
  },
  { kind: 'oops', class: 'oops', pattern: /(general protection fault.*\[#\d+\].*)/ },
  {
    kind: 'oops',
    class: 'oops',
    pattern: /((?:Internal error: |\bOops(?: - [^:]{1,40})?: |\bOops ?\[#\d+\]).*)/,
  },
  { kind: 'oops', class: 'oops', pattern: /^([A-Za-z][^\]]{0,80}: [0-9a-f]{1,16} \[#\d+\].*)/ },
  { kind: 'ubsan', class: 'warn', pattern: /(UBSAN: .* in .*)/ },
  {
    kind: 'lockdep',
    class: 'warn',
    pattern:
      /((?:WARNING: |\[ INFO: )(?:possible (?:circular|recursive|irq lock inversion)|inconsistent lock state|bad unlock balance|suspicious RCU usage|\S+-safe -> \S+-unsafe lock order|held lock freed|lock held when returning|Nested lock was not taken|Invalid wait context|possible irq lock).*)/i,
    patience: 60,
  },
  {
    kind: 'warn',
    class: 'warn',
    pattern: /(WARNING: (?:CPU: \d+ PID: \d+ at |(?:\S+:\d+ )?at |\S+:\d+ ).*)/,
  },
  { kind: 'refcount', class: 'warn', pattern: /^(refcount_t: .*)/ },
  {
    kind: 'list-corruption',
    class: 'memory-corruption',
    pattern: /(list_(?:add|del) (?:corruption|double add).*)/,
  },
  {
    kind: 'hung-task',
    class: 'hung-task',
    pattern: /(task \S.*? blocked (?:in I\/O wait )?for more than \d+ seconds.*)/,
  },
  {
    kind: 'rcu-stall',
    class: 'rcu-stall',
    pattern: /(rcu\S* (?:self-detected stall on CPU|detected (?:expedited )?stalls on CPUs).*)/,
    patience: 20,
  },
  { kind: 'oom', class: 'oom', pattern: /(\S.* invoked oom-killer: .*)/, patience: 60 },
  { kind: 'allocation-failure', class: 'oom', pattern: /(\S.*: page allocation failure: order:\d+.*)/ },
  { kind: 'bug', class: 'oops', pattern: /^(BUG: (?!unable).*)/ },
];

/** drivers/base/firmware_loader/main.c, and what Debian adds to it. No failure by itself: drivers ask for several names. */
const FIRMWARE: Opening = {
  kind: 'firmware',
  class: 'fw-missing',
  pattern:
    /^(\S.{0,80}?: (?:firmware: failed to load \S+ \(-?\d+\)|Direct firmware load for \S+ failed with error -\d+))/,
};

const LITERALS =
  /cut here|BUG|WARNING: |Oops|panic - not|LOCKUP|fault|nable to handle|Internal error: |\[#\d|UBSAN: |\[ INFO: |refcount_t: |list_(?:add|del) |blocked |stall|oom-killer|allocation failure|unaligned/;

/** Cheap: whether a line can open a crash report. A line that does passes; few others do. */
export function opensCrash(text: string): boolean {
  return LITERALS.test(text);
}

export function isCutHere(message: string): boolean {
  return message.includes('cut here') && CUT_HERE.test(message);
}

/** A firmware request that failed; null for any other line. */
export function firmwareOpeningOf(message: string): { opening: Opening; title: string } | null {
  if (!message.includes('irmware')) return null;
  const title = FIRMWARE.pattern.exec(message)?.[1];
  return title === undefined ? null : { opening: FIRMWARE, title };
}

/** What the line (without its stamp) opens, and its words; null for any other line. */
export function openingOf(message: string): { opening: Opening; title: string } | null {
  if (!opensCrash(message)) return null;
  for (const opening of OPENINGS) {
    const match = opening.pattern.exec(message);
    if (match) return { opening, title: (match[1] ?? message).trim().slice(0, 300) };
  }
  return null;
}
