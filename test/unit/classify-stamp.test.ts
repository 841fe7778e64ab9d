import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { stampOf, unquote } from '../../lab/verdict/classify/stamp.ts';

const MESSAGE = 'usb 1-1: new device';

/** What stands before a message, and what is read from it. */
const FORMS: readonly [string, { kernelS?: number; wall?: true; stamped?: false }][] = [
  ['', { stamped: false }],
  ['kernel: ', { stamped: false }],
  ['[    1.234567] ', { kernelS: 1.234567 }],
  ['[12345.678901] ', { kernelS: 12345.678901 }],
  ['[    1.234567][  T123] ', { kernelS: 1.234567 }],
  ['[    1.234567] [    C0] ', { kernelS: 1.234567 }],
  ['<3>[    1.234567] ', { kernelS: 1.234567 }],
  ['<14>', {}],
  ['[  +0.000012] ', {}],
  ['[  +9,979664] ', {}],
  ['[Sep19 17:50] ', {}],
  ['[Wed Mar  3 12:00:00 2021] ', { wall: true }],
  ['Mar 03 12:00:00 host kernel: ', { wall: true }],
  ['Okt  3 12:00:00 host kernel: ', { wall: true }],
  ['úno 13 12:00:00 host kernel: ', { wall: true }],
  ['3. bře 12:00:00 host kernel: ', { wall: true }],
  ['Mar 03 12:00:00.123456 host kernel: ', { wall: true }],
  ['Mar 03 12:00:00 host kernel: [   58.250000] ', { wall: true, kernelS: 58.25 }],
  ['Tue Apr 28 07:43:28 2020 kern.warn kernel: [   58.250000] ', { wall: true, kernelS: 58.25 }],
  ['2024-03-03T12:00:00.123456+00:00 host kernel: ', { wall: true }],
  ['2024-03-03 12:00:00,123 ', { wall: true }],
  ['[2024-03-03 12:00:00] ', { wall: true }],
  ['12:00:00.5 ', { wall: true }],
  ['1759401129.932470: ', { wall: true }],
  ['[1588060000.123456] ', { wall: true }],
  ['> ', { stamped: false }],
  ['>> > [    1.234567] ', { kernelS: 1.234567 }],
  ['--> Mar 03 12:00:00 host kernel: ', { wall: true }],
];

test('each way a log line can begin is read', () => {
  for (const [prefix, { kernelS, wall = false, stamped = true }] of FORMS) {
    const stamp = stampOf(`${prefix}${MESSAGE}`);
    assert.equal(stamp.message, MESSAGE, prefix);
    assert.equal(stamp.kernelS, kernelS ?? null, prefix);
    assert.equal(stamp.wallS !== null, wall, prefix);
    assert.equal(stamp.stamped, stamped, prefix);
  }
});

test('times of one kind tell how far apart two lines are', () => {
  const pairs = [
    ['Mar 03 23:59:58 h kernel: x', 'Mar 04 00:00:03 h kernel: x'],
    ['Tue Mar  3 23:59:58 2020 kern.warn kernel: x', 'Wed Mar  4 00:00:03 2020 kern.warn kernel: x'],
    ['2024-03-03T23:59:58Z h kernel: x', '2024-03-04T00:00:03Z h kernel: x'],
    ['1759401129.500000: x', '1759401134.500000: x'],
    ['12:00:00 x', '12:00:05 x'],
  ];
  for (const [before = '', after = ''] of pairs) {
    const [first, second] = [stampOf(before).wallS, stampOf(after).wallS];
    assert.ok(first !== null && second !== null);
    assert.equal(Math.round((second - first) * 1000), 5000, before);
  }
});

test('quotes of mails are taken off, and the text of a line is left alone', () => {
  assert.equal(unquote('> > wlan0: up'), 'wlan0: up');
  assert.equal(unquote('wlan0 > up'), 'wlan0 > up');
  assert.equal(unquote('---[ end trace'), '---[ end trace');
});

test('no line, however odd, makes it throw or lose its message', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (line) => {
      const { message } = stampOf(line);
      assert.ok(line.endsWith(message));
    }),
  );
});
