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

/** Lines after which a board does nothing more, with the code of the failure: kernel/panic.c, kernel/watchdog.c, kernel/exit.c. */
const ENDS: readonly { literal: string; pattern: RegExp; code: string; words: string }[] = [
  {
    literal: 'Kernel panic',
    pattern: /Kernel panic - not syncing:? ?(.*)/,
    code: 'kernel-panic',
    words: 'kernel panic: ',
  },
  // One that lasts ends no more by itself.
  {
    literal: 'soft lockup',
    pattern: /(soft lockup - CPU#\d+ stuck for (?:[6-9]\d|\d{3,})s.*)/,
    code: 'lockup',
    words: '',
  },
  {
    literal: 'reboot is needed',
    pattern: /(Fixing recursive fault but reboot is needed)/,
    code: 'kernel-panic',
    words: '',
  },
  { literal: 'System halted', pattern: /reboot: (System halted)/, code: 'halted', words: '' },
];

/** What a line says the board has ended of; null where it may live on (after an oops, for one). */
export function endOfBoard(line: string): { code: string; message: string } | null {
  for (const { literal, pattern, code, words } of ENDS) {
    const match = line.includes(literal) ? pattern.exec(line) : null;
    if (match && !line.includes('[ end Kernel'))
      return { code, message: `${words}${(match[1] ?? '').slice(0, 500)}` };
  }
  return null;
}

/** What a line tells of trouble; null for an ordinary line. */
export function troubleOf(line: string): Trouble | null {
  for (const { kind, literal, pattern } of PATTERNS) {
    if (!line.includes(literal)) continue;
    const match = pattern.exec(line);
    if (match) return { kind, text: (match[1] ?? '').slice(0, 500) };
  }
  return null;
}
