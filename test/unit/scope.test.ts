/** From the events of a test to log records, what the harness did meanwhile, and findings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AnyEvent, EventKind, PayloadInput } from '../../lab/journal/event.ts';
import { PAYLOADS, sourceOf } from '../../lab/journal/event.ts';
import type { HarnessAction } from '../../lab/verdict/classify/finding.ts';
import { classifyEvidence, evidenceLog, evidenceOf } from '../../lab/verdict/scope.ts';
import { type ScopeEvent, ScopeEvents } from '../../lab/verdict/scope-events.ts';
import { type JournalScope, JournalScopes } from '../../lab/verdict/scopes.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

function at<K extends EventKind>(atS: number, kind: K, data: PayloadInput<K>): ScopeEvent {
  // Kind and payload belong together by K.
  return { kind, atS, data: PAYLOADS[kind].parse(data) } as ScopeEvent;
}

let seq = 0;
const kernel = (atS: number, loggedS: number, text: string) =>
  at(atS, 'kernel.record', { seq: seq++, level: 4, us: Math.round(loggedS * 1e6), text });
const consoleLine = (atS: number, text: string, partial = false) =>
  at(atS, 'console.line', { text, partial });
const power = (atS: number, action: string, durationMs = 0) =>
  at(atS, 'power.action', { action, ok: true, durationMs });
const did = (atS: number, action: PayloadInput<'harness.action'>['action'], durationMs: number, ok = true) =>
  at(atS, 'harness.action', { action, ok, durationMs, detail: 'mac80211_hwsim' });
const texts = (events: readonly ScopeEvent[], fromS?: number): string[] =>
  evidenceOf(events, fromS).records.map(({ text }) => text);
const actions = (...events: ScopeEvent[]): HarnessAction[] => evidenceOf(events).actions;

describe('the records of a test', () => {
  it('are what kernel, daemons and console said, without their stamps, in the order of their times', () => {
    const events = [
      kernel(100.2, 7, 'wlan0: associated'),
      at(100.3, 'hostapd.line', { interface: 'wlan0', text: '1759401129.932470: wlan0: AP-ENABLED' }),
      at(100.1, 'wpa_supplicant.line', { interface: 'wlan1', text: 'wlan1: SCAN' }),
      at(100.4, 'dhcp.line', { interface: 'wlan0', text: 'dnsmasq-dhcp: DHCPACK(wlan0)' }),
      consoleLine(100.5, 'U-Boot SPL 2024.01'),
      at(100.6, 'board.state', { state: 'ready' }),
    ];
    assert.deepEqual(texts(events), [
      'wlan1: SCAN',
      'wlan0: associated',
      'wlan0: AP-ENABLED',
      'dnsmasq-dhcp: DHCPACK(wlan0)',
      'U-Boot SPL 2024.01',
    ]);
  });

  it('of the kernel have the times when they were logged, though the ring was read all at once', () => {
    const events = [
      at(130, 'kernel.boot', { bootId: 'a' }),
      kernel(130, 1, 'early'),
      kernel(130.1, 20, 'late'),
      kernel(131, 30.95, 'now'),
    ];
    const [early, late, now] = evidenceOf(events).records.map(({ atS }) => atS);
    assert.ok(Math.abs((early ?? 0) - 101.05) < 1e-6 && Math.abs((late ?? 0) - 120.05) < 1e-6);
    assert.ok(Math.abs((now ?? 0) - 131) < 1e-6);
  });

  it('of the kernel keep their time when it stood still for a while, or began anew', () => {
    const frozen = [kernel(110, 10, 'before'), kernel(171, 11, 'after a minute of standing still')];
    assert.deepEqual(
      evidenceOf(frozen).records.map(({ atS }) => atS),
      [110, 171],
    );
    const rebooted = [
      kernel(110, 500, 'before'),
      at(130, 'kernel.boot', { bootId: 'b' }),
      kernel(130, 5, 'x'),
    ];
    assert.deepEqual(
      evidenceOf(rebooted).records.map(({ atS }) => atS),
      [110, 130],
    );
  });

  it('of the kernel are never later than they were read, and in order within a boot', () => {
    const gaps = fc.array(fc.tuple(fc.double({ min: 0, max: 5, noNaN: true }), fc.nat(5)), { maxLength: 50 });
    fc.assert(
      fc.property(gaps, (steps) => {
        let logged = 0;
        let read = 100;
        const events = steps.map(([passed, delay]) => {
          logged += passed;
          read = Math.max(read, 100 + logged + delay);
          return kernel(read, logged, 'x');
        });
        const times = evidenceOf(events).records.map(({ atS }) => atS);
        for (const [index, time] of times.entries()) {
          assert.ok(time <= (events[index]?.atS ?? 0) + 1e-6);
          assert.ok(time >= (times[index - 1] ?? 0) - 1e-6);
        }
      }),
    );
  });

  it('are not those that the ring still held from before the test', () => {
    const events = [kernel(100, 50, 'of the test before'), kernel(100.1, 99, 'of this test')];
    assert.deepEqual(texts(events, 99), ['of this test']);
  });

  it('are not told twice by a console that prints what the kernel logs', () => {
    const events = [
      consoleLine(10, '[    7.000001] wlan0: associated'),
      consoleLine(10, '[    7.000002][  T123] first line'),
      consoleLine(10, '[    7.000002][  T123] second line'),
      consoleLine(10, '[    7.000003] Kernel panic - not syncing: sysrq triggered crash'),
      kernel(10.2, 7.000001, 'wlan0: associated'),
      kernel(10.2, 7.000002, 'first line second line'),
    ];
    assert.deepEqual(texts(events), [
      'Kernel panic - not syncing: sysrq triggered crash',
      'wlan0: associated',
      'first line second line',
    ]);
  });

  it('are not what a command typed on the console printed, but what the kernel said meanwhile', () => {
    const events = [
      kernel(9, 5, 'the newest known'),
      at(10, 'command.start', { id: 'c', via: 'console', command: 'dmesg; cat log' }),
      consoleLine(10.1, '[    3.000000] Oops: said long ago'),
      consoleLine(10.2, 'Kernel panic in a file'),
      consoleLine(10.3, '[    6.000000] said now'),
      at(11, 'command.end', { id: 'c', exitCode: 0, durationMs: 1, stdout: '', stderr: '' }),
      consoleLine(12, 'a program says something'),
    ];
    assert.deepEqual(texts(events), ['the newest known', 'said now', 'a program says something']);
  });

  it('are whole: a line whose end had not come is told again later', () => {
    assert.deepEqual(texts([consoleLine(1, 'half a', true), consoleLine(2, 'half a line')]), ['half a line']);
  });
});

describe('what the harness did', () => {
  it('took the time before it was told', () => {
    assert.deepEqual(actions(power(20, 'cycle', 3000), power(50, 'reset', 500)), [
      { kind: 'power', fromS: 17, toS: 20 },
      { kind: 'reset', fromS: 49.5, toS: 50 },
    ]);
    assert.deepEqual(actions(at(9, 'power.event', { event: 'snapshot', detail: '1500 ms' })), [
      { kind: 'snapshot', fromS: 7.5, toS: 9 },
    ]);
    assert.deepEqual(actions(did(9, 'link-down', 2000)), [{ kind: 'link-down', fromS: 7, toS: 9 }]);
  });

  it('lasts from the freeze to the thaw, and from the cut of the network to its return, or to the end', () => {
    assert.deepEqual(actions(power(10, 'freeze'), power(70, 'thaw')), [
      { kind: 'freeze', fromS: 10, toS: 70 },
    ]);
    const cut = at(10, 'power.event', { event: 'network link cut' });
    const back = at(30, 'power.event', { event: 'network link up' });
    assert.deepEqual(actions(cut, back), [{ kind: 'network-cut', fromS: 10, toS: 30 }]);
    assert.deepEqual(actions(cut, consoleLine(40, 'x')), [{ kind: 'network-cut', fromS: 10, toS: 40 }]);
  });

  it('lasts while an access point is away, and while a driver is', () => {
    const ap = (atS: number, state: string) => at(atS, 'link.state', { link: 'wlan0', kind: 'ap', state });
    assert.deepEqual(actions(ap(10, 'up'), ap(20, 'stopped'), ap(90, 'up'), ap(95, 'stopped')), [
      { kind: 'link-down', fromS: 20, toS: 90 },
      { kind: 'link-down', fromS: 95, toS: 95 },
    ]);
    assert.deepEqual(actions(did(10, 'unload', 1000), did(70, 'load', 2000)), [
      { kind: 'unload', fromS: 9, toS: 70 },
      { kind: 'load', fromS: 68, toS: 70 },
    ]);
    const inUse = did(10, 'unload', 1000, false);
    assert.deepEqual(actions(inUse, consoleLine(99, 'x')), [{ kind: 'unload', fromS: 9, toS: 10 }]);
  });

  it('is over when the board is booted anew', () => {
    assert.deepEqual(actions(did(10, 'unload', 1000), power(50, 'cycle'), consoleLine(99, 'x')), [
      { kind: 'unload', fromS: 9, toS: 50 },
      { kind: 'power', fromS: 50, toS: 50 },
    ]);
  });

  it('has the signatures that a test wanted', () => {
    const expected = { durationMs: 1000, ok: true, signatures: ['mt76/*'] };
    const wanted = at(9, 'harness.action', { action: 'provoked', ...expected });
    assert.deepEqual(actions(wanted), [{ kind: 'provoked', fromS: 8, toS: 9, signatures: ['mt76/*'] }]);
  });
});

const TIMEOUT: Signature = {
  ...{ id: 'mt76/mcu-timeout', literals: ['Message '], pattern: /Message [0-9a-f]+ \(seq \d+\) timeout/ },
  ...{ class: 'fw-timeout', blame: 'product', role: 'root', source: 'mt76' },
  ...{ meaning: 'the firmware does not answer', next: 'look at its core dump' },
};

describe('the findings of a test', () => {
  const failing = [
    kernel(10, 1, 'mt7921e 0000:01:00.0: Message 00020002 (seq 3) timeout'),
    kernel(20, 11, 'x'),
  ];

  it('are the failures that its records show', () => {
    const { primary, findings } = classifyEvidence(evidenceOf(failing), [TIMEOUT]);
    assert.deepEqual([primary, findings.length, findings[0]?.signature], ['fw-timeout', 1, TIMEOUT.id]);
  });

  it('are not those that it provoked', () => {
    const provoked = did(10.5, 'provoked', 2000);
    assert.equal(classifyEvidence(evidenceOf([...failing, provoked]), [TIMEOUT]).primary, 'benign');
  });
});

describe('the log of findings', () => {
  it('numbers its lines as findings do, and tells seconds since the test began', () => {
    const { records } = evidenceOf([consoleLine(100.25, 'first'), consoleLine(112, 'second')]);
    assert.equal(evidenceLog(records, 100), '1     0.250 first\n2    12.000 second\n');
    const one = evidenceLog([{ text: 'a\r\nb', atS: 1 }], 0);
    assert.equal(one.split('\n').length, 2, 'a record is one line');
  });
});

describe('the tests of a journal', () => {
  let mono = 0;
  const event = <K extends EventKind>(board: string, kind: K, data: PayloadInput<K>): AnyEvent => {
    mono += 1e9;
    const envelope = {
      seq: mono / 1e9,
      mono,
      wall: '2026-11-21T07:15:00.000Z',
      board,
      source: sourceOf(kind),
    };
    // Kind and payload belong together by K.
    return { ...envelope, kind, data: PAYLOADS[kind].parse(data) } as AnyEvent;
  };
  const acquired = (board: string, test: string) =>
    event(board, 'lease.acquired', { lease: 'l', owner: `run-1: ${test}`, token: 1, waitedMs: 0 });
  const said = (board: string, text: string) => event(board, 'console.line', { text });
  const released = (board: string) => event(board, 'lease.released', { lease: 'l', reason: 'given back' });

  it('are those of each board, also where they ran at once, with what their board said', () => {
    const scopes = new JournalScopes();
    const ended = [
      said('vb1', 'before'),
      acquired('vb1', 'a › joins: once'),
      acquired('vb2', 'b'),
      said('vb1', 'of a'),
      said('vb2', 'of b'),
      released('vb1'),
      said('vb1', 'between'),
      acquired('vb1', 'c'),
      said('vb1', 'of c'),
      released('vb2'),
    ].flatMap((one) => scopes.take(one) ?? []);
    const shown = (all: JournalScope[]) =>
      all.map(({ board, test, events }) => [board, test, texts(events.events)]);
    assert.deepEqual(shown(ended), [
      ['vb1', 'a › joins: once', ['of a']],
      ['vb2', 'b', ['of b']],
    ]);
    assert.deepEqual(shown(scopes.rest()), [['vb1', 'c', ['of c']]]);
  });
});

describe('the events kept of a test', () => {
  const limits = { events: 100, chars: 10_000 };

  it('are those that say something, and of commands those typed on the console', () => {
    const kept = new ScopeEvents(0, limits);
    const end = { exitCode: 0, durationMs: 1, stdout: '', stderr: '' };
    for (const event of [
      at(1, 'command.start', { id: 'ssh-1', via: 'ssh', command: 'true' }),
      at(1, 'command.end', { id: 'ssh-1', ...end }),
      at(1, 'command.start', { id: 'console-1', via: 'console', command: 'true' }),
      at(1, 'command.end', { id: 'console-1', ...end }),
      at(1, 'board.state', { state: 'ready' }),
      consoleLine(1, 'x'),
    ])
      kept.take(event);
    assert.deepEqual(
      kept.events.map(({ kind }) => kind),
      ['command.start', 'command.end', 'console.line'],
    );
  });

  it('are bounded in number and size: the oldest lines go first, and are counted', () => {
    const sizes = fc.array(fc.nat(300), { minLength: 1, maxLength: 1000 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const kept = new ScopeEvents(0, limits);
        kept.take(power(0, 'on'));
        for (const [index, length] of lengths.entries()) kept.take(consoleLine(index, '.'.repeat(length)));
        assert.ok(kept.events.length <= limits.events);
        const lines = kept.events.filter(({ kind }) => kind === 'console.line');
        assert.equal(kept.events[0]?.kind, 'power.action');
        assert.equal(lines.length + kept.dropped, lengths.length);
        assert.equal(lines.at(-1)?.atS, lengths.length - 1);
        const chars = lines.reduce(
          (sum, { data }) => sum + ('text' in data ? String(data.text).length : 0),
          0,
        );
        assert.ok(chars <= limits.chars);
      }),
    );
  });

  it('are bounded though nothing but the harness itself speaks', () => {
    const kept = new ScopeEvents(0, limits);
    for (let second = 0; second < 1000; second++) kept.take(power(second, 'reset'));
    assert.ok(kept.events.length <= limits.events);
    assert.equal(kept.events.at(-1)?.atS, 999);
  });
});
