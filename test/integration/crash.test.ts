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
import { BOOT_MS, testLab, until } from './lab.ts';

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
    await load();
  });
  after(() => lab[Symbol.asyncDispose]());

  const sh = async (command: string): Promise<string> => {
    const { stdout } = await board.call('ssh.run', { command, timeoutMs: BOOT_MS });
    return stdout;
  };
  const load = () => sh(`insmod /root/${FAULT_MODULE}.ko`);
  const fault = (words: string) => sh(`(echo ${words} > /proc/${FAULT_MODULE}) 2>&1`);

  /** What was journalled since the last call; the journal is written a moment later. */
  async function eventsUpTo(mark: string): Promise<AnyEvent[]> {
    const data = { message: `end of ${mark}` };
    await board.lab.call('journal.append', { run: 'crashes', board: null, kind: 'journal.note', data });
    let events: AnyEvent[] = [];
    await until(async () => {
      events = [];
      for await (const event of readJournal(journal)) if (event.seq > seen) events.push(event);
      const last = events.findLast(({ kind }) => kind === 'journal.note');
      return last?.kind === 'journal.note' && last.data.message === data.message;
    }, `the journal tells the ${data.message}`);
    return events;
  }

  /** Runs `body` as a test of its own, and gives what became of it. */
  async function scope(name: string, body: () => Promise<unknown>): Promise<Outcome> {
    await board.beginScope(name, join(lab.state, 'run', name));
    await body();
    const { artifacts, failure: death } = await board.endScope();
    const events = await eventsUpTo(name);
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
    if (crash.via !== 'devcoredump') assert.ok(files.get(crash.file)?.includes(crash.fingerprint));
    return crash;
  }

  /** The crashes of a test that lasted: the kernel tells of it more than once, each time the same. */
  function repeated({ crashes }: Outcome, kind: string, place: string): void {
    assert.ok(crashes.length > 0);
    for (const crash of crashes) {
      assert.deepEqual([crash.kind, crash.complete, crash.comm], [kind, true, 'sh'], crash.title);
      assert.ok(crash.frames.includes(place), crash.frames.join(' '));
      assert.equal(crash.fingerprint, crashes[0]?.fingerprint);
      assert.ok(crash.file !== undefined);
    }
  }

  const known = new Map<string, string>();

  /** Asks for a fault that the board survives. */
  async function expectFault(word: string, kind: string, place: string): Promise<void> {
    const outcome = await scope(word, () => fault(word));
    const crash = only(outcome, kind);
    assert.deepEqual(crash.frames.slice(0, 2), [place, 'hil_fault_write']);
    assert.deepEqual([crash.module, crash.comm, crash.panicked], [FAULT_MODULE, 'sh', false]);
    assert.match(crash.taint ?? '', /OE/);
    assert.match(outcome.files.get('crash-1.txt') ?? '', /Call Trace:.*---\[ end trace/s);
    assert.equal(outcome.died, null);
    known.set(word, crash.fingerprint);
  }

  test('a WARN is a crash of the test in which it was, and of no other', async () => {
    const quiet = await scope('quiet', () => sh('echo "<6>all is well" > /dev/kmsg'));
    assert.deepEqual(quiet.crashes, []);
    await expectFault('warn', 'warn', 'hil_warn');
  });

  test('a firmware request that fails, and a dump that a driver makes of its device, are kept', async () => {
    const request = only(await scope('firmware', () => fault('firmware')), 'firmware');
    assert.match(request.title, /hil\/hil_fault\.bin/);
    const dumped = await scope('coredump', () => fault('coredump'));
    const dump = only(dumped, 'devcoredump');
    assert.equal(dumped.files.get(dump.file ?? ''), 'hil_fault: state of the firmware\n');
    assert.equal(await sh('ls -d /sys/class/devcoredump/devcd* 2>/dev/null; :'), '', 'it is freed');
  });

  test('a hung task and a soft lockup are found while the board goes on', async () => {
    await sh('sysctl -qw kernel.hung_task_timeout_secs=1 kernel.watchdog_thresh=1');
    repeated(await scope('hung', () => fault('hung 4')), 'hung-task', 'hil_hung_task');
    await sh('sysctl -qw kernel.hung_task_timeout_secs=0');
    repeated(await scope('softlockup', () => fault('softlockup 4')), 'soft-lockup', 'hil_soft_lockup');
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

  // In a boot of their own: after an oops a kernel neither looks for hung tasks nor shows the stack of a panic.
  test('an oops and a BUG end a process only, and another place has another fingerprint', async () => {
    await load();
    await expectFault('null', 'oops', 'hil_null');
    await expectFault('null-elsewhere', 'oops', 'hil_null_elsewhere');
    await expectFault('bug', 'bug', 'hil_bug');
    assert.equal(new Set(known.values()).size, 4);
  });

  test('a board that hangs until its watchdog resets it is the product’s failure', async () => {
    const outcome = await scope('watchdog', async () => {
      await sh('watchdog -t 1 -T 4 /dev/watchdog');
      const error = await failure(board.call('ssh.exec', { command: `echo hang > /proc/${FAULT_MODULE}` }));
      assert.deepEqual([error.fault, error.code], ['product', 'watchdog-reset']);
    });
    assert.equal(outcome.died, 'product watchdog-reset');
    await board.ready({ timeoutMs: BOOT_MS });
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

  test('the same crash in another boot has the same fingerprint', async () => {
    await load();
    assert.equal(only(await scope('null again', () => fault('null')), 'oops').fingerprint, known.get('null'));
  });

  test('a board that falls silent is diagnosed: it hung', async () => {
    let underWay: Promise<unknown> | undefined;
    const outcome = await scope('hang', async () => {
      const { position } = await board.call('console.position', {});
      underWay = failure(board.call('ssh.exec', { command: `echo hang > /proc/${FAULT_MODULE}` }));
      const patterns = [{ literal: 'interrupts are off' }];
      await board.call('console.expect', { patterns, from: position, timeoutMs: BOOT_MS });
    });
    await underWay;
    assert.equal(outcome.died, 'product hung');
    assert.ok(outcome.events.some((event) => event.kind === 'board.state' && event.data.state === 'lost'));
    await board.ready({ timeoutMs: BOOT_MS });
    assert.equal(await sh('echo well'), 'well\n');
  });
});
