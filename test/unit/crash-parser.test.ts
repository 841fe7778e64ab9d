import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { opensCrash } from '../../lab/verdict/crash/opening.ts';
import { CrashParser, crashReports } from '../../lab/verdict/crash/parser.ts';
import type { CrashReport } from '../../lab/verdict/crash/report.ts';
import { CALLERS, FATAL, numbered, oops, stack, stamped, warn, who } from './crash-lines.ts';

function only(lines: readonly string[]): CrashReport {
  const reports = crashReports(numbered(lines));
  assert.equal(reports.length, 1, reports.map(({ title }) => title).join(' | '));
  const [report] = reports;
  assert.ok(report);
  return report;
}

const quiet = ['wlan0: authenticated', 'usb 1-1: new high-speed USB device number 2 using xhci_hcd'];
const noise = Array.from({ length: 30 }, (_, at) => `demo 0000:01:00.0: link speed is ${at} Mb/s`);

test('an oops is one report: from its first line to the registers after its end, with who and where', () => {
  const report = only(stamped([...quiet, ...oops(), ...noise]));
  assert.equal(report.kind, 'oops');
  assert.equal(report.class, 'oops');
  assert.match(report.title, /kernel NULL pointer dereference/);
  assert.deepEqual(report.lines, [3, 2 + oops().length]);
  assert.equal(report.text.length, oops().length);
  assert.equal(report.comm, 'iw worker');
  assert.equal(report.pid, 412);
  assert.equal(report.cpu, 1);
  assert.equal(report.taint, 'G W OE');
  assert.equal(report.module, 'wlan_demo');
  assert.deepEqual(report.frames.slice(0, 4), ['demo_start', 'demo_tx', 'demo_queue', 'demo_ioctl']);
  assert.equal(report.complete, true);
  assert.equal(report.panic, null);
});

test('a panic over an oops belongs to its report, also with other lines before it', () => {
  const report = only(stamped([...oops(), ...quiet, ...FATAL]));
  assert.equal(report.kind, 'oops');
  assert.match(report.title, /panicked/);
  assert.equal(report.panic, 'Kernel panic - not syncing: Fatal exception');
  assert.equal(report.lines[1], oops().length + 5);
});

test('two runs of the same crash have the same fingerprint, whatever the addresses, offsets, stamps and prefixes', () => {
  const first = only(stamped(oops()));
  const changed = oops({ taint: 'Not tainted' })
    .map((line) =>
      line
        .replaceAll('0x1c/0x40', '0x2c/0x50')
        .replaceAll('ffff8880', 'ffff9990')
        .replace('demo_tx+', 'demo_tx.isra.0.cold+'),
    )
    .map((line) => `Mar 03 12:00:00 host kernel: ${line}`);
  assert.equal(only(changed).fingerprint, first.fingerprint);
  assert.equal(only(stamped(oops()).map((line) => `> <4>${line}`)).fingerprint, first.fingerprint);
  assert.equal(
    only(stamped(oops({ callers: [...CALLERS.slice(0, 4), 'elsewhere'] }))).fingerprint,
    first.fingerprint,
  );
  assert.match(first.fingerprint, /^[0-9a-f]{16}$/);
});

test('a crash at another place, or of another kind at the same, has another fingerprint', () => {
  const first = only(oops()).fingerprint;
  assert.notEqual(only(oops({ place: 'demo_stop' })).fingerprint, first);
  assert.notEqual(only(oops({ callers: ['demo_other', ...CALLERS] })).fingerprint, first);
  assert.notEqual(only(warn()).fingerprint, first);
});

