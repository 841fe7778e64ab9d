/** Real crashes of a real kernel: each is captured whole, known again, told to its test, and the board goes on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LeasedBoard } from '../../lab/client/board.ts';
import type { AnyEvent, JournalEvent } from '../../lab/journal/event.ts';
import { readJournal } from '../../lab/journal/reader.ts';
import { ensureFaultModule, FAULT_MODULE } from '../../lab/virtual/fault-module.ts';
import { ensureImage } from '../../lab/virtual/image.ts';
import { failure } from '../failure.ts';
import { BOOT_MS, testLab } from './lab.ts';

type Crash = JournalEvent<'crash.report'>['data'];

interface Outcome {
  crashes: Crash[];
  events: AnyEvent[];
  /** Contents by name. */
  files: Map<string, string>;
  /** What the board died of, as its test is told. */
  died: string | null;
}

describe('crashes', { timeout: 600_000 }, () => {
  const lab = testLab();
  let board: LeasedBoard;
  let journal: string;
  let seen = 0;

  before(async () => {
    const client = await lab.connect('runner');
    const run = { run: 'crashes', dir: join(lab.state, 'run'), command: 'test' };
    journal = (await client.call('run.open', run)).journal;
    board = await LeasedBoard.acquire(client, { owner: 'test', run: run.run, fresh: true, waitMs: BOOT_MS });
    await board.ready({ timeoutMs: BOOT_MS });
    const local = await ensureFaultModule(await ensureImage());
    await board.call('ssh.upload', { source: { path: local }, remotePath: `/root/${FAULT_MODULE}.ko` });
    await sh(`insmod /root/${FAULT_MODULE}.ko`);
  });
  after(() => lab[Symbol.asyncDispose]());

  const sh = async (command: string): Promise<string> => {
    const { stdout } = await board.call('ssh.run', { command, timeoutMs: BOOT_MS });
    return stdout;
  };
  const fault = (words: string) => sh(`(echo ${words} > /proc/${FAULT_MODULE}) 2>&1`);

  /** Runs `body` as a test of its own, and gives what became of it. */
  async function scope(name: string, body: () => Promise<unknown>): Promise<Outcome> {
    await board.beginScope(name, join(lab.state, 'run', name));
    await body();
    const { artifacts, failure: death } = await board.endScope();
    const events: AnyEvent[] = [];
    for await (const event of readJournal(journal)) if (event.seq > seen) events.push(event);
    seen = events.at(-1)?.seq ?? seen;
    return {
      events,
      crashes: events.flatMap((event) => (event.kind === 'crash.report' ? [event.data] : [])),
      files: new Map(artifacts.map((file) => [file.name, readFileSync(file.path, 'latin1')])),
      died: death ? `${death.fault} ${death.code}` : null,
    };
  }

  /** The only crash of a test, whole, with its file. */
  function only({ crashes, files }: Outcome, kind: string): Crash {
    assert.deepEqual(
      crashes.map((crash) => crash.kind),
      [kind],
      crashes.map(({ title, via }) => `${title} (${via})`).join(' | '),
    );
    const [crash] = crashes;
    assert.ok(crash);
    assert.equal(crash.complete, true);
    assert.match(crash.fingerprint, /^[0-9a-f]{16}$/);
    assert.ok(crash.file !== undefined && files.has(crash.file), `${crash.file} of ${[...files.keys()]}`);
    assert.ok(files.get(crash.file)?.includes(crash.fingerprint));
    return crash;
  }

  const known = new Map<string, string>();

  test('a WARN, an oops and a BUG are each one crash of the test in which they were, and the board lives on', async () => {
    const quiet = await scope('quiet', () => sh('echo "<6>all is well" > /dev/kmsg'));
    assert.deepEqual(quiet.crashes, []);
    for (const [word, kind, place] of [
      ['warn', 'warn', 'hil_warn'],
      ['null', 'oops', 'hil_null'],
      ['null-elsewhere', 'oops', 'hil_null_elsewhere'],
      ['bug', 'bug', 'hil_bug'],
    ] as const) {
      const outcome = await scope(word, () => fault(word));
      const crash = only(outcome, kind);
      assert.deepEqual(crash.frames.slice(0, 2), [place, 'hil_fault_write']);
      assert.deepEqual([crash.module, crash.comm, crash.panicked], [FAULT_MODULE, 'sh', false]);
      assert.match(crash.taint ?? '', /OE/);
      assert.match(outcome.files.get('crash-1.txt') ?? '', /Call Trace:.*---\[ end trace/s);
      assert.equal(outcome.died, null);
      known.set(word, crash.fingerprint);
    }
    assert.equal(new Set(known.values()).size, 4, 'other places, other fingerprints');
  });

  test('a firmware request that fails, and a dump that a driver makes of its device, are kept', async () => {
    const request = only(await scope('firmware', () => fault('firmware')), 'firmware');
    assert.match(request.title, /hil\/hil_fault\.bin/);
    const dump = only2(await scope('coredump', () => fault('coredump')));
    assert.equal(dump.content, 'hil_fault: state of the firmware\n');
    assert.equal(await sh('ls -d /sys/class/devcoredump/devcd* 2>/dev/null; :'), '', 'it is freed');
  });

  function only2({ crashes, files }: Outcome): { content: string | undefined } {
    assert.deepEqual(
      crashes.map(({ kind, file }) => [kind, file]),
      [['devcoredump', 'devcoredump-1.bin']],
    );
    return { content: files.get('devcoredump-1.bin') };
  }

  test('a hung task and a soft lockup are found while the board goes on', async () => {
    await sh('sysctl -qw kernel.hung_task_timeout_secs=1 kernel.watchdog_thresh=1');
    const hung = only(await scope('hung', () => fault('hung 4')), 'hung-task');
    assert.deepEqual([hung.frames.includes('hil_hung_task'), hung.comm], [true, 'sh']);
    await sh('sysctl -qw kernel.hung_task_timeout_secs=0');
    const locked = await scope('softlockup', () => fault('softlockup 4'));
    assert.ok(locked.crashes.length > 0);
    for (const crash of locked.crashes) {
      assert.equal(crash.kind, 'soft-lockup');
      assert.ok(crash.frames.includes('hil_soft_lockup'), crash.frames.join(' '));
      assert.equal(crash.fingerprint, locked.crashes[0]?.fingerprint);
    }
    await sh('sysctl -qw kernel.watchdog_thresh=10');
  });

  test('a panic fails what is under way within a second, and its log outlives the reset', async () => {
    let rejectedAt = 0;
    const outcome = await scope('panic', async () => {
      const error = await failure(board.call('ssh.exec', { command: `echo panic > /proc/${FAULT_MODULE}` }));
      rejectedAt = Date.now();
      assert.deepEqual([error.fault, error.code], ['product', 'kernel-panic']);
    });
    const said = outcome.events.find(
      (event) => event.kind === 'console.line' && event.data.text.includes('Kernel panic - not syncing'),
    );
    assert.ok(said && rejectedAt - Date.parse(said.wall) < 1000);
    const crash = only(outcome, 'panic');
    assert.equal(crash.frames[0], 'hil_panic');
    assert.equal(crash.via, 'console');
    assert.equal(outcome.died, 'product kernel-panic');
    const kept = outcome.files.get('pstore-dmesg-ramoops-1.txt') ?? '';
    assert.match(
      [...outcome.files.values()].join('\n'),
      /^Panic#\d+ Part1$/m,
      [...outcome.files.keys()].join(' '),
    );
    assert.match(kept, /hil_fault: asked to/);
    assert.notEqual((await board.ready({ timeoutMs: BOOT_MS })).bootMs, null, 'it was power-cycled');
    assert.equal(await sh('ls /sys/fs/pstore'), '', 'nothing is left for the next crash to be taken for');
  });

  test('the same crash in another boot has the same fingerprint', async () => {
    await sh(`insmod /root/${FAULT_MODULE}.ko`);
    assert.equal(only(await scope('null again', () => fault('null')), 'oops').fingerprint, known.get('null'));
  });

  test('a crash by SysRq is captured too', async () => {
    const outcome = await scope('sysrq', async () => {
      await failure(board.call('ssh.exec', { command: 'echo c > /proc/sysrq-trigger' }));
    });
    const crash = only(outcome, 'panic');
    assert.equal(crash.frames[0], 'sysrq_handle_crash');
    assert.ok([...outcome.files.keys()].some((name) => name.startsWith('pstore-dmesg')));
    await board.ready({ timeoutMs: BOOT_MS });
  });

  test('a board that hangs until its watchdog resets it is the product’s failure', async () => {
    const outcome = await scope('watchdog', async () => {
      await sh(`insmod /root/${FAULT_MODULE}.ko; watchdog -t 1 -T 4 /dev/watchdog`);
      const error = await failure(board.call('ssh.exec', { command: `echo hang > /proc/${FAULT_MODULE}` }));
      assert.deepEqual([error.fault, error.code], ['product', 'watchdog-reset']);
    });
    assert.equal(outcome.died, 'product watchdog-reset');
    await board.ready({ timeoutMs: BOOT_MS });
  });

  test('a board that falls silent is diagnosed: it hung', async () => {
    const outcome = await scope('hang', async () => {
      await sh(
        `insmod /root/${FAULT_MODULE}.ko; (sleep 1; echo hang > /proc/${FAULT_MODULE}) >/dev/null 2>&1 &`,
      );
      await failure(board.call('ssh.run', { command: 'sleep 30', timeoutMs: 3000 }));
    });
    assert.equal(outcome.died, 'product hung');
    assert.ok(outcome.events.some((event) => event.kind === 'board.state' && event.data.state === 'lost'));
    await board.ready({ timeoutMs: BOOT_MS });
    assert.equal(await sh('echo well'), 'well\n');
  });
});
