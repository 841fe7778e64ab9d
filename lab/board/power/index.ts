/** The registry of power switches: a new kind is one file here and one line below. */
import { z } from 'zod';
import { tcpPort } from '../../config/fields.ts';
export const PowerConfig = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('pdudaemon'),
    url: z.string().optional(),
    hostname: z.string(),
    port: z.number().int(),
  }),
  z.strictObject({ type: z.literal('manual') }),
  z.strictObject({ type: z.literal('tasmota'), host: z.string(), port: tcpPort.default(80) }),
]);
export type PowerConfig = z.output<typeof PowerConfig>;
