/** The events of a run as the time-line page takes them: charts, lanes of lines, breaches, tests. Pure. */
import { type ClockMapping, toController } from '../../lab/journal/clock-mapping.ts';
import type { AnyEvent } from '../../lab/journal/event.ts';
import { sanitize } from '../../lab/text.ts';
import { eventText, isBad } from '../../lab/verdict/event-text.ts';

/** Times are milliseconds since the first event. */
export interface PageData {
  run: string;
  command: string;
  /** Wall time of the first event, RFC 3339. */
  startedAt: string;
  /** Lines that are left out, for a page can show so many. */
  leftOut: number;
  endMs: number;
  lanes: string[];
  boards: string[];
  /** In columns, in the order of time: a hundred thousand objects would take a second to read. */
  lines: {
    t: number[];
    lane: number[];
    board: number[];
    bad: number[];
    /** How far off the time can be, milliseconds. */
    error: number[];
    text: string[];
  };
  charts: Chart[];
  breaches: { t: number; criterion: string; message: string }[];
  tests: { from: number; to: number; title: string; verdict: string }[];
}

export interface Chart {
  title: string;
  unit: string;
  lines: { name: string; t: number[]; v: number[] }[];
  /** What may not be fallen below. */
  floors: { from: number; to: number; v: number }[];
}

const LANES = [
  ...['test', 'finding', 'power', 'console', 'kernel', 'usb', 'access point', 'station', 'air'],
  ...['traffic', 'command', 'lab'],
];
const LANE_OF: Readonly<Partial<Record<AnyEvent['source'], string>>> = {
  ...{ test: 'test', harness: 'test', verdict: 'finding', crash: 'finding', soak: 'finding' },
  ...{ power: 'power', board: 'power', boot: 'power', console: 'console', kernel: 'kernel' },
  ...{ hostapd: 'access point', dhcp: 'access point', wpa_supplicant: 'station', link: 'station' },
  ...{ air: 'air', iw: 'air', iperf3: 'traffic', command: 'command', file: 'command', ssh: 'command' },
};
const MOST_LINES = 300_000;
const CHARTS = { rate: 0, latency: 1, signal: 2, again: 3, busy: 4 } as const;

