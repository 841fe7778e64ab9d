/** Console and kernel lines that say that the board is dying or starting anew. */

export interface Trouble {
  kind: 'panic' | 'oops' | 'bug' | 'lockup' | 'hung-task' | 'boot';
  text: string;
}

/** Formats of the Linux kernel: kernel/panic.c, arch/x86/mm/fault.c, lib/bug.c, kernel/watchdog.c, kernel/hung_task.c. */
const PATTERNS: readonly { kind: Trouble['kind']; literal: string; pattern: RegExp }[] = [
  { kind: 'panic', literal: 'Kernel panic', pattern: /Kernel panic - not syncing:? ?(.*)/ },
  { kind: 'oops', literal: 'Oops', pattern: /(Oops(?: - \w+)?: .*)/ },
  { kind: 'bug', literal: 'BUG', pattern: /((?:kernel BUG at|BUG: (?!soft lockup)).*)/ },
  { kind: 'lockup', literal: 'lockup', pattern: /((?:soft|hard) lockup.*)/i },
  { kind: 'hung-task', literal: 'blocked for more than', pattern: /(task \S+ blocked for more than .*)/ },
  { kind: 'boot', literal: 'Linux version ', pattern: /(Linux version \S+)/ },
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
