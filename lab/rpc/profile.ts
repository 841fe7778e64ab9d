/** A device profile as it crosses the RPC: that of a board, with what the lab file has otherwise. */
import { z } from 'zod';
import type { DeviceProfile } from '../../devices/profile.ts';

const text = z.string();
const texts = z.array(text).readonly();

export const Profile = z.object({
  ...{ name: text, title: text, arch: z.enum(['x86_64', 'aarch64', 'arm']), capabilities: texts },
  console: z.object({
    ...{ baudRate: z.number(), loginPrompt: text, passwordPrompt: text, user: text },
    ...{ password: text.nullable(), bootTimeoutMs: z.number() },
  }),
  ssh: z.object({ user: text }),
  bootloader: z
    .object({
      name: z.enum(['u-boot', 'barebox', 'grub']),
      method: z.enum(['booti', 'bootz', 'bootm']),
    })
    .nullable(),
  driver: z.object({
    ...{ module: text, parameters: z.record(text, text), related: texts, firmware: texts },
  }),
  radios: z
    .array(z.object({ interface: text, role: z.enum(['ap', 'station']), namespace: text.nullable() }))
    .readonly(),
  allow: z.array(z.object({ signature: text, reason: text })).readonly(),
  throughput: z.object({
    ...{ tcpFloorBps: z.number(), udpFloorRatio: z.number(), dipsPerMinute: z.number() },
  }),
}) satisfies z.ZodType<DeviceProfile>;
