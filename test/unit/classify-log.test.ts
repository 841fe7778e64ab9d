import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classification } from '../../lab/verdict/classify/finding.ts';
import { classifyText, LogClassifier } from '../../lab/verdict/classify/log.ts';
import type { Signature } from '../../lab/verdict/signatures/signature.ts';

function signature(id: string, literal: string, is: Partial<Signature>): Signature {
  return {
    ...{ id, literals: [literal], pattern: new RegExp(`(?<device>\\w+): ${literal}`), role: 'root' },
    ...{ class: 'fw-timeout', blame: 'product', meaning: 'It broke', next: 'mend it', source: 'this test' },
    ...is,
  };
}

const CATALOGUE: readonly Signature[] = [
  signature('test/lost', 'lost its way', {
    class: 'deauth',
    endedBy: { signatures: ['test/found'], withinS: 60 },
  }),
  signature('test/found', 'found its way', { role: 'marker' }),
  signature('test/noise', 'hisses on', {
    role: 'symptom',
    class: 'usb-error',
    rate: { count: 5, withinS: 1 },
  }),
  signature('test/often', 'is restless', { role: 'consequence', class: 'usb-error' }),
  signature('test/answer', 'answered', {
    pattern: /(?<device>\w+): answered (?<errno>\d+)/,
    when: [{ group: 'errno', is: ['0'], means: { role: 'benign' } }],
  }),
  signature('test/death', 'passed away', { class: 'fw-crash' }),
];
/** Beyond this a log is not held whole. */
const LONG_BYTES = 9 * 1024 * 1024;

function classify(lines: Iterable<string>): Classification {
  const classifier = new LogClassifier(CATALOGUE);
  let at = 0;
  let block = '';
  for (const line of lines) {
    block += `[${(at++ / 1000).toFixed(6).padStart(12)}] ${line}\n`;
    if (block.length < 256 * 1024) continue;
    classifier.push(Buffer.from(block));
    block = '';
  }
  classifier.push(Buffer.from(block));
  return classifier.end();
}

function* calm(bytes: number): Generator<string> {
  const line = 'eth0: nothing of interest happens here, as it has for hours';
  for (let written = 0; written < bytes; written += line.length) yield line;
}

test('a log too long to be held says the same as a short one', () => {
  const story = ['wlan0: lost its way', 'wlan1: is restless', 'wlan1: passed away'];
  const short = classify([...calm(1000), ...story]);
  const long = classify([...calm(LONG_BYTES), ...story]);
  assert.equal(short.primary, long.primary);
  assert.deepEqual(
    long.findings.map(({ signature: id, role }) => [id, role]),
    short.findings.map(({ signature: id, role }) => [id, role]),
  );
});

test('in a long log what ends a failure is kept, however often it was seen without one', () => {
  const success = function* (): Generator<string> {
    for (let count = 0; count < 60_000; count++) yield `wlan${count % 20_000}: found its way`;
  };
  const result = classify([...calm(LONG_BYTES), ...success(), 'wlan7: lost its way', ...success()]);
  assert.equal(result.primary, 'benign');
});

test('in a long log neither success nor noise crowds out a failure that comes late', () => {
  const crowd = function* (): Generator<string> {
    for (let count = 0; count < 60_000; count++) yield `wlan${count}: found its way`;
    for (let count = 0; count < 1000; count++) yield 'usb1: is restless';
  };
  const { primary, classes } = classify([
    ...calm(LONG_BYTES),
    ...crowd(),
    ...calm(100_000),
    'wlan7: passed away',
  ]);
  assert.deepEqual([primary, classes], ['fw-crash', ['fw-crash', 'usb-error']]);
});

test('in a long log failures that were undone make room for the one that was not', () => {
  const roaming = function* (): Generator<string> {
    for (let count = 0; count < 5000; count++) {
      yield 'wlan0: lost its way';
      yield 'wlan0: found its way';
    }
  };
  const calmLog = classify([...calm(LONG_BYTES), ...roaming()]);
  assert.equal(calmLog.primary, 'benign');
  const { primary, firstBadLine } = classify([...roaming(), ...calm(LONG_BYTES), 'wlan0: lost its way']);
  assert.equal(primary, 'deauth');
  assert.ok((firstBadLine ?? 0) > 10_000);
});

test('in a long log noise makes room for the storm', () => {
  const noise = function* (): Generator<string> {
    for (let count = 0; count < 1000; count++) {
      yield 'usb1: hisses on';
      yield* calm(20_000);
    }
  };
  assert.equal(classify(noise()).primary, 'benign');
  const storm = Array.from({ length: 6 }, () => 'usb1: hisses on');
  const { primary, findings } = classify([...noise(), ...calm(100_000), ...storm]);
  assert.deepEqual([primary, findings[0]?.count], ['usb-error', 6]);
});

test('a long log of failures of countless devices is done in time', () => {
  const crowd = function* (): Generator<string> {
    for (let count = 0; count < 300_000; count++) yield `wlan${count}: lost its way`;
  };
  const began = process.cpuUsage();
  assert.equal(classify(crowd()).primary, 'deauth');
  const { user, system } = process.cpuUsage(began);
  assert.ok(user + system < 20_000_000, `${(user + system) / 1e6} s`);
});

test('in a long log lines that a rule declares benign take no room', () => {
  const fine = Array.from({ length: 5000 }, () => 'wlan0: answered 0');
  const { primary, firstBadLine } = classify([...fine, ...calm(LONG_BYTES), 'wlan0: answered 110']);
  assert.equal(primary, 'fw-timeout');
  assert.ok((firstBadLine ?? 0) > 5000);
});

test('a text is classified as the bytes of it are', () => {
  const text = 'wlan0: lost its way\nwlan0: passed away\n';
  const classifier = new LogClassifier(CATALOGUE);
  for (const byte of Buffer.from(text)) classifier.push(Uint8Array.of(byte));
  assert.deepEqual(classifier.end(), classifyText(text, CATALOGUE));
});
