/**
 * Whether a board can be trusted, as a state machine over what checks say, kept on disk: healthy -> suspect -> quarantined ->
 * in repair -> healthy. A quarantined board gets no tests; who asks for it by name takes it into repair.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { replaceFile } from '../replace-file.ts';

export const HEALTHS = ['healthy', 'suspect', 'quarantined', 'in repair'] as const;
export type Health = (typeof HEALTHS)[number];

const HealthRecord = z.object({
  health: z.enum(HEALTHS),
  /** What brought it there; empty while it is healthy. */
  why: z.string(),
  /** ISO 8601. */
  since: z.string(),
});
export type HealthRecord = z.output<typeof HealthRecord>;

/** What happened to a board, as far as trust in it goes. */
export type HealthEvent =
  /** The lab failed on it, or a check found something wrong. */
  | 'failed'
  /** It can't be brought up: nothing more is tried. */
  | 'gave up'
  /** Somebody has asked for it by name. */
  | 'taken'
  /** Switched, booted, and reached by console and SSH as it should be. */
  | 'proven';

const NEXT: Readonly<Record<Health, Readonly<Record<HealthEvent, Health>>>> = {
  healthy: { failed: 'suspect', 'gave up': 'quarantined', taken: 'healthy', proven: 'healthy' },
  // Once may be bad luck.
  suspect: { failed: 'quarantined', 'gave up': 'quarantined', taken: 'suspect', proven: 'healthy' },
  quarantined: { failed: 'quarantined', 'gave up': 'quarantined', taken: 'in repair', proven: 'healthy' },
  'in repair': { failed: 'quarantined', 'gave up': 'quarantined', taken: 'in repair', proven: 'healthy' },
};

export interface HealthBookOptions {
  path: string;
  /** Called after each change. */
  onChange: (board: string, record: HealthRecord) => void;
  log: (message: string) => void;
}

export class HealthBook {
  readonly #options: HealthBookOptions;
  readonly #records: Map<string, HealthRecord>;

  constructor(options: HealthBookOptions) {
    this.#options = options;
    this.#records = new Map(Object.entries(read(options)));
  }

  of(board: string): HealthRecord {
    return this.#records.get(board) ?? { health: 'healthy', why: '', since: '' };
  }

  /** Why it gets no tests; null when it may. */
  unfit(board: string): string | null {
    const { health, why } = this.of(board);
    return health === 'quarantined' || health === 'in repair' ? `${health}: ${why}` : null;
  }

  /** It must be proven before it is used. */
  isDoubtful(board: string): boolean {
    return this.of(board).health !== 'healthy';
  }

  happened(board: string, event: HealthEvent, why: string): void {
    const before = this.of(board);
    const health = NEXT[before.health][event];
    if (health === before.health) return;
    // Who takes it into repair wants to know what was wrong.
    const reason = health === 'healthy' ? '' : event === 'taken' ? before.why : why;
    const record = { health, why: reason, since: new Date().toISOString() };
    this.#records.set(board, record);
    this.#write();
    this.#options.onChange(board, record);
  }

  #write(): void {
    const { path, log } = this.#options;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      replaceFile(path, JSON.stringify(Object.fromEntries(this.#records), null, 2));
    } catch (error) {
      log(`the health of the boards could not be written: ${messageOf(error)}`);
    }
  }
}

/** What is damaged is begun anew: a board that is bad shows it soon. */
function read({ path, log }: HealthBookOptions): Record<string, HealthRecord> {
  try {
    return z.record(z.string(), HealthRecord).parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (!/ENOENT/.test(messageOf(error))) log(`${path} is damaged and begun anew: ${messageOf(error)}`);
    return {};
  }
}