test('a WARN is read in its old and its new form', () => {
  const old = only(stamped(warn()));
  const fresh = only(
    stamped(
      warn('WARNING: drivers/demo/main.c:77 at demo_start+0x1c/0x40 [wlan_demo], CPU#1: iw worker/412'),
    ),
  );
  for (const report of [old, fresh]) {
    assert.equal(report.kind, 'warn');
    assert.equal(report.complete, true);
    assert.deepEqual(report.lines, [1, warn().length]);
    assert.deepEqual([report.pid, report.cpu, report.comm], [412, 1, 'iw worker']);
    assert.equal(report.frames[0], 'demo_start');
  }
  assert.equal(old.fingerprint, fresh.fingerprint);
});

test('a report that has ended is given with its last line, not later', () => {
  const parser = new CrashParser();
  const given = numbered(warn()).map((line) => parser.push(line)?.kind ?? null);
  assert.deepEqual(given.slice(0, -1).filter(Boolean), []);
  assert.equal(given.at(-1), 'warn');
  assert.equal(parser.busy, false);
});

test('two processors that print at once are told apart by who prints', () => {
  const one = stamped(oops(), '[  T412]');
  const other = stamped(warn(), '[    C0]');
  const lines = Array.from({ length: Math.max(one.length, other.length) }, (_, at) => [one[at], other[at]])
    .flat()
    .filter((line) => line !== undefined);
  const reports = crashReports(numbered(lines));
  assert.deepEqual(reports.map(({ kind }) => kind).sort(), ['oops', 'warn']);
  const alone = [only(one), only(other)].map(({ fingerprint }) => fingerprint).sort();
  assert.deepEqual(reports.map(({ fingerprint }) => fingerprint).sort(), alone);
  assert.ok(reports.every(({ complete }) => complete));
});

