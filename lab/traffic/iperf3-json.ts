/** What iperf3 prints with `--json-stream` (3.17 and later): one event a line. Torn and unknown lines are null. */
import { z } from 'zod';
import type { Iperf3Interval } from './iperf3-options.ts';
import type { Iperf3Report } from './iperf3-output.ts';

const number = z.number();
const Sum = z.object({
  ...{ start: number, end: number, bytes: number, bits_per_second: number, sender: z.boolean() },
  ...{ retransmits: number.optional(), jitter_ms: number.optional() },
  ...{ lost_packets: number.optional(), packets: number.optional(), omitted: z.boolean().optional() },
});
const Stream = z.object({
  udp: z.object({ sender: z.boolean(), out_of_order: number.default(0) }).optional(),
});

const Event = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('interval'),
    data: z.object({ sum: Sum, sum_bidir_reverse: Sum.optional() }),
  }),
  z.object({ event: z.literal('end'), data: z.object({ streams: z.array(Stream).default([]) }) }),
  z.object({ event: z.literal('error'), data: z.string() }),
]);

/** Gives none for a line that says nothing of the traffic. */
export function parseIperf3Event(line: string): Iperf3Report[] {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    return [];
  }
  const parsed = Event.safeParse(content);
  if (!parsed.success) return [];
  const { event, data } = parsed.data;
  if (event === 'error') return [{ kind: 'failure', text: `iperf3: error - ${data}` }];
  if (event === 'end') {
    const received = data.streams.flatMap(({ udp }) => (udp && !udp.sender ? [udp.out_of_order] : []));
    return [{ kind: 'end', outOfOrder: received.length === 0 ? null : received.reduce((a, b) => a + b, 0) }];
  }
  return [data.sum, data.sum_bidir_reverse].flatMap((sum) =>
    sum
      ? [
          {
            kind: 'interval' as const,
            role: sum.sender ? ('sender' as const) : ('receiver' as const),
            omitted: sum.omitted ?? false,
            interval: intervalOf(sum),
          },
        ]
      : [],
  );
}

function intervalOf(sum: z.output<typeof Sum>): Iperf3Interval {
  const { start, end, bytes, bits_per_second, retransmits, jitter_ms, lost_packets, packets } = sum;
  return {
    ...{ startS: start, endS: end, bytes, bitsPerSecond: bits_per_second },
    ...(retransmits === undefined ? {} : { retransmits }),
    // A sender only knows how many it has sent.
    ...(lost_packets === undefined ? {} : { lostPackets: Math.max(0, lost_packets), packets: packets ?? 0 }),
    ...(jitter_ms === undefined ? {} : { jitterMs: jitter_ms }),
  };
}
