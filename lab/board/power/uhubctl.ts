/** A port of a USB hub that switches its power (github.com/mvp/uhubctl). */
import { z } from 'zod';
import { LabError } from '../../errors.ts';
import { powerBackend } from './backend.ts';

export const uhubctl = powerBackend({
  title: 'USB hub by uhubctl',
  config: z.strictObject({
    type: z.literal('uhubctl'),
    location: z.string().regex(/^\d+(-\d+(\.\d+)*)?$/, 'expected a hub as uhubctl lists it, such as 1-1.4'),
    port: z.int().min(1).max(15),
  }),
  create: ({ location, port }, { run }) => {
    const name = `port ${port} of the USB hub ${location}`;
    const at = ['-l', location, '-p', String(port)];
    const turn = async (action: 'on' | 'off', signal: AbortSignal): Promise<void> => {
      await run('uhubctl', [...at, '-a', action], { signal });
    };
    return {
      name,
      on: (signal) => turn('on', signal),
      off: (signal) => turn('off', signal),
      // `  Port 2: 0100 power`, and `0000 off` where there is none.
      state: async (signal) => {
        const out = await run('uhubctl', at, { signal });
        const [, flags] = new RegExp(`^\\s*Port ${port}: [0-9a-f]{4}(.*)$`, 'm').exec(out) ?? [];
        if (flags === undefined)
          throw new LabError(`uhubctl says nothing of ${name}: ${out.slice(0, 200)}`, {
            code: 'switch-refused',
          });
        return /\bpower\b/.test(flags) ? 'on' : 'off';
      },
    };
  },
});
