/** What a soak can be asked for, and its result: the shapes that cross the controller's RPC. */
import { z } from 'zod';
import { VERDICTS } from '../verdict/verdict.ts';
import { Iperf3Options, Iperf3Result } from './iperf3-options.ts';

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
    .describe('intervals below the floor that are forgiven; a stall never is'),
  maxLossRatio: z.number().min(0).max(1).default(0.01).describe('UDP datagrams lost over the whole run'),
});
export type SoakOptions = z.input<typeof SoakOptions>;

export const SoakBreach = z.object({
  criterion: z.enum(['floor', 'stall', 'disconnect', 'loss', 'ended-early']),
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
  disconnects: z.number().int().describe('outages: however often an end tells of one, it counts once'),
  lossRatio: z.number().optional(),
  iperf3: Iperf3Result,
});
export type SoakResult = z.output<typeof SoakResult>;
