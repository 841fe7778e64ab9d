/** What each board is doing now and what happened so far, gathered from the events of a run's journal. */
import type { AnyEvent } from '../lab/journal/event.ts';
import { troubleOf } from '../lab/kernel/trouble.ts';
import { findingLine } from '../lab/verdict/told.ts';
import { plain } from './record.ts';

export interface BoardView {
  name: string;
  test: string;
  doing: string;
  /** Of the traffic under way; null without any. */
  bitsPerSecond: number | null;
}

export interface Flow {
  label: string;
  board: string;
  bitsPerSecond: number[];
}

/** More are counted, not kept. */
const MAX_NOTABLE = 200;
const MAX_INTERVALS = 100_000;

export class LiveView {
  readonly #boards = new Map<string, BoardView>();
  readonly #flows = new Map<string, Flow>();
  readonly #notable: string[] = [];
  #notableCount = 0;

  /** Boards in use, in the order of their names. */
  get boards(): BoardView[] {
    return [...this.#boards.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** iperf3 tests, oldest first. */
  get flows(): Flow[] {
    return [...this.#flows.values()];
  }

  get notable(): { shown: string[]; count: number } {
    return { shown: this.#notable, count: this.#notableCount };
  }

  apply(event: AnyEvent): void {
    this.#note(event);
    if (event.board === null) return;
    if (event.kind === 'lease.released') {
      this.#boards.delete(event.board);
      return;
    }
    if (event.kind === 'lease.acquired') {
      const [, test = event.data.owner] = /^[^:]*: (.*)$/.exec(event.data.owner) ?? [];
      this.#boards.set(event.board, {
        name: event.board,
        test: line(test),
        doing: 'leased',
        bitsPerSecond: null,
      });
      return;
    }
    const view = this.#boards.get(event.board);
    if (view) update(view, event);
    if (event.kind === 'iperf3.start') {
      const { test, protocol, direction } = event.data;
      const label = `${protocol.toUpperCase()} ${line(direction)}`;
      this.#flows.set(`${event.board}/${test}`, { label, board: event.board, bitsPerSecond: [] });
    }
    if (event.kind === 'iperf3.interval') {
      const flow = this.#flows.get(`${event.board}/${event.data.test}`);
      if (flow && flow.bitsPerSecond.length < MAX_INTERVALS)
        flow.bitsPerSecond.push(event.data.bitsPerSecond);
    }
  }

  #note(event: AnyEvent): void {
    const text = notableText(event);
    if (text === null) return;
    this.#notableCount++;
    if (this.#notable.length < MAX_NOTABLE) {
      this.#notable.push(`${event.wall.slice(11, 19)} ${event.board ?? 'lab'}: ${line(text)}`);
    }
  }
}

function update(view: BoardView, event: AnyEvent): void {
  switch (event.kind) {
    case 'board.state':
      view.doing = line([event.data.state, event.data.reason].filter(Boolean).join(': '));
      break;
    case 'power.action':
      view.doing = `power ${line(event.data.action)}`;
      break;
    case 'command.start':
      view.doing = `$ ${line(event.data.command)}`;
      break;
    case 'link.state':
      view.doing = line(`${event.data.link}: ${event.data.state}`);
      break;
    case 'test.step':
      view.doing = `done: ${line(event.data.title)}`;
      break;
    case 'iperf3.start':
      view.doing = `iperf3 ${event.data.protocol} ${line(event.data.direction)}`;
      view.bitsPerSecond = 0;
      break;
    case 'iperf3.interval':
      view.bitsPerSecond = event.data.bitsPerSecond;
      break;
    case 'iperf3.end':
      view.bitsPerSecond = null;
      break;
  }
}

/** What belongs in front of whoever reads the summary of a run; null for the ordinary. */
function notableText(event: AnyEvent): string | null {
  switch (event.kind) {
    case 'soak.breach':
      return `soak: ${event.data.message} (at ${event.data.atS} s)`;
    case 'kernel.lost':
      return `${event.data.records} kernel records were lost`;
    case 'kernel.record': {
      const trouble = troubleOf(event.data.text);
      return trouble === null || trouble.kind === 'boot' ? null : `kernel ${trouble.kind}: ${trouble.text}`;
    }
    // The product's are told with the test that they fail.
    case 'verdict.finding':
      return event.data.verdict !== 'product' && (event.data.role === 'cause' || event.data.role === 'root')
        ? findingLine(event.data)
        : null;
    case 'board.state':
      return ['crashed', 'quarantined', 'stuck'].includes(event.data.state)
        ? `${event.data.state}: ${event.data.reason ?? ''}`
        : null;
    case 'power.action':
      return event.data.ok ? null : `power ${event.data.action} failed: ${event.data.error ?? ''}`;
    case 'journal.note':
      return event.data.message;
    default:
      return null;
  }
}

/** Board output on one line of limited length, without control characters. */
export function line(text: string, max = 200): string {
  const flat = plain(text.slice(0, max * 4))
    .replace(/\s+/g, ' ')
    .trim();
  return flat.length > max ? `${flat.slice(0, max - 1)}…` : flat;
}

const BARS = '▁▂▃▄▅▆▇█';

/** A row of bars from 0 to the highest value, no wider than asked: values that share a column are averaged. */
export function sparkline(values: readonly number[], width = 60): string {
  if (values.length === 0) return '';
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const part = values.slice(
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const top = Math.max(...means);
  return means.map((mean) => BARS[top > 0 ? Math.round((mean / top) * (BARS.length - 1)) : 0]).join('');
}

export function mbits(bitsPerSecond: number): string {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}
