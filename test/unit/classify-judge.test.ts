import assert from 'node:assert/strict';
import test from 'node:test';
import type { Classification, HarnessAction } from '../../lab/verdict/classify/finding.ts';
import { type Hit, hitOf } from '../../lab/verdict/classify/hit.ts';
import { judge } from '../../lab/verdict/classify/judge.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

function signature(id: string, is: Partial<Signature> = {}): Signature {
  return {
    ...{ id, literals: [id], pattern: null, class: 'fw-timeout', blame: 'product', role: 'root' },
    ...{ meaning: 'it broke', next: 'mend it', source: 'this test' },
    ...is,
  };
}

const TIMEOUT = signature('wifi/timeout');
const RESTART = signature('mac80211/restart', { class: 'fw-crash', role: 'symptom' });
const SHUT_DOWN = signature('wifi/shut-down', { role: 'consequence' });
const WARNING = signature('kernel/warn', { class: 'warn', role: 'symptom' });
const UNPLUGGED = signature('usb/disconnect', { class: 'usb-disconnect', blame: 'lab', role: 'symptom' });
const LOW_VOLTS = signature('power/undervoltage', { class: 'undervoltage', blame: 'lab' });
const NO_FILE = signature('firmware/direct-load', { class: 'fw-missing', blame: 'config', role: 'hint' });
const PROBE = signature('kernel/probe', { class: 'probe-fail', role: 'symptom' });
const BOOT = signature('boot/begin-linux', { class: 'benign', blame: 'benign', role: 'marker' });
const STOPPED = signature('wifi/queue-stop', {
  ...{ class: 'tx-stall', role: 'symptom' },
  endedBy: { signatures: ['wifi/queue-wake'], withinS: 5 },
});
const WOKEN = signature('wifi/queue-wake', { class: 'benign', blame: 'benign', role: 'marker' });
const NOISE = signature('wifi/noise', { rate: { count: 3, withinS: 10 } });

interface At {
  device?: string;
  groups?: Record<string, string>;
  /** Seconds of a calendar clock; else of the kernel's. */
  wall?: boolean;
}

type Line = [entry: Signature, atS: number | null, at?: At];

/** Hits at times, one a line; null for lines without a stamp. */
function log(...lines: readonly Line[]): Hit[] {
  return lines.map(([entry, atS, { device, groups = {}, wall = false } = {}], index) => {
    const named: Record<string, string> = device === undefined ? groups : { ...groups, device };
    const stamp = atS === null || wall ? '' : `[${atS.toFixed(6).padStart(12)}] `;
    const time = atS !== null && wall ? { atS } : {};
    return hitOf({
      signature: entry,
      text: `${stamp}${entry.id}`,
      groups: named,
      lines: [index + 1, index + 1],
      ...time,
    });
  });
}

const ids = ({ findings }: Classification): string[] => findings.map((finding) => finding.signature);
const primary = (...lines: Line[]): string => judge({ hits: log(...lines) }).primary;

test('a log without failures is healthy', () => {
  assert.deepEqual(judge({ hits: log([BOOT, 0]) }), {
    ...{ primary: 'benign', classes: ['benign'], verdict: 'benign', firstBadLine: null, findings: [] },
  });
});

test('the root that came first is the cause, and what followed is attached to it', () => {
  const result = judge({ hits: log([TIMEOUT, 10], [RESTART, 10.1], [SHUT_DOWN, 10.2], [WARNING, 11]) });
  assert.equal(result.primary, 'fw-timeout');
  assert.deepEqual(result.classes, ['fw-timeout', 'fw-crash', 'warn']);
  assert.equal(result.firstBadLine, 1);
  assert.deepEqual(
    result.findings.map(({ role }) => role),
    ['cause', 'symptom', 'consequence', 'symptom'],
  );
});

test('a root just after its symptom is still the cause; long after it is another matter', () => {
  assert.equal(primary([WARNING, 10], [TIMEOUT, 10.5]), 'fw-timeout');
  assert.equal(primary([WARNING, 10], [TIMEOUT, 20]), 'warn');
});

test('where no root is seen the earliest symptom is the cause, and a consequence where there is nothing else', () => {
  assert.equal(primary([SHUT_DOWN, 9], [RESTART, 10], [WARNING, 11]), 'fw-crash');
  assert.equal(primary([SHUT_DOWN, 9], [SHUT_DOWN, 10]), 'fw-timeout');
});

test('lines of one signature are one finding with its first and last line and their number', () => {
  const [finding] = judge({ hits: log([TIMEOUT, 1], [TIMEOUT, 2], [TIMEOUT, 3]) }).findings;
  assert.deepEqual([finding?.lines, finding?.count], [[1, 3], 3]);
});

test('a missing file counts only where the device does not come up', () => {
  const device = { device: 'wifi 1-1:1.0' };
  assert.equal(primary([NO_FILE, 1, device]), 'benign');
  assert.equal(primary([NO_FILE, 1, device], [PROBE, 2, { device: 'usb 9-9' }]), 'probe-fail');
  assert.equal(primary([NO_FILE, 1, device], [PROBE, 2, device]), 'fw-missing');
  const named = { ...NO_FILE, confirmedBy: ['wifi/timeout'] };
  assert.equal(primary([named, 1], [TIMEOUT, 2]), 'fw-missing');
  assert.equal(primary([named, 100], [BOOT, 0], [TIMEOUT, 2]), 'fw-timeout');
  const soon = { ...named, confirmedWithinS: 5 };
  assert.equal(primary([soon, 1], [TIMEOUT, 4]), 'fw-missing');
  assert.equal(primary([soon, 1], [TIMEOUT, 40]), 'fw-timeout');
});

