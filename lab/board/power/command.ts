/** Anything that a program on this machine can switch. */
import { z } from 'zod';
import { LabError } from '../../errors.ts';
import { powerBackend } from './backend.ts';

const argv = z
  .array(z.string(), 'expected a list: the program, then its arguments')
  .min(1, 'expected a program');

export const command = powerBackend({
  title: 'a program of your own',
  config: z.strictObject({
    type: z.literal('command'),
    on: argv,
    off: argv,
    state: argv.optional().describe('prints on or off'),
    timeoutSeconds: z.number().positive().default(30),
  }),
  create: ({ on, off, state, timeoutSeconds }, { run }) => {
    const name = `the switch behind ${on[0]}`;
    const call = ([program = '', ...args]: string[], signal: AbortSignal): Promise<string> =>
      run(program, args, { signal, timeoutMs: timeoutSeconds * 1000 });
    const switching = {
      name,
      on: async (signal: AbortSignal) => void (await call(on, signal)),
      off: async (signal: AbortSignal) => void (await call(off, signal)),
    };
    if (!state) return switching;
    return {
      ...switching,
      state: async (signal) => {
        const said = (await call(state, signal)).trim().toLowerCase();
        if (said === 'on' || said === 'off') return said;
        throw new LabError(`${state[0]} printed ${JSON.stringify(said.slice(0, 80))}, expected on or off`, {
          code: 'switch-refused',
        });
      },
    };
  },
});
