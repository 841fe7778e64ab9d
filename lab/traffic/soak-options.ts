/** What a soak can be asked for, and its result: the shapes that cross the controller's RPC. */
import { z } from 'zod';
import { SOAK_CRITERIA } from '../verdict/soak/criteria.ts';
import { VERDICTS } from '../verdict/verdict.ts';
import { Iperf3Options, Iperf3Result } from './iperf3-options.ts';

/** What of a soak is judged besides its floor and duration; what is not given is not judged. */
export const SoakLimits = z.object({
  maxLossRatio: z.number().min(0).max(1).default(0.01).describe('UDP datagrams lost over the whole run'),
  maxStallS: z
    .number()
    .nonnegative()
    .optional()
    .describe('so long may nothing arrive; default: not for one interval'),
  windowFloorBps: z.number().positive().optional().describe('the mean over each window may not fall below'),
  windowS: z.number().min(1).max(600).optional().describe('length of the window; default 10'),
  maxDisconnects: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('disconnects and roams that are forgiven; default 0'),
  maxRecoveryS: z.number().positive().optional().describe('from a disconnect to the floor again'),
  maxRetransmitsPerS: z
    .number()
    .nonnegative()
    .optional()
    .describe('TCP segments sent again, over the whole run'),
  maxLatencyMs: z
    .number()
    .positive()
    .optional()
    .describe('99 of 100 round trips beside the traffic are shorter'),
  maxDriftRatio: z
    .number()
    .positive()
    .max(1)
    .optional()
    .describe('so much of its mean may the rate fall over the run'),
  maxLeakKbPerMin: z.number().nonnegative().optional().describe("so fast may the board's memory fill"),
});

export type SoakLimits = z.output<typeof SoakLimits>;

export const SoakOptions = Iperf3Options.omit({ omitS: true, parallel: true }).extend({
  protocol: z.enum(['tcp', 'udp']).default('udp'),
  direction: z
    .enum(['up', 'down'])
    .default('up')
    .describe('up: from the client (station) to the server (AP)'),
  rateBps: z.number().positive().default(20e6).describe('target of the sender'),
  durationS: z.number().positive().default(60),
  floorBps: z
    .number()
    .positive()
    .optional()
    .describe('no interval may fall below; default: three quarters of the rate'),
  graceS: z
    .number()
    .nonnegative()
    .default(2)
    .describe('at the start, while rates settle, the floor is not judged'),
  toleratedDips: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('intervals below the floor that are forgiven; a stall is not'),
  ...SoakLimits.shape,
  freeze: z
    .boolean()
    .default(true)
    .describe('at the first breach: collects what is known of radios, driver, queues and programs'),
  capture: z
    .boolean()
    .default(false)
    .describe('keeps the last packets at both ends (tcpdump), which are collected at the first breach too'),
  probes: z
    .boolean()
    .default(true)
    .describe('latency, radios, queues, processor and memory beside the traffic'),
});
export type SoakOptions = z.input<typeof SoakOptions>;

export const SoakBreach = z.object({
  criterion: z.enum(SOAK_CRITERIA),
  atS: z.number(),
  message: z.string(),
});
export type SoakBreach = z.output<typeof SoakBreach>;

export const SoakResult = z.object({
  verdict: z.enum(VERDICTS),
  message: z.string().describe('one sentence: held, or what broke first and when'),
  breaches: z.array(SoakBreach),
  rateBps: z.number(),
  floorBps: z.number(),
  durationS: z.number(),
  meanBps: z.number(),
  minBps: z.number(),
  longestStallS: z.number(),
  lostIntervals: z.number().int(),
  dips: z.number().int().describe('intervals below the floor, forgiven or not'),
  disconnects: z.number().int().describe('outages: however often an end tells of one, it counts once'),
  lossRatio: z.number().optional(),
  latencyMs: z
    .object({ min: z.number(), median: z.number(), p99: z.number() })
    .optional()
    .describe('round trips beside the traffic'),
  before: z
    .array(z.object({ atS: z.number(), lane: z.string(), text: z.string(), bad: z.boolean() }))
    .describe('what every source told in the ten seconds before the first breach'),
  frozen: z
    .array(
      z.object({
        ...{ where: z.string(), name: z.string(), text: z.string() },
        packets: z.boolean().optional().describe('text is the base64 of a file of pcap'),
      }),
    )
    .describe('what was collected of each end at the first breach'),
  criteria: z.object({
    ...{ durationS: z.number(), intervalS: z.number(), floorBps: z.number() },
    ...{ graceS: z.number(), toleratedDips: z.number() },
    ...SoakLimits.shape,
  }),
  series: z
    .object({
      disconnects: z.array(
        z.object({ atS: z.number(), message: z.string(), backAfterS: z.number().nullable().optional() }),
      ),
      end: z
        .object({
          fault: z.enum(['product', 'config', 'lab', 'harness']),
          code: z.string(),
          message: z.string(),
        })
        .nullable(),
      troubles: z.array(
        z.object({
          fromS: z.number(),
          toS: z.number(),
          why: z.string(),
          slow: z.boolean(),
          ours: z.boolean(),
        }),
      ),
      latency: z.array(z.object({ atS: z.number(), timesMs: z.array(z.number()) })),
      memory: z.array(z.object({ atS: z.number(), usedKb: z.number() })),
    })
    .describe('what was judged beside the intervals of iperf3'),
  iperf3: Iperf3Result,
});
export type SoakResult = z.output<typeof SoakResult>;
