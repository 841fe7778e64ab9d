/** What an iperf3 test can be asked for, and its result: the shapes that cross the controller's RPC. */
import { z } from 'zod';

const peer = z.string().nullable().default(null).describe('of the lab file; null: the board itself');

export const Iperf3Options = z.object({
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  direction: z
    .enum(['up', 'down', 'both'])
    .default('up')
    .describe('up: from the client (station) to the server (AP); both: at the same time'),
  rateBps: z
    .number()
    .positive()
    .optional()
    .describe('target of the sender; default: unlimited (TCP), 1 Mbit/s (UDP)'),
  durationS: z.number().positive().default(10),
  intervalS: z.number().min(0.1).max(10).default(1),
  parallel: z.number().int().positive().default(1),
  omitS: z.number().nonnegative().default(0),
  windowBytes: z.number().int().positive().optional().describe('socket buffers: what TCP may have under way'),
  mssBytes: z.number().int().min(88).max(9216).optional().describe('of TCP'),
  dscp: z.number().int().min(0).max(63).optional().describe('46: voice, 34: video, 8: background (RFC 4594)'),
  server: z
    .object({ address: z.string(), namespace: z.string().nullable().default(null), peer })
    .describe('where iperf3 -s runs, and the address the client connects to'),
  client: z
    .object({ namespace: z.string().nullable().default(null), peer })
    .default({ namespace: null, peer: null }),
  stallTimeoutS: z
    .number()
    .positive()
    .default(15)
    .describe('when nothing arrives for this long, the test is ended'),
});
export type Iperf3Options = z.input<typeof Iperf3Options>;
/** With its defaults. */
export type FullIperf3Options = z.output<typeof Iperf3Options>;
export type Direction = 'up' | 'down';

export const Iperf3Interval = z.object({
  startS: z.number(),
  endS: z.number(),
  bytes: z.number(),
  bitsPerSecond: z.number(),
  retransmits: z.number().int().optional(),
  lostPackets: z.number().int().optional(),
  packets: z.number().int().optional(),
  jitterMs: z.number().optional(),
  /** Of traffic in both: which of them. */
  direction: z.enum(['up', 'down']).optional(),
});
export type Iperf3Interval = z.output<typeof Iperf3Interval>;

/** What arrived in one direction, as its receiving end counted it; retransmits are those of its sender. */
export const Iperf3Total = z.object({
  bitsPerSecond: z.number().describe('mean at the receiving end'),
  bytes: z.number(),
  retransmits: z.number().int().optional(),
  lostPackets: z.number().int().optional(),
  packets: z.number().int().optional(),
  jitterMs: z.number().optional(),
  outOfOrder: z.number().int().optional().describe('datagrams'),
});
export type Iperf3Total = z.output<typeof Iperf3Total>;

/** Of traffic in both directions the totals are added up, and `up` and `down` have them apart. */
export const Iperf3Result = Iperf3Total.extend({
  protocol: z.enum(['tcp', 'udp']),
  direction: z.enum(['up', 'down', 'both']),
  /** What arrived. */
  intervals: z.array(Iperf3Interval),
  up: Iperf3Total.optional(),
  down: Iperf3Total.optional(),
  /** Why the rate says little of the board: the lab machine had no time left. Null when it had. */
  saturated: z.string().nullable(),
  /** Versions of iperf3 at the two ends. */
  versions: z.object({ client: z.string(), server: z.string() }),
  clientOutput: z.string(),
  serverOutput: z.string(),
  /** Set when the test did not run to its end. */
  error: z
    .object({ fault: z.enum(['product', 'config', 'lab', 'harness']), code: z.string(), message: z.string() })
    .optional(),
});
export type Iperf3Result = z.output<typeof Iperf3Result>;
