import assert from 'node:assert/strict';
import test from 'node:test';
import { classifyText } from '../../lab/verdict/classify/log.ts';
import { unwrap } from '../../lab/verdict/classify/unwrap.ts';

const texts = (text: string): string[] => unwrap(text).map((line) => line.text);

const WRAPPED = [
  'Mar 03 12:00:00 host kernel: wlan0: associate with 02:00:00:00:00:01',
  'Mar 03 12:00:01 host kernel: wlan0: deauthenticated from',
  '02:00:00:00:00:01 (Reason: 3=DEAUTH_LEAVING)',
  'Mar 03 12:00:02 host kernel: wlan0: authenticate with 02:00:00:00:00:01',
];

test('a line that a mail program broke is one again, with the numbers of both', () => {
  const lines = unwrap(WRAPPED.join('\n'));
  assert.equal(lines.length, 3);
  assert.match(lines[1]?.text ?? '', /deauthenticated from 02:00:00:00:00:01 \(Reason: 3/);
  assert.deepEqual([lines[1]?.first, lines[1]?.last, lines[2]?.first], [2, 3, 4]);
});

test('quotes do not keep broken lines apart', () => {
  assert.deepEqual(texts(WRAPPED.map((line) => `> ${line}`).join('\n')), texts(WRAPPED.join('\n')));
});

test('what stands between two records is not taken for the rest of one', () => {
  const prose = [...WRAPPED.slice(0, 2), '', 'and then it dies:', '$ ip link', ...WRAPPED.slice(3)];
  assert.equal(unwrap(prose.join('\n')).length, prose.length);
});

test('without stamps nothing is put together', () => {
  const plain = WRAPPED.map((line) => line.replace(/^.*kernel: /, ''));
  assert.deepEqual(texts(plain.join('\n')), plain);
});

test('line ends of serial captures do not count, and a carriage return alone ends lines where nothing else does', () => {
  assert.deepEqual(texts('one\r\ntwo\r\n'), ['one', 'two']);
  assert.deepEqual(texts('one\rtwo\r'), ['one', 'two']);
  assert.deepEqual(texts('\x1b[31mone\x1b[0m\nend in mid-li'), ['one', 'end in mid-li']);
});

test('a message that a mail program broke is found without stamps as well', () => {
  const broken = 'usb 1-1: some words to make this line as long as it needs: wlan0: \nconnection';
  assert.equal(classifyText(broken).primary, 'benign');
  const lines = [
    'mt7921e 0000:03:00.0: a driver with words in front: Message 00020007',
    '(seq 8) timeout',
    'calm',
  ];
  const result = classifyText(lines.join('\n'));
  assert.deepEqual([result.primary, result.findings[0]?.lines], ['fw-timeout', [1, 2]]);
});