const KINDS: readonly { kind: string; lines: string[]; first?: string; comm?: string }[] = [
  {
    kind: 'bug',
    lines: [
      '------------[ cut here ]------------',
      'kernel BUG at drivers/demo/main.c:9!',
      'invalid opcode: 0000 [#1] SMP',
      ...oops().slice(5),
    ],
    first: 'demo_start',
  },
  {
    kind: 'oops',
    lines: [
      'general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#2] SMP',
      ...oops().slice(5),
    ],
    first: 'demo_start',
  },
  {
    kind: 'oops',
    lines: [
      'BUG: unable to handle kernel paging request at ffffc90000001000',
      'IP: demo_start+0x1c/0x40 [wlan_demo]',
      'Oops: 0002 [#1] SMP',
      ...oops().slice(5),
    ],
    first: 'demo_start',
  },
  { kind: 'oops', lines: ['Oops: Oops: 0000 [#1] SMP', ...oops().slice(5)], first: 'demo_start' },
  {
    kind: 'oops',
    lines: [
      'Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008',
      'Mem abort info:',
      '  ESR = 0x0000000096000004',
      'Internal error: Oops: 0000000096000004 [#1] SMP',
      ...who(),
      'pstate: 60000005 (nZCv daif -PAN -UAO -TCO -DIT -SSBS BTYPE=--)',
      'pc : demo_start+0x1c/0x40 [wlan_demo]',
      'lr : demo_tx+0x70/0xc4 [wlan_demo]',
      'x29: ffff80000a20bd70 x28: 0000000000000000 x27: 0000000000000000',
      'Call trace:',
      ' demo_start+0x1c/0x40 [wlan_demo]',
      ' demo_tx+0x1ec/0x48c [wlan_demo]',
      ' el0_svc+0x10/0x20',
      'Code: 9415ea8e b4000060 39400401 35000201 (f94002a3)',
      '---[ end trace 0000000000000000 ]---',
    ],
    first: 'demo_start',
  },
  {
    kind: 'oops',
    lines: [
      '8<--- cut here ---',
      'Unable to handle kernel paging request at virtual address 6b6b6c03',
      '[6b6b6c03] *pgd=00000000',
      'Internal error: Oops: 5 [#1] SMP ARM',
      ...who(),
      'PC is at demo_start+0x10/0xa4 [wlan_demo]',
      'LR is at demo_tx+0x14/0x1c [wlan_demo]',
      'r3 : 00000000  r2 : fffffff0  r1 : 00000000  r0 : c5379e88',
      '[<bf324cac>] (demo_start [wlan_demo]) from [<bf3c6b44>] (demo_tx+0x10c/0x19c [wlan_demo])',
      '[<bf3c6b44>] (demo_tx [wlan_demo]) from [<c0100130>] (ret_from_fork+0x14/0x24)',
      '---[ end trace 140c234232a74c11 ]---',
    ],
    first: 'demo_start',
  },
  {
    kind: 'oops',
    lines: [
      'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 80312345, ra == 80312344',
      'Oops[#1]:',
      ...who(),
      '$ 0   : 00000000 00000001 00000000 80490000',
      'epc   : 80312345 demo_start+0x10/0xa4 [wlan_demo]',
      'ra    : 80312344 demo_tx+0x14/0x1c [wlan_demo]',
      'Call Trace:',
      '[<80312345>] demo_start+0x10/0xa4 [wlan_demo]',
      '[<80312399>] demo_tx+0x14/0x1c [wlan_demo]',
      '---[ end trace 140c234232a74c11 ]---',
    ],
    first: 'demo_start',
  },
  {
    kind: 'panic',
    lines: [
      'Kernel panic - not syncing: sysrq triggered crash',
      ...who(),
      ...stack(['dump_stack_lvl', 'panic', 'sysrq_handle_crash', 'write_sysrq_trigger']),
      '---[ end Kernel panic - not syncing: sysrq triggered crash ]---',
    ],
    first: 'sysrq_handle_crash',
  },
  {
    kind: 'panic',
    lines: [
      'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
      ...who(),
      'Rebooting in 5 seconds..',
    ],
  },
  {
    kind: 'soft-lockup',
    lines: [
      'watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [demo_loop:88]',
      'Modules linked in: wlan_demo',
      ...oops().slice(5, 12),
      ...stack(['demo_spin', ...CALLERS]),
    ],
    first: 'demo_start',
    comm: 'demo_loop',
  },
  {
    kind: 'hard-lockup',
    lines: ['watchdog: Watchdog detected hard LOCKUP on cpu 2', ...oops().slice(5, 12), ...stack(CALLERS)],
    first: 'demo_start',
  },
  {
    kind: 'hung-task',
    lines: [
      'INFO: task demo:worker:77 blocked for more than 120 seconds.',
      '      Not tainted 6.1.0-9-demo #1',
      '"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.',
      'task:demo:worker state:D stack:0 pid:77 ppid:2 flags:0x00004000',
      ...stack(['__schedule', 'schedule', 'demo_wait', ...CALLERS]),
    ],
    first: 'demo_wait',
    comm: 'demo:worker',
  },
  {
    kind: 'rcu-stall',
    lines: [
      'rcu: INFO: rcu_preempt self-detected stall on CPU',
      'rcu: \t1-....: (5249 ticks this GP) idle=61a/1/0x4000000000000000',
      '\t(t=5250 jiffies g=1 q=2)',
      'NMI backtrace for cpu 1',
      ...oops().slice(5, 12),
      ...stack(CALLERS),
    ],
    first: 'demo_start',
  },
  {
    kind: 'kasan',
    lines: [
      '==================================================================',
      'BUG: KASAN: slab-use-after-free in demo_start+0x1c/0x40 [wlan_demo]',
      'Read of size 8 at addr ffff888001234000 by task iw/412',
      ...who(),
      ...stack(['dump_stack_lvl', 'print_report', 'kasan_report', 'demo_start', ...CALLERS]),
      'Allocated by task 1:',
      ' demo_alloc+0x1/0x2',
      'Freed by task 1:',
      ' demo_free+0x1/0x2',
      'The buggy address belongs to the object at ffff888001234000',
      '==================================================================',
    ].slice(1),
    first: 'demo_start',
  },
  {
    kind: 'kfence',
    lines: [
      'BUG: KFENCE: use-after-free read in demo_start+0x1c/0x40 [wlan_demo]',
      'Use-after-free read at 0x00000000deadbeef (in kfence-#1):',
      ' demo_start+0x1c/0x40 [wlan_demo]',
      ' demo_tx+0x1/0x2 [wlan_demo]',
      ...who(),
    ],
    first: 'demo_start',
  },
  {
    kind: 'ubsan',
    lines: [
      'UBSAN: array-index-out-of-bounds in drivers/demo/main.c:12:3',
      "index 7 is out of range for type 'u8 [4]'",
      ...who(),
      ...stack(['dump_stack_lvl', 'ubsan_epilogue', '__ubsan_handle_out_of_bounds.cold', ...CALLERS]),
      '================================================================================',
    ],
    first: 'demo_tx',
  },
  {
    kind: 'lockdep',
    lines: [
      'WARNING: possible circular locking dependency detected',
      '6.1.0-9-demo #1 Not tainted',
      '------------------------------------------------------',
      'iw/412 is trying to acquire lock:',
      'ffff888001234000 (&demo->lock){+.+.}-{3:3}, at: demo_tx+0x10/0x20',
      'but task is already holding lock:',
      'which lock already depends on the new lock.',
      '-> #1 (&demo->list){+.+.}-{3:3}:',
      ' earlier_path+0x1/0x2',
      ' Possible unsafe locking scenario:',
      ' *** DEADLOCK ***',
      'stack backtrace:',
      ...who(),
      ...stack([
        'dump_stack_lvl',
        'print_circular_bug',
        'check_noncircular',
        '__lock_acquire',
        'lock_acquire',
        ...CALLERS,
      ]),
    ],
    first: 'demo_tx',
  },
  {
    kind: 'atomic-sleep',
    lines: [
      'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:283',
      'in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 412, name: iw',
      ...who(),
      ...stack(['dump_stack_lvl', '__might_resched.cold', 'mutex_lock', ...CALLERS]),
    ],
    first: 'mutex_lock',
  },
  {
    kind: 'atomic-sleep',
    lines: [
      'BUG: scheduling while atomic: iw/412/0x00000100',
      ...who(),
      ...stack(['dump_stack_lvl', '__schedule_bug.cold', '__schedule', 'schedule', ...CALLERS]),
    ],
    first: 'demo_tx',
  },
  {
    kind: 'bad-page',
    lines: [
      'BUG: Bad page state in process iw  pfn:108002',
      'page:00000000deadbeef refcount:-1 mapcount:0',
      ...who(),
      ...stack(['dump_stack_lvl', 'bad_page.cold', 'free_pcp', ...CALLERS]),
    ],
    first: 'free_pcp',
    comm: 'iw',
  },
  {
    kind: 'list-corruption',
    lines: [
      'list_add corruption. prev->next should be next (ffff888001234000), but was 0000000000000000.',
      '------------[ cut here ]------------',
      'kernel BUG at lib/list_debug.c:23!',
      'invalid opcode: 0000 [#1] SMP',
      ...oops().slice(5),
    ],
  },
  {
    kind: 'refcount',
    lines: [
      '------------[ cut here ]------------',
      'refcount_t: underflow; use-after-free.',
      'WARNING: CPU: 1 PID: 412 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110',
      ...who(),
      ...stack(['refcount_warn_saturate', ...CALLERS]),
      '---[ end trace 0000000000000000 ]---',
    ],
    first: 'demo_tx',
  },
  {
    kind: 'workqueue-lockup',
    lines: [
      'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!',
      'Showing busy workqueues and worker pools:',
      'workqueue events: flags=0x0',
      '  pwq 0: cpus=0 node=0 flags=0x0 nice=0 active=1/256 refcnt=2',
      '    in-flight: 88:demo_work [wlan_demo]',
    ],
  },
  {
    kind: 'oom',
    lines: [
      'iperf3 invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj=0',
      ...who(),
      ...stack([
        'dump_stack_lvl',
        'dump_header',
        'oom_kill_process.cold',
        'out_of_memory',
        '__alloc_pages',
        'handle_fault_demo',
      ]),
      'Mem-Info:',
      'active_anon:12 inactive_anon:3',
      'Node 0 active_anon:48kB',
      'Tasks state (memory values in pages):',
      '[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name',
      '[    412]     0   412     1000       20    45056        0             0 iperf3',
      'Out of memory: Killed process 412 (iperf3) total-vm:4000kB',
    ],
    first: 'handle_fault_demo',
    comm: 'iperf3',
  },
  {
    kind: 'allocation-failure',
    lines: [
      'kworker/u8:1: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL), nodemask=(null)',
      ...who(),
      ...stack(['dump_stack_lvl', 'warn_alloc.cold', '__alloc_pages', ...CALLERS]),
      'Mem-Info:',
      'Node 0 DMA free:12kB',
    ],
    first: 'demo_tx',
    comm: 'kworker/u8:1',
  },
];