export class TimelineBuilder {
  readonly #rows: { t: number; lane: number; board: number; bad: number; error: number; text: string }[] = [];
  readonly #boards: string[] = [];
  readonly #charts: Chart[] = [
    { title: 'throughput', unit: 'Mbit/s', lines: [], floors: [] },
    { title: 'round trip', unit: 'ms', lines: [], floors: [] },
    { title: 'signal', unit: 'dBm', lines: [], floors: [] },
    { title: 'sent again', unit: 'frames/s', lines: [], floors: [] },
    { title: 'processor of the board', unit: '%', lines: [], floors: [] },
  ];
  readonly #breaches: PageData['breaches'] = [];
  readonly #tests: PageData['tests'] = [];
  /** By board and boot. */
  readonly #kernelClocks = new Map<string, ClockMapping>();
  readonly #boots = new Map<string | null, string>();
  /** Rows of the kernel's, which its clock places: that may be known only later. */
  readonly #kernelRows: { row: number; boot: string; us: number }[] = [];
  readonly #retries = new Map<string, { t: number; count: number }>();
  readonly #begun = new Map<string, number>();
  readonly #flows = new Map<string, string>();
  readonly #floors = new Map<string, Chart['floors'][number]>();
  /** Of the soak under way. */
  #trafficStart = Number.POSITIVE_INFINITY;
  #start: { mono: number; wall: string } | null = null;
  #run = { run: '', command: '' };
  #end = 0;

  add(event: AnyEvent): void {
    this.#start ??= { mono: event.mono, wall: event.wall };
    const t = this.#ms(event.mono);
    this.#end = Math.max(this.#end, t);
    if (event.source === 'probe') this.#probe(event, t);
    else if (event.kind === 'clock.mapping') {
      const { clock, bootId } = event.data;
      if (clock === 'kernel') this.#kernelClocks.set(`${event.board} ${bootId}`, event.data);
    } else if (event.kind !== 'verdict.finding' || event.data.role !== 'consequence') this.#line(event, t);
    this.#special(event, t);
  }

  build(): PageData {
    this.#placeKernelRows();
    const rows = thinned(this.#rows).sort((a, b) => a.t - b.t);
    const column = <K extends keyof (typeof rows)[number]>(key: K) => rows.map((row) => row[key]);
    return {
      ...this.#run,
      ...{
        startedAt: this.#start?.wall ?? '',
        leftOut: this.#rows.length - rows.length,
        endMs: Math.max(1, this.#end),
        lanes: LANES,
        boards: this.#boards,
      },
      lines: {
        ...{ t: column('t'), lane: column('lane'), board: column('board'), bad: column('bad') },
        ...{ error: column('error'), text: column('text') },
      },
      charts: this.#charts.filter(({ lines }) => lines.length > 0),
      ...{ breaches: this.#breaches, tests: this.#tests },
    };
  }

  #ms(mono: number): number {
    return Math.max(0, Math.round((mono - (this.#start?.mono ?? mono)) / 1e4) / 100);
  }

  #line(event: AnyEvent, t: number): void {
    if (event.kind === 'kernel.boot') this.#boots.set(event.board, event.data.bootId);
    if (event.kind === 'kernel.record') {
      const boot = `${event.board} ${this.#boots.get(event.board) ?? ''}`;
      this.#kernelRows.push({ row: this.#rows.length, boot, us: event.data.us });
    }
    const usb = event.kind === 'kernel.record' && event.data.subsystem === 'usb';
    const lane = usb ? 'usb' : (LANE_OF[event.source] ?? 'lab');
    const text = sanitize(eventText(event).replaceAll('\n', ' | ')).slice(0, 1000);
    const board = this.#boardOf(event.board);
    this.#rows.push({
      ...{ t, error: 0, board, text },
      lane: LANES.indexOf(lane),
      bad: isBad(event) ? 1 : 0,
    });
  }

  #placeKernelRows(): void {
    for (const { row, boot, us } of this.#kernelRows.splice(0)) {
      const clock = this.#kernelClocks.get(boot);
      const placed = this.#rows[row];
      if (!clock || !placed) continue;
      const { ns, boundNs } = toController(clock, us * 1000);
      // What was logged before the run began stands at its beginning.
      placed.t = this.#ms(ns);
      placed.error = Math.round(boundNs / 1e4) / 100;
    }
  }

  #boardOf(board: string | null): number {
    if (board === null) return -1;
    if (!this.#boards.includes(board)) this.#boards.push(board);
    return this.#boards.indexOf(board);
  }

  #special(event: AnyEvent, t: number): void {
    switch (event.kind) {
      case 'run.start':
        this.#run = { run: event.data.run, command: event.data.command };
        return;
      case 'test.start':
        this.#begun.set(event.data.id, t);
        return;
      case 'test.end': {
        const { id, title, verdict } = event.data;
        this.#tests.push({ from: this.#begun.get(id) ?? t, to: t, title, verdict });
        return;
      }
      case 'iperf3.start':
        this.#flows.set(
          event.data.test,
          `${event.board ?? ''} ${event.data.protocol} ${event.data.direction}`,
        );
        return;
      case 'iperf3.interval': {
        const { test, bitsPerSecond, direction, retransmits, startS, endS } = event.data;
        const name = `${this.#flows.get(test) ?? event.board ?? ''}${direction ? ` ${direction}` : ''}`;
        // It tells of the time that is over.
        const middle = t - (endS - startS) * 500;
        this.#trafficStart = Math.min(this.#trafficStart, t - endS * 1000);
        this.#point('rate', name, middle, bitsPerSecond / 1e6);
        if (retransmits !== undefined) this.#point('again', `${name} TCP`, t, retransmits / (endS - startS));
        return;
      }
      case 'soak.start': {
        this.#trafficStart = Number.POSITIVE_INFINITY;
        const floor = { from: t, to: t, v: event.data.floorBps / 1e6 };
        this.#floors.set(event.data.soak, floor);
        this.#charts[CHARTS.rate]?.floors.push(floor);
        return;
      }
      case 'soak.breach': {
        const { criterion, atS, message } = event.data;
        // It is told when the second is over in which it happened.
        const began = Number.isFinite(this.#trafficStart) ? Math.min(t, this.#trafficStart + atS * 1000) : t;
        this.#breaches.push({ t: Math.max(0, began), criterion, message: sanitize(message) });
        return;
      }
      case 'soak.end': {
        const floor = this.#floors.get(event.data.soak);
        if (floor) floor.to = t;
      }
    }
  }

  #probe(event: AnyEvent, t: number): void {
    const board = event.board ?? '';
    if (event.kind === 'probe.latency') {
      const { timesMs } = event.data;
      if (timesMs.length > 0) this.#point('latency', `${board} slowest of a second`, t, Math.max(...timesMs));
    } else if (event.kind === 'probe.radio') {
      const { interface: name, station, signalDbm, txRetries } = event.data;
      const pair = `${board} ${name} ${station}`;
      if (signalDbm !== undefined) this.#point('signal', pair, t, signalDbm);
      if (txRetries === undefined) return;
      const before = this.#retries.get(pair);
      this.#retries.set(pair, { t, count: txRetries });
      // It begins at nothing with each new association.
      if (before && txRetries >= before.count && t > before.t)
        this.#point('again', pair, t, ((txRetries - before.count) * 1000) / (t - before.t));
    } else if (event.kind === 'probe.board')
      this.#point('busy', `${board} ${event.data.end}`, t, event.data.busy * 100);
    else if (event.kind === 'probe.host') this.#point('busy', 'lab machine', t, event.data.busy * 100);
  }

  #point(chart: keyof typeof CHARTS, name: string, t: number, v: number): void {
    const lines = this.#charts[CHARTS[chart]]?.lines ?? [];
    let line = lines.find((each) => each.name === name);
    if (!line) {
      line = { name, t: [], v: [] };
      lines.push(line);
    }
    line.t.push(t);
    line.v.push(Math.round(v * 1000) / 1000);
  }
}

/** Of more lines than a browser can hold, all that tell of something bad, and of the others a part, evenly. */
function thinned<T extends { bad: number }>(rows: readonly T[]): T[] {
  const others = rows.filter(({ bad }) => bad === 0).length;
  const step = others / Math.max(1, MOST_LINES - (rows.length - others));
  if (rows.length <= MOST_LINES) return [...rows];
  let next = 0;
  let seen = 0;
  return rows.filter(({ bad }) => {
    if (bad === 1) return true;
    if (seen++ < next) return false;
    next += step;
    return true;
  });
}
