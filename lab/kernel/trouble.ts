/** Console and kernel lines that say that the board is dying or starting anew. */

export interface Trouble {
  kind: 'panic' | 'oops' | 'bug' | 'lockup' | 'hung-task' | 'boot';
  text: string;
}

/**
 * Formats of the Linux kernel: kernel/panic.c, arch/x86/kernel/dumpstack.c and arch/arm64/kernel/traps.c (`die`: a number
 * of the fault, then `[#` and how many there were), lib/bug.c, kernel/watchdog.c, kernel/rcu/tree_stall.h,
 * kernel/hung_task.c, init/version.c. The first that matches counts.
 */
const PATTERNS: readonly { kind: Trouble['kind']; literal: string; pattern: RegExp }[] = [
  { kind: 'panic', literal: 'Kernel panic', pattern: /Kernel panic - not syncing:? ?(.*)/ },
  { kind: 'oops', literal: 'Oops', pattern: /(Oops(?: - [^:]+)?: .*)/ },
  { kind: 'oops', literal: ' [#', pattern: /([A-Za-z][^\]]*: [0-9a-f]{1,16} \[#\d+\].*)/ },
  { kind: 'lockup', literal: 'lockup', pattern: /((?:soft|hard|workqueue) lockup.*)/i },
  {
    kind: 'lockup',
    literal: 'detected',
    pattern: /(rcu\S*\s.*(?:self-detected stall|detected stalls) on .*)/,
  },
  { kind: 'bug', literal: 'BUG', pattern: /((?:kernel BUG at|BUG: ).*)/ },
  { kind: 'hung-task', literal: 'blocked for more than', pattern: /(task \S+ blocked for more than .*)/ },
  { kind: 'boot', literal: 'Linux version ', pattern: /(Linux version \d\S*)/ },
];

/** What a line tells of trouble; null for an ordinary line. */
export function troubleOf(line: string): Trouble | null {
  for (const { kind, literal, pattern } of PATTERNS) {
    if (!line.includes(literal)) continue;
    const match = pattern.exec(line);
    if (match) return { kind, text: (match[1] ?? '').slice(0, 500) };
  }
  return null;
}