test('the number of an error can change what a line means', () => {
  const entry = signature('kernel/probe-of', {
    class: 'probe-fail',
    when: [{ group: 'errno', is: ['517'], means: { class: 'benign', role: 'benign', blame: 'benign' } }],
  });
  assert.equal(primary([entry, 1, { groups: { errno: '517' } }]), 'benign');
  assert.equal(primary([entry, 1, { groups: { errno: '22' } }]), 'probe-fail');
});

test('noise counts only at its rate, of one device', () => {
  assert.equal(primary([NOISE, 1], [NOISE, 2]), 'benign');
  assert.equal(primary([NOISE, 1], [NOISE, 20], [NOISE, 40]), 'benign');
  assert.equal(primary([NOISE, 1], [NOISE, 4], [NOISE, 7]), 'fw-timeout');
  assert.equal(primary([NOISE, 1], [NOISE, 2, { device: 'a' }], [NOISE, 3, { device: 'b' }]), 'benign');
});

test('a queue that is woken in time did not stall; one that is not did', () => {
  assert.equal(primary([STOPPED, 1], [WOKEN, 2]), 'benign');
  assert.equal(primary([STOPPED, 1], [WOKEN, 9]), 'tx-stall');
  assert.equal(primary([STOPPED, 1, { device: 'p2p0' }], [WOKEN, 2, { device: 'wlan0' }]), 'tx-stall');
  assert.equal(primary([STOPPED, null], [WOKEN, null]), 'benign');
});

test('a low supply voltage explains what broke in the seconds before it was told', () => {
  const result = judge({ hits: log([UNPLUGGED, 370.5], [LOW_VOLTS, 370.7]) });
  assert.deepEqual([result.primary, result.verdict, result.firstBadLine], ['undervoltage', 'lab', 1]);
  assert.equal(primary([UNPLUGGED, 300], [LOW_VOLTS, 370]), 'undervoltage');
  assert.deepEqual(judge({ hits: log([UNPLUGGED, 300], [LOW_VOLTS, 370]) }).firstBadLine, 2);
});

test('boots are kept apart, by their banner or by a clock that starts anew', () => {
  const banner = judge({ hits: log([WARNING, 50], [BOOT, 0], [TIMEOUT, 1]) });
  assert.deepEqual(
    banner.findings.map(({ role }) => role),
    ['root', 'cause'],
  );
  assert.equal(judge({ hits: log([WARNING, 50], [TIMEOUT, 1]) }).findings[0]?.role, 'root');
});

test('a log whose newest line is first is read backwards', () => {
  const result = judge({ hits: log([WARNING, 14], [RESTART, 13], [SHUT_DOWN, 12], [TIMEOUT, 11]) });
  assert.equal(result.primary, 'fw-timeout');
});

test('what the harness did is not held against the board', () => {
  const off: HarnessAction = { kind: 'power', fromS: 100, toS: 101 };
  const gone = log([UNPLUGGED, 100.5, { wall: true }], [TIMEOUT, 101, { wall: true }]);
  assert.deepEqual(ids(judge({ hits: gone, actions: [off] })), ['wifi/timeout']);
  assert.deepEqual(ids(judge({ hits: gone })), ['usb/disconnect', 'wifi/timeout']);
  const provoked: HarnessAction = { kind: 'provoked', fromS: 90, toS: 110, signatures: ['fw-timeout'] };
  assert.deepEqual(ids(judge({ hits: gone, actions: [provoked, off] })), []);
  const late: HarnessAction = { kind: 'power', fromS: 20, toS: 21 };
  assert.equal(judge({ hits: gone, actions: [late] }).findings.length, 2);
});

test('lines of a report are told by the line that opens it, but for what a driver says in between', () => {
  const summary = { kind: 'warn', fingerprint: '1', comm: null, taint: null, module: null, frames: ['f'] };
  const inside = signature('kernel/trace', { class: 'warn', role: 'consequence' });
  const hits = log([inside, 1], [WARNING, 1.1], [TIMEOUT, 1.2], [WARNING, 1.3]);
  const result = judge({ hits, reports: [{ lines: [1, 4], summary }] });
  assert.deepEqual(ids(result), ['kernel/warn', 'wifi/timeout']);
  assert.deepEqual(result.findings[0]?.crash, summary);
  assert.deepEqual(result.findings[0]?.lines, [2, 4]);
  assert.equal(result.findings[1]?.crash, undefined);
});

test('a panic at the end of a report is told beside it, and many reports take no longer than their number', () => {
  const summary = { kind: 'oops', fingerprint: '1', comm: null, taint: null, module: null, frames: ['f'] };
  const oops = signature('kernel/oops', { class: 'oops' });
  const panic = signature('kernel/panic', { class: 'panic', role: 'symptom' });
  const one = judge({
    hits: log([oops, 1], [oops, 1.1], [panic, 1.2]),
    reports: [{ lines: [1, 3], summary }],
  });
  assert.deepEqual(
    [one.primary, one.classes, ids(one)],
    ['oops', ['oops', 'panic'], ['kernel/oops', 'kernel/panic']],
  );
  const many = Array.from({ length: 50_000 }, (_, at): Line => [oops, at / 1000]);
  const reports = many.map((_, at) => ({ lines: [at + 1, at + 1] as [number, number], summary }));
  const started = process.cpuUsage();
  assert.equal(judge({ hits: log(...many), reports }).findings[0]?.count, 50_000);
  const { user } = process.cpuUsage(started);
  assert.ok(user < 20e6, `${user / 1e6} s of CPU`);
});