for (const { kind, lines, first, comm } of KINDS) {
  test(`${kind} is read whole: ${(lines.find((line) => opensCrash(line) && !line.includes('cut here')) ?? '').slice(0, 70)}`, () => {
    const report = only(stamped([...quiet, ...lines, ...noise]));
    assert.equal(report.kind, kind);
    assert.equal(report.lines[0], 3);
    assert.ok(report.lines[1] === 2 + lines.length, `lines ${report.lines.join('-')} of ${lines.length}`);
    if (first !== undefined) assert.equal(report.frames[0], first);
    if (comm !== undefined) assert.equal(report.comm, comm);
    assert.equal(only(lines).fingerprint, report.fingerprint);
  });
}

test('crashes one after the other are reports of their own', () => {
  const reports = crashReports(
    numbered(stamped([...warn(), ...oops(), ...warn(), ...oops({ place: 'demo_stop' })])),
  );
  assert.deepEqual(
    reports.map(({ kind }) => kind),
    ['warn', 'oops', 'warn', 'oops'],
  );
  assert.equal(reports[0]?.fingerprint, reports[2]?.fingerprint);
});

test('a report that is cut off is given, and said to be incomplete', () => {
  const report = only(stamped(oops().slice(0, 9)));
  assert.equal(report.complete, false);
  assert.equal(report.frames[0], 'demo_start');
});

