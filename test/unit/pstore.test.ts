/** What boards keep over a reset, and what drivers dump, read through a board that answers as asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandResult, Remote } from '../../lab/board/remote.ts';
import { HarnessError } from '../../lab/errors.ts';
import { takeDevcoredumps } from '../../lab/kernel/devcoredump.ts';
import { logsOf, takePstore } from '../../lab/kernel/pstore.ts';

function board(
  answers: readonly [part: string, stdout: string][],
  dump = '',
): { remote: Remote; ran: string[] } {
  const ran: string[] = [];
  const unused = () => Promise.reject(new HarnessError('not asked for here'));
  const remote: Remote = {
    ...{ name: 'b1', check: unused, upload: unused, download: unused },
    run: (command): Promise<CommandResult> => {
      ran.push(command);
      const stdout = answers.find(([part]) => command.includes(part))?.[1] ?? '';
      return Promise.resolve({ exitCode: 0, signal: null, stdout, stderr: '', durationMs: 1 });
    },
    stream: (command, options) => {
      ran.push(command);
      options?.onData?.(Buffer.from(dump), 'stdout');
      const done = () => Promise.resolve();
      return Promise.resolve({
        ...{ pgid: 1, kill: done, stop: done, [Symbol.asyncDispose]: done },
        exited: Promise.resolve({ exitCode: 0, signal: null }),
      });
    },
  };
  return { remote, ran };
}

test('records are read, cleaned and deleted', async () => {
  const { remote, ran } = board([
    ['ls -1', 'dmesg-ramoops-0\nconsole-ramoops-0\n../../etc/passwd\n'],
    ['dmesg-ramoops-0', 'Panic#1 Part1\n<0>[    2.0] \x1b[31mlast\n'],
    ['console-ramoops-0', ''],
  ]);
  assert.deepEqual(await takePstore(remote), [
    { name: 'dmesg-ramoops-0', text: 'Panic#1 Part1\n<0>[    2.0] last\n' },
  ]);
  assert.match(ran[0] ?? '', /modprobe -q ramoops.*mount -t pstore/);
  assert.equal(ran.filter((command) => command.includes('rm -f /sys/fs/pstore/')).length, 2);
  assert.ok(!ran.some((command) => command.includes('passwd')));
});

test('parts of a log are put together, in one record or several; another crash is another log', () => {
  const logs = logsOf([
    { name: 'dmesg-efi-1', text: 'Panic#2 Part1\nc\n' },
    { name: 'dmesg-efi-2', text: 'Panic#2 Part2\nb\nPanic#2 Part3\na\n' },
    { name: 'dmesg-efi-3', text: 'Oops#1 Part1\nx\n' },
    { name: 'console-ramoops-0', text: 'as it is\n' },
  ]);
  assert.deepEqual(logs, [
    { name: 'dmesg-efi-1', text: 'Panic#2 Part3\na\nPanic#2 Part2\nb\nPanic#2 Part1\nc\n' },
    { name: 'dmesg-efi-3', text: 'Oops#1 Part1\nx\n' },
    { name: 'console-ramoops-0', text: 'as it is\n' },
  ]);
});

test('a board without pstore kept nothing', async () => {
  assert.deepEqual(await takePstore(board([]).remote), []);
});

test('dumps are read whole and freed, with their device and driver', async () => {
  const { remote, ran } = board(
    [['failing_device', 'devcd1 1-1:1.0 demo_usb\ndevcd2 hil_fault driver\nnoise\n']],
    'state',
  );
  const dumps = await takeDevcoredumps(remote);
  assert.deepEqual(
    dumps.map(({ device, driver, data, truncated }) => [device, driver, data.toString(), truncated]),
    [
      ['1-1:1.0', 'demo_usb', 'state', false],
      ['hil_fault', null, 'state', false],
    ],
  );
  assert.equal(ran.filter((command) => command.startsWith('echo 1 >/sys/class/devcoredump/')).length, 2);
});
