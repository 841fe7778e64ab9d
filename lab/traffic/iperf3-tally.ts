/** What both ends of an iperf3 test have counted, by direction. Pure. */
import type { Direction, Iperf3Interval, Iperf3Total } from './iperf3-options.ts';
import type { Iperf3Role } from './iperf3-output.ts';

interface Count {
  received: Iperf3Interval[];
  summaries: Partial<Record<Iperf3Role, Iperf3Interval>>;
  /** Retransmits in the sender's intervals, where it tells any. */
  retransmits: number | null;
  outOfOrder: number | null;
  ended: boolean;
}

export class Tally {
  readonly #counts = new Map<Direction, Count>();
  /** All that arrived, as it came. */
  readonly intervals: Iperf3Interval[] = [];

  received(direction: Direction, interval: Iperf3Interval): void {
    this.#of(direction).received.push(interval);
    this.intervals.push(interval);
  }

  sent(direction: Direction, { retransmits }: Iperf3Interval): void {
    const count = this.#of(direction);
    if (retransmits !== undefined) count.retransmits = (count.retransmits ?? 0) + retransmits;
  }

  summary(direction: Direction, role: Iperf3Role, interval: Iperf3Interval): void {
    this.#of(direction).summaries[role] = interval;
  }

  /** The receiving end has come to its end, or told how many datagrams came out of order. */
  ended(direction: Direction, outOfOrder: number | null): void {
    const count = this.#of(direction);
    count.ended = true;
    if (outOfOrder !== null) count.outOfOrder = (count.outOfOrder ?? 0) + outOfOrder;
  }

  /** Whether the receiver has counted all of it. */
  knows(direction: Direction): boolean {
    const { summaries, ended, received } = this.#of(direction);
    return summaries.receiver !== undefined || (ended && received.length > 0);
  }

  get complete(): boolean {
    return [...this.#counts.keys()].some((direction) => this.knows(direction));
  }

  /** End of the last interval that arrived. */
  lastS(direction: Direction): number {
    return this.#of(direction).received.at(-1)?.endS ?? 0;
  }

  total(direction: Direction): Iperf3Total {
    const { received, summaries, retransmits, outOfOrder } = this.#of(direction);
    const { startS, endS, direction: _, ...counted } = summaries.receiver ?? sumOf(received);
    const again = summaries.sender?.retransmits ?? retransmits;
    return {
      ...counted,
      ...(again === null || again === undefined ? {} : { retransmits: again }),
      ...(outOfOrder === null ? {} : { outOfOrder }),
    };
  }

  /** Of several directions, added up; jitter is the largest. */
  sum(directions: readonly Direction[]): Iperf3Total {
    const totals = directions.map((direction) => this.total(direction));
    const [first, ...rest] = totals;
    if (!first) return { bitsPerSecond: 0, bytes: 0 };
    return rest.reduce((all, each) => {
      const sum: Iperf3Total = {
        bitsPerSecond: all.bitsPerSecond + each.bitsPerSecond,
        bytes: all.bytes + each.bytes,
      };
      for (const key of ['retransmits', 'lostPackets', 'packets', 'outOfOrder'] as const)
        if (all[key] !== undefined || each[key] !== undefined) sum[key] = (all[key] ?? 0) + (each[key] ?? 0);
      const jitterMs = Math.max(all.jitterMs ?? -1, each.jitterMs ?? -1);
      return jitterMs < 0 ? sum : { ...sum, jitterMs };
    }, first);
  }

  #of(direction: Direction): Count {
    const known = this.#counts.get(direction);
    if (known) return known;
    const count: Count = { received: [], summaries: {}, retransmits: null, outOfOrder: null, ended: false };
    this.#counts.set(direction, count);
    return count;
  }
}

/** Of a receiver that told no summary. */
function sumOf(intervals: readonly Iperf3Interval[]): Iperf3Interval {
  const total = (pick: (interval: Iperf3Interval) => number | undefined) =>
    intervals.reduce((all, each) => all + (pick(each) ?? 0), 0);
  const startS = intervals[0]?.startS ?? 0;
  const endS = intervals.at(-1)?.endS ?? 0;
  const bytes = total(({ bytes: each }) => each);
  const jitterMs = intervals.at(-1)?.jitterMs;
  const udp = intervals.some(({ packets }) => packets !== undefined);
  return {
    ...{ startS, endS, bytes, bitsPerSecond: endS === startS ? 0 : (bytes * 8) / (endS - startS) },
    ...(udp
      ? { lostPackets: total(({ lostPackets }) => lostPackets), packets: total(({ packets }) => packets) }
      : {}),
    ...(jitterMs === undefined ? {} : { jitterMs }),
  };
}