test('ordinary lines, and programs that crash, open no report', () => {
  const lines = [
    ...quiet,
    'traps: demo[12] general protection fault ip:7f12 sp:7ffd error:0 in libc.so.6',
    'demo[12]: segfault at 0 ip 00007f12 sp 00007ffd error 4 in demo[400000+1000]',
    'NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.',
    'rcu: Hierarchical RCU implementation.',
    'WARNING: this file will be overwritten',
    '------------[ cut here ]------------',
    ...noise,
  ];
  assert.deepEqual(crashReports(numbered(lines)), []);
});

test('a report without end is bounded, and any text is survived', () => {
  const endless = [
    'BUG: kernel NULL pointer dereference, address: 0',
    ...Array.from({ length: 5000 }, () => ' demo+0x1/0x2'),
  ];
  assert.ok(only(endless).text.length <= 400);
  const piece = fc.oneof(fc.constantFrom(...oops(), ...warn(), ...FATAL), fc.string({ maxLength: 80 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 120 }), (lines) => {
      for (const { lines: extent, text, fingerprint } of crashReports(numbered(lines))) {
        assert.ok(extent[0] >= 1 && extent[1] <= lines.length && extent[0] <= extent[1]);
        assert.ok(text.length > 0 && fingerprint.length === 16);
      }
    }),
  );
});
