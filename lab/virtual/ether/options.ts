/** What can be asked of the shared air: the shapes that cross the controller's RPC. */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const radio = z.string().regex(/^[^\s/]+\/[^\s/]+$/, 'expected BOARD/INTERFACE, such as vb1/wlan0');

/** How one radio is heard by another. */
export const Hearing = z.strictObject({
  hears: z.boolean().describe('false: out of range'),
  overhears: z.boolean().describe('frames for others too, as a monitor must'),
  signalDbm: z.number().min(-110).max(0),
  loss: share.describe('of the frames, for good'),
  tryLoss: share.describe('of the tries: the sender repeats them'),
  delayMs: z.number().min(0).max(10_000),
  rateBps: z.number().positive().nullable().describe('of the packets carried; null: no limit'),
});
export type Hearing = z.output<typeof Hearing>;

/** A change of it; without `from` or `to`: of all radios. */
export const HearingChange = Hearing.partial().extend({ from: radio.optional(), to: radio.optional() });
export type HearingChange = z.output<typeof HearingChange>;

export const AirOptions = z.strictObject({
  airtime: z
    .boolean()
    .default(false)
    .describe('frames take as long as their rate asks, one at a time on a channel; else none'),
  noiseDbm: z.number().default(-91),
});
export type AirOptions = z.output<typeof AirOptions>;

/** What has become of the frames from one radio to another. */
export const AirCount = z.object({
  from: z.string(),
  to: z.string(),
  frames: z.number().int(),
  bytes: z.number().int(),
  lost: z.number().int(),
});
export type AirCount = z.output<typeof AirCount>;
