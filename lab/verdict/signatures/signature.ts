/** What a signature is: a known pattern of log lines, and what one of its lines means. Data first; see index.ts. */

/**
 * What can be wrong, most of it one word a subsystem would use. `benign` is the class of lines that only look alarming,
 * and of a log in which nothing is wrong.
 */
export const FAILURE_CLASSES = [
  'fw-missing',
  'fw-crash',
  'fw-timeout',
  'tx-stall',
  'deauth',
  'assoc-fail',
  'handshake-timeout',
  'beacon-loss',
  'module-mismatch',
  'probe-fail',
  'no-driver',
  'wrong-driver',
  'wrong-usb-config',
  'usb-disconnect',
  'usb-error',
  'no-data',
  'dhcp-fail',
  'modem-at-error',
  'sim-error',
  'oops',
  'panic',
  'warn',
  'hung-task',
  'rcu-stall',
  'lockup',
  'oom',
  'memory-corruption',
  'dma-fault',
  'sdio-error',
  'pcie-error',
  'thermal',
  'undervoltage',
  'regulatory',
  'rfkill',
  'config-error',
  'ap-start-fail',
  'watchdog-reset',
  'fs-error',
  'benign',
] as const;

export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** Whose fault a line is where nothing else tells. `benign` lines are never reported. */
export type Blame = 'product' | 'lab' | 'config' | 'benign';

/**
 * What a line can be in the story of a failure.
 *
 * - `root`: can be its cause, and is where it is the earliest of its incident.
 * - `symptom`: the failure as it is felt (a queue stands still, a deauth, a WARN of mac80211 after the firmware died):
 *   the cause only where no root is near.
 * - `consequence`: follows from something earlier and names no cause (`-108`, `FW is in bad state`): never the cause
 *   beside a root or symptom.
 * - `hint`: says nothing by itself (`Direct firmware load ... failed`): counts only where `confirmedBy` follows.
 * - `marker`: no failure at all, but tells something: a boot, a success that ends a failure (`endedBy`), a state.
 * - `benign`: looks alarming and is not. Takes the line away from every other signature.
 */
export type Role = 'root' | 'symptom' | 'consequence' | 'hint' | 'marker' | 'benign';

export interface Signature {
  /** `<file>/<name>`, such as `mt76/mcu-timeout`: unique, and stable, for allow lists refer to it. */
  id: string;
  /**
   * Texts of which one is on each matching line, as the printk has them: case counts, at least 7 bytes of ASCII, and as
   * long and rare as can be. They are searched for first, all at once; the pattern is tried only where one was found.
   */
  literals: readonly string[];
  /**
   * What the line must look like besides; null where a literal says it all. Never anchored to the start of the line
   * (stamps and prefixes differ), linear: no nested or adjacent unbounded repetition. Named groups are read: `device` (what the
   * line is about, `wlan0`, `usb 1-2`, `0000:01:00.0`), `errno` (digits, without the sign), `reason`, `file`, `module`,
   * and whatever `when` asks for.
   */
  pattern: RegExp | null;
  class: FailureClass;
  blame: Blame;
  role: Role;
  /** One sentence for a person: what happened. Present tense, no full stop at its end. */
  meaning: string;
  /** What to look at or try next: a command or a sentence. */
  next: string;
  /** A rule for what a named group says: the first that holds replaces what it names. Values are compared as text. */
  when?: readonly {
    group: string;
    is: readonly string[];
    means: Partial<Pick<Signature, 'class' | 'blame' | 'role' | 'meaning' | 'next'>>;
  }[];
  /** It counts only where so many lines came within so many seconds (of the same `device`, if it has that group). */
  rate?: { count: number; withinS: number };
  /**
   * Absence as a signal: the line is no failure if one of these signatures follows within so many seconds (same `device`,
   * where both have that group). Without stamps, the rest of the boot is looked at.
   */
  endedBy?: { signatures: readonly string[]; withinS: number };
  /** For hints: what must follow in the same boot (same `device`, where both have that group) for it to count. */
  confirmedBy?: readonly string[];
  /** Within so many seconds; without stamps, within as many lines. Default: the rest of the boot. */
  confirmedWithinS?: number;
  /** Kernel version, source file, or program the format comes from. */
  source: string;
}
