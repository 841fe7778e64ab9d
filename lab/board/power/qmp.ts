/**
 * A virtual machine that somebody else runs, by QEMU's own protocol (docs/interop/qemu-qmp-ref.html). Off is a reset that is not let
 * run: nothing of what the machine had in memory survives it. Without a guest that runs, QEMU itself must stay: `-no-shutdown`.
 */
import { z } from 'zod';
import { absolutePath } from '../../config/fields.ts';
import { Qmp } from '../../virtual/qmp.ts';
import { powerBackend, type SwitchState } from './backend.ts';

const Status = z.object({ running: z.boolean() });

export const qmp = powerBackend({
  title: 'QEMU by its machine protocol',
  config: z.strictObject({
    type: z.literal('qmp'),
    path: absolutePath.describe('Unix socket of its monitor: -qmp unix:PATH,server=on,wait=off'),
  }),
  create: ({ path }, { board }) => {
    const asking = async <T>(signal: AbortSignal, work: (machine: Qmp) => Promise<T>): Promise<T> => {
      signal.throwIfAborted();
      const machine = await Qmp.connect(
        path,
        board,
        () => undefined,
        () => undefined,
      );
      try {
        return await work(machine);
      } finally {
        machine.close();
      }
    };
    return {
      name: `QEMU at ${path}`,
      on: (signal) => asking(signal, async (machine) => void (await machine.execute('cont'))),
      off: (signal) =>
        asking(signal, async (machine) => {
          await machine.execute('stop');
          await machine.execute('system_reset');
        }),
      state: (signal) =>
        asking(signal, async (machine): Promise<SwitchState> => {
          const { running } = Status.parse(await machine.execute('query-status'));
          return running ? 'on' : 'off';
        }),
    };
  },
});
