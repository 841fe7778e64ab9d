/** Faults of the board: its driver, kernel, processor and clock. */
import type { Fault } from './fault.ts';

/** They end by themselves: who is kept from running can't end them. */
const HOG_S = 5;

export const board: readonly Fault[] = [
  {
    ...{
      name: 'module-unloaded',
      title: 'the driver is unloaded in the middle of the traffic',
      lasting: true,
    },
    inject: async ({ run }) => void (await run('rmmod mac80211_hwsim')),
    fired: async ({ run }) => !/^mac80211_hwsim /m.test(await run('lsmod')),
    expected: { verdict: 'fail', first: ['disconnect', 'stall', 'floor', 'ended-early'], blames: /./ },
  },
  {
    ...{ name: 'panic', title: 'the kernel panics', lasting: true },
    inject: async ({ run }) =>
      void (await run('(sleep 0.2; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 </dev/null &')),
    expected: { verdict: 'fail', first: [], blames: /panic/ },
  },
  {
    ...{ name: 'cpu-hog', title: 'programs of high priority take the processor' },
    // At nice -20 each weighs 87 times as much as a program of nice 0 (kernel/sched/core.c, sched_prio_to_weight).
    inject: async ({ run }) =>
      void (await run(
        `for i in 1 2 3 4 5 6 7 8; do sh -c 'renice -n -20 -p $$; exec timeout ${HOG_S} sh -c "while :; do :; done"' ` +
          '>/dev/null 2>&1 </dev/null & done',
      )),
    expected: {
      verdict: 'fail',
      first: ['stall', 'floor'],
      blames: /no interval|nothing arrived|under the floor/,
    },
  },
  {
    // Its power says that the lab did it: so it is no failure of the product.
    ...{ name: 'frozen', title: 'the board stands still, with its clock' },
    inject: ({ power }) => power('freeze'),
    undo: ({ power }) => power('thaw'),
    expected: { verdict: 'lab', first: [], blames: /frozen|lost/ },
  },
  {
    ...{ name: 'clock-step', title: 'the clock of the board is set an hour ahead' },
    inject: async ({ run }) => void (await run('date -s "@$(($(date +%s) + 3600))"')),
    undo: async ({ run }) => void (await run('date -s "@$(($(date +%s) - 3600))"')),
    expected: { verdict: 'pass', first: [], blames: /./ },
  },
];
