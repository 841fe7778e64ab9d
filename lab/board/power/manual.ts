/** A person at the bench, who is asked. */
import { z } from 'zod';
import { powerBackend } from './backend.ts';

export const manual = powerBackend({
  title: 'a person, who is asked',
  config: z.strictObject({
    type: z.literal('manual'),
    who: z.string().optional().describe('whom to ask'),
  }),
  create: ({ who }, { board, ask }) => {
    const name = who === undefined ? 'a person at the bench' : who;
    return {
      name,
      on: (signal) => ask(`switch ${board} on`, signal),
      off: (signal) => ask(`switch ${board} off`, signal),
    };
  },
});
