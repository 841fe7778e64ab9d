/** A relay on a GPIO line of this machine, by the tools of libgpiod (1.x and 2.x take other arguments). */
import { z } from 'zod';
import { powerBackend } from './backend.ts';

export const gpio = powerBackend({
  title: 'GPIO line by libgpiod',
  config: z.strictObject({
    type: z.literal('gpio'),
    chip: z.string().regex(/^(\/dev\/)?gpiochip\d+$/, 'expected a chip, such as gpiochip0'),
    line: z.int().min(0),
    activeLow: z.boolean().default(false),
  }),
  create: ({ chip, line, activeLow }, { run }) => {
    const name = `line ${line} of ${chip}`;
    const low = activeLow ? ['--active-low'] : [];
    const isOld = async (signal: AbortSignal): Promise<boolean> => {
      const said = await run('gpioset', ['--version'], { signal });
      return /v1\./.test(said);
    };
    // What a line is after its last user has gone is up to the chip: most keep it, and 1.x counts on that.
    const set = async (value: 0 | 1, signal: AbortSignal): Promise<void> => {
      const args = (await isOld(signal)) ? [...low, chip] : [...low, '-t0', '-c', chip];
      await run('gpioset', [...args, `${line}=${value}`], { signal });
    };
    return { name, on: (signal) => set(1, signal), off: (signal) => set(0, signal) };
  },
});
