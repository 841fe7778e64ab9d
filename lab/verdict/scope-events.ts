/** The events of one test on one board, as many as are needed to classify it and as fit. */
import type { EventKind, Payload } from '../journal/event.ts';

/** A union over kinds, so that `kind` narrows `data`. */
export type ScopeEvent = {
  [K in EventKind]: {
    kind: K;
    data: Payload<K>;
    /** Seconds on the controller's monotonic clock. */
    atS: number;
  };
}[EventKind];

/** What a board says, which is without bounds. */
const LOG: ReadonlySet<EventKind> = new Set<EventKind>([
  'console.line',
  'kernel.record',
  'hostapd.line',
  'wpa_supplicant.line',
  'dhcp.line',
]);
/** What tells how to read it. */
const CONTEXT: ReadonlySet<EventKind> = new Set<EventKind>([
  'kernel.boot',
  'power.action',
  'power.event',
  'link.state',
  'harness.action',
]);

export interface Limits {
  events: number;
  /** Characters of log lines. */
  chars: number;
}

const LIMITS: Limits = { events: 50_000, chars: 8 * 1024 * 1024 };
/** So much is dropped at once. */
const PART = 0.1;

export class ScopeEvents {
  readonly fromS: number;
  readonly #limits: Limits;
  #events: ScopeEvent[] = [];
  #chars = 0;
  #dropped = 0;
  /** Commands under way on the console. */
  readonly #typed = new Set<string>();

  /** `fromS`: when the test began. */
  constructor(fromS: number, limits: Limits = LIMITS) {
    this.fromS = fromS;
    this.#limits = limits;
  }

  /** In their order. */
  get events(): readonly ScopeEvent[] {
    return this.#events;
  }

  /** How many log lines there was no room for: the oldest. */
  get dropped(): number {
    return this.#dropped;
  }

  take(event: ScopeEvent): void {
    if (!this.#isOf(event)) return;
    this.#events.push(event);
    this.#chars += charsOf(event);
    if (this.#events.length > this.#limits.events || this.#chars > this.#limits.chars) this.#drop();
  }

  /** Of commands only those typed on the console matter, and that they began and ended. */
  #isOf({ kind, data }: ScopeEvent): boolean {
    if (kind === 'command.start') {
      if (data.via === 'console') this.#typed.add(data.id);
      return data.via === 'console';
    }
    return kind === 'command.end' ? this.#typed.delete(data.id) : LOG.has(kind) || CONTEXT.has(kind);
  }

  /** The oldest go first: log lines, and what tells how to read them only where that is too much by itself. */
  #drop(): void {
    const events = Math.floor(this.#limits.events * (1 - PART));
    const chars = Math.floor(this.#limits.chars * (1 - PART));
    let count = this.#events.length;
    const kept = this.#events.filter((event) => {
      if (!LOG.has(event.kind) || (count <= events && this.#chars <= chars)) return true;
      count--;
      this.#chars -= charsOf(event);
      this.#dropped++;
      return false;
    });
    this.#events = kept.slice(-events);
  }
}

function charsOf(event: ScopeEvent): number {
  switch (event.kind) {
    case 'console.line':
    case 'kernel.record':
    case 'hostapd.line':
    case 'wpa_supplicant.line':
    case 'dhcp.line':
      return event.data.text.length;
    default:
      return 0;
  }
}
