import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtual } from '../../devices/virtual.ts';
import type { Remote, RemoteProcess, StreamOptions } from '../../lab/board/remote.ts';
import { runIperf3 } from '../../lab/traffic/iperf3.ts';

const live = new AbortController().signal;
const INTERVAL = '[  5]   0.00-1.00   sec  2441 KBytes  20000 Kbits/sec';

/** A machine whose programs say all they have to say before anybody can wait for it. */
function quick(says: (command: string) => string[]): Remote {
  const refused = () => Promise.reject(new Error('not asked for'));
  return {
    name: 'quick',
    ...{ check: refused, upload: refused, download: refused },
    run: () =>
      Promise.resolve({ exitCode: 0, signal: null, stdout: 'iperf 3.12\n', stderr: '', durationMs: 1 }),
    stream: (command: string, { onLine }: StreamOptions = {}): Promise<RemoteProcess> => {
      for (const line of says(command)) onLine?.(line, 'stdout');
      const done = () => Promise.resolve();
      return Promise.resolve({
        ...{ pgid: 1, kill: done, stop: done, [Symbol.asyncDispose]: done },
        // The server stays until its client has come.
        exited: command.includes(' -s ')
          ? new Promise((resolve) => setTimeout(() => resolve({ exitCode: 0, signal: null }), 50))
          : Promise.resolve({ exitCode: 0, signal: null }),
      });
    },
  };
}

test('a server that listens before anybody waits for it is a server that listens', async () => {
  const remote = quick((command) =>
    command.includes(' -s ')
      ? ['Server listening on 25000 (test #1)', INTERVAL, `${INTERVAL}                  receiver`]
      : ['iperf Done.'],
  );
  const ctx = {
    ...{ name: 'quick', profile: virtual, remote, signal: live },
    journal: { append: () => undefined, observe: () => () => undefined },
  };
  const result = await runIperf3(ctx, { durationS: 1, server: { address: '127.0.0.1' } }, { signal: live });
  assert.equal(result.error, undefined, result.error?.message);
  assert.equal(result.bitsPerSecond, 20e6);
  assert.equal(result.intervals.length, 1);
});

test('a test of UDP whose first datagram was lost is begun anew, and nothing of it counts', async () => {
  let begun = 0;
  let says: (line: string) => void = () => undefined;
  let endServer = (): Promise<void> => Promise.resolve();
  const machine: Remote = {
    ...quick(() => []),
    stream: (command, { onLine } = {}) => {
      const say = (line: string): void => onLine?.(line, 'stdout');
      const server = command.includes(' -s ');
      if (server) {
        says = say;
        say('Server listening on 25000 (test #1)');
      } else if (++begun < 3) says('[  5]   0.00-1.00   sec  0.00 Bytes  0.00 bits/sec  0.000 ms  0/0 (0%)');
      else {
        // Its output is written with its first interval, when the server has told of its own.
        says(INTERVAL);
        say('[  5] local 192.168.77.2 port 40000 connected to 192.168.77.1 port 25000');
        says(`${INTERVAL}  0.1 ms  0/10 (0%)  receiver`);
      }
      const { promise, resolve } = Promise.withResolvers<{ exitCode: number; signal: null }>();
      const stop = (): Promise<void> => Promise.resolve(resolve({ exitCode: 0, signal: null }));
      if (server) endServer = stop;
      if (begun === 3) setTimeout(() => Promise.all([stop(), endServer()]), 20);
      return Promise.resolve({
        ...{ pgid: 1, kill: stop, stop: () => stop(), [Symbol.asyncDispose]: stop },
        exited: promise,
      });
    },
  };
  const ctx = {
    ...{ name: 'quick', profile: virtual, remote: machine, signal: live },
    journal: { append: () => undefined, observe: () => () => undefined },
  };
  const options = { protocol: 'udp', durationS: 1, server: { address: '127.0.0.1' } } as const;
  const result = await runIperf3(ctx, options, { signal: live, handshakeMs: 100 });
  assert.equal(begun, 3);
  assert.equal(result.error, undefined, result.error?.message);
  assert.deepEqual(
    result.intervals.map(({ bitsPerSecond }) => bitsPerSecond),
    [20e6],
  );
});
