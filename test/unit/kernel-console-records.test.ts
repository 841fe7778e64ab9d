import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConsoleRecords, parseConsoleRecord } from '../../lab/kernel/console-records.ts';

const line = (us: number, text: string): string =>
  `[${String(Math.floor(us / 1e6)).padStart(5)}.${String(us % 1e6).padStart(6, '0')}] ${text}`;
const record = (seq: number, us: number, text: string) => ({ seq, us, level: 6, text });
const texts = (records: ConsoleRecords, after = -1, before = Number.POSITIVE_INFINITY) =>
  records.take(after, before).map(({ text }) => text);

test('a record is read from a console line with or without level and caller, also behind a prompt', () => {
  const wanted = { us: 12_345_678, level: -1, text: 'usb 1-1: new device' };
  assert.deepEqual(parseConsoleRecord('[   12.345678] usb 1-1: new device'), wanted);
  assert.deepEqual(parseConsoleRecord('<4>[   12.345678][  T123] usb 1-1: new device'), {
    ...wanted,
    level: 4,
  });
  assert.deepEqual(parseConsoleRecord('root@board:~# [   12.345678] usb 1-1: new device'), wanted);
  for (const other of ['', 'login: ', '[ OK ] Started sshd', '[   12.345678] ', '[12] x'])
    assert.equal(parseConsoleRecord(other), null);
});

test('what SSH brings before or after the console shows it is not told again', () => {
  const records = new ConsoleRecords();
  records.heard(line(10, 'first'));
  assert.equal(records.delivered(record(0, 10, 'first')), false);
  assert.equal(records.delivered(record(1, 20, 'second')), false);
  records.heard(line(20, 'second'));
  assert.deepEqual(texts(records), []);
});

test('what the console told alone is told once, though SSH brings it later', () => {
  const records = new ConsoleRecords();
  records.heard(line(10, 'alone'));
  assert.deepEqual(texts(records, 5, 15), ['alone']);
  assert.deepEqual(texts(records), []);
  assert.equal(records.delivered(record(0, 10, 'alone')), true);
});

test('a gap is filled with what lies in it, and with no more than is missing', () => {
  const records = new ConsoleRecords();
  for (const us of [10, 20, 30, 40]) records.heard(line(us, `at ${us}`));
  assert.deepEqual(
    records.take(10, 40, 1).map(({ text }) => text),
    ['at 20'],
  );
  assert.deepEqual(texts(records, 10, 40), ['at 30']);
});

test('a boot that the console shows first keeps what it has shown of it, and forgets the boot before', () => {
  const records = new ConsoleRecords();
  records.heard(line(90, 'old'));
  assert.equal(records.beginsBoot(line(0, 'Linux version 6.1')), true);
  records.heard(line(0, 'Linux version 6.1'));
  records.heard(line(5, 'early'));
  records.enterBoot();
  assert.deepEqual(texts(records), ['Linux version 6.1', 'early']);
});

test('whatever order records and lines come in, each is told exactly once', () => {
  const steps = fc.shuffledSubarray(
    Array.from({ length: 20 }, (_, at) => at).flatMap((at) => [`ssh ${at}`, `console ${at}`]),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(steps, (order) => {
      const records = new ConsoleRecords();
      const told: number[] = [];
      for (const step of order) {
        const [by, number = ''] = step.split(' ');
        const at = Number(number);
        if (by === 'console') records.heard(line(at + 1, `n${at}`));
        else if (!records.delivered(record(at, at + 1, `n${at}`))) told.push(at);
      }
      told.push(...records.take(-1, Number.POSITIVE_INFINITY).map(({ us }) => us - 1));
      const all = new Set(order.map((step) => Number(step.split(' ')[1])));
      assert.deepEqual(
        told.sort((a, b) => a - b),
        [...all].sort((a, b) => a - b),
      );
    }),
  );
});

test('memory is bounded however much the console shows', () => {
  const records = new ConsoleRecords();
  for (let us = 1; us <= 100_000; us++) records.heard(line(us, 'x'));
  const left = records.take(-1, Number.POSITIVE_INFINITY);
  assert.ok(left.length <= 30_000);
  assert.equal(left.at(-1)?.us, 100_000);
});
