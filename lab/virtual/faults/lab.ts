/** Faults of the lab: what they break says nothing of the product. */
import type { Fault } from './fault.ts';

export const lab: readonly Fault[] = [
  {
    ...{ name: 'server-killed', title: 'the iperf3 server is killed' },
    inject: async ({ run }) => void (await run("pkill -KILL -f 'iperf3 -s'")),
    expected: { verdict: 'lab', first: [], blames: /iperf3 server/ },
  },
  {
    ...{ name: 'ssh-cut', title: 'the management network of the board is unplugged' },
    inject: ({ network }) => network(false),
    undo: ({ network }) => network(true),
    expected: { verdict: 'lab', first: [], blames: /SSH|connection/ },
  },
];
