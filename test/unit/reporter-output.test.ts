/** What the reporters put out: the live view, the closing screen, summary.json and the page without trackers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import type { AnyEvent, EventKind, Payload } from '../../lab/journal/event.ts';
import { sourceOf } from '../../lab/journal/event.ts';
import { historyWithout, withoutTrackers } from '../../reporters/allure-page.ts';
import { closing } from '../../reporters/closing.ts';
import { LiveView, line, sparkline } from '../../reporters/live.ts';
import type { TestRecord } from '../../reporters/record.ts';
import { summarise, writeSummary } from '../../reporters/summary.ts';
import { findingLines } from '../../reporters/terminal.ts';

let seq = 0;
function event<K extends EventKind>(kind: K, data: Payload<K>, board: string | null = 'vb1'): AnyEvent {
  seq++;
  const wall = '2026-11-21T07:15:00.000Z';
  // Kind and payload belong together by K.
  return { seq, mono: seq, wall, board, source: sourceOf(kind), kind, data } as AnyEvent;
}

function record(given: Partial<TestRecord> = {}): TestRecord {
  return {
    ...{ id: 'a', suite: 'wifi', title: 'a station joins', board: 'vb1', status: 'passed' },
    ...{ verdict: 'pass', durationMs: 10, metrics: {}, findings: [], message: null },
    ...given,
  } as TestRecord;
}

function view(...events: AnyEvent[]): LiveView {
  const live = new LiveView();
  for (const each of events) live.apply(each);
  return live;
}

const leased = event('lease.acquired', { lease: 'l', owner: 'run: wifi › joins', token: 1, waitedMs: 0 });
const interval = (bitsPerSecond: number) =>
  event('iperf3.interval', { test: 't', startS: 0, endS: 1, bitsPerSecond, bytes: 1 });

describe('the live view', () => {
  it('shows a board from its lease to its release', () => {
    const live = view(leased, event('board.state', { state: 'booting', reason: 'power on' }));
    assert.deepEqual(live.boards, [
      { name: 'vb1', test: 'wifi › joins', doing: 'booting: power on', bitsPerSecond: null },
    ]);
    live.apply(event('lease.released', { lease: 'l', reason: 'given back' }));
    assert.deepEqual(live.boards, []);
  });

  it('shows traffic as it flows', () => {
    const live = view(
      leased,
      event('iperf3.start', { test: 't', command: 'c', protocol: 'udp', direction: 'up' }),
    );
    live.apply(interval(20e6));
    assert.equal(live.boards[0]?.bitsPerSecond, 20e6);
    assert.deepEqual(live.flows, [{ label: 'UDP up', board: 'vb1', bitsPerSecond: [20e6] }]);
  });

  it('notes what matters, and not that a board booted', () => {
    const text = (said: string) => event('kernel.record', { seq: 1, level: 0, us: 1, text: said });
    const live = view(
      leased,
      text('Linux version 6.1'),
      text('Kernel panic - not syncing: sysrq'),
      text('usb 1-1: new'),
    );
    assert.equal(live.notable.count, 1);
    assert.match(live.notable.shown[0] ?? '', /panic: sysrq/);
  });

  it('notes what the log shows of lab and configuration; the product’s is told with its test', () => {
    const finding = (role: 'cause' | 'symptom', verdict: 'lab' | 'product') =>
      event('verdict.finding', {
        ...{
          class: 'undervoltage',
          signature: 'power/undervoltage',
          text: 'too little',
          count: 1,
          lines: [1, 1],
        },
        ...{ meaning: 'the supply is weak', next: 'another supply', device: null, atS: 1, role, verdict },
      });
    const live = view(
      leased,
      finding('cause', 'lab'),
      finding('symptom', 'lab'),
      finding('cause', 'product'),
    );
    assert.deepEqual(live.notable.count, 1);
    assert.match(live.notable.shown[0] ?? '', /undervoltage power\/undervoltage \(lab\): too little$/);
  });

  it('lets nothing of what a board said steer the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (said) => {
        const live = view(leased, event('command.start', { id: '1', via: 'ssh', command: `\x1b[2J${said}` }));
        assert.doesNotMatch(live.boards[0]?.doing ?? '', /[\x00-\x1f\x7f-\x9f]/);
      }),
    );
    assert.ok(line('x'.repeat(1e6)).length <= 200);
  });
});

describe('a sparkline', () => {
  it('has a bar a value, and no more than the width', () => {
    assert.equal(sparkline([0, 10, 20]), '▁▅█');
    assert.equal(
      sparkline(
        Array.from({ length: 1000 }, () => 5),
        40,
      ),
      '█'.repeat(40),
    );
    assert.equal(sparkline([]), '');
    assert.equal(sparkline([0, 0]), '▁▁');
  });
});

describe('the closing screen', () => {
  it('counts by suite and tells the verdict in words', () => {
    const records = [
      record(),
      record({ id: 'b', verdict: 'lab', status: 'failed' }),
      record({ id: 'c', status: 'skipped' }),
    ];
    const text = closing({
      records,
      view: view(),
      verdict: 'lab',
      durationMs: 61_000,
      runDir: '/runs/x',
    }).join('\n');
    assert.match(text, /wifi +1 pass, 1 lab, 1 skipped/);
    assert.match(text, /verdict {2}lab: .*exit code 3, 1 min 1 s/);
    assert.equal(stripVTControlCharacters(text), text);
  });

  it('fits one screen whatever happened', () => {
    const noise = Array.from({ length: 500 }, (_, index) => event('kernel.lost', { records: index }));
    const lines = closing({
      records: [record()],
      view: view(...noise),
      verdict: 'pass',
      durationMs: 1,
      runDir: '/r',
    });
    assert.ok(lines.length <= 24, `${lines.length} lines`);
  });
});

describe('the terminal', () => {
  it('names what the log of a failed test shows, but what its message says already', () => {
    const finding = {
      class: 'deauth',
      signature: 'mac80211/deauth',
      verdict: 'product',
      text: 'thrown out',
    } as const;
    const told = 'found: deauth mac80211/deauth (product): thrown out';
    assert.deepEqual(findingLines(record({ findings: [finding], message: 'a command failed' })), [told]);
    assert.deepEqual(
      findingLines(record({ findings: [finding], message: 'the driver warned: thrown out' })),
      [],
    );
    const many = Array.from({ length: 9 }, () => finding);
    assert.equal(findingLines(record({ findings: many })).at(-1), 'and 4 more findings in the report');
  });
});

describe('summary.json', () => {
  it('has the agreed shape and leaves no half-written file', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hil-summary-'));
    const run = { id: 'r1', dir };
    const outcome = { status: 'passed', startTime: new Date(0), duration: 12.6 } as const;
    const errors = [{ message: 'Error: \x1b[31mNo tests found\x1b[0m' }];
    const verdict = summarise(run, [], errors, { ...outcome, status: 'failed' });
    assert.deepEqual([verdict.verdict, verdict.errors], ['config', ['Error: No tests found']]);
    writeSummary(dir, summarise(run, [record({ metrics: { tcpUpBps: 1 } })], [], outcome));
    assert.deepEqual(readdirSync(dir), ['summary.json']);
    assert.deepEqual(JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8')), {
      ...{ run: 'r1', verdict: 'pass', exitCode: 0, startedAt: '1970-01-01T00:00:00.000Z', durationMs: 13 },
      tests: [
        {
          ...{ suite: 'wifi', title: 'a station joins', board: 'vb1', status: 'passed', verdict: 'pass' },
          ...{ durationMs: 10, metrics: { tcpUpBps: 1 }, findings: [] },
        },
      ],
    });
    rmSync(dir, { recursive: true });
  });
});

describe('the page', () => {
  it('loses scripts, links and trackers of other hosts, and keeps its own', () => {
    const html = withoutTrackers(
      '<html><head lang="en"><script async src="https://www.googletagmanager.com/gtag/js?id=G"></script>' +
        '<script>window.dataLayer = []; function gtag(){}</script><link rel="stylesheet" href="//cdn.example/a.css">' +
        '<link rel="icon" href="data:image/svg+xml,x"><script src="app.js"></script><script>start()</script></head></html>',
    );
    assert.doesNotMatch(html, /googletagmanager|dataLayer|cdn\.example/);
    assert.match(html, /<script src="app\.js"><\/script><script>start\(\)<\/script>/);
    assert.match(html, /data:image\/svg\+xml/);
    assert.match(html, /Content-Security-Policy/);
  });

  it('is one point of the history, however often it is made; a torn line does not stay', () => {
    const point = (name: string) => `${JSON.stringify({ name, testResults: {} })}\n`;
    const history = point('hil a') + point('hil b') + point('hil a') + point('hil ab').slice(0, 9);
    assert.equal(historyWithout(history, 'hil a'), point('hil b'));
    assert.equal(historyWithout('', 'hil a'), '');
  });
});
