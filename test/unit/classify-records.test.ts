/** What was recorded on a board, classified. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyRecords } from '../../lab/verdict/classify/records.ts';
import { SIGNATURES } from '../../lab/verdict/signatures/index.ts';
import { oops } from './crash-lines.ts';

test('a finding tells its line whole, wherever it is among the records', () => {
  const text = 'mt7921e 0000:01:00.0: Message 00020007 (seq 12) timeout';
  const { findings } = classifyRecords(
    [text, 'wlan0: authenticated', text].map((line, at) => ({ text: line, atS: at })),
    [],
    SIGNATURES,
  );
  assert.deepEqual(
    findings.map((finding) => finding.text),
    [text],
  );
});

test('an oops is one finding, with its crash', () => {
  const records = ['wlan0: authenticated', ...oops()].map((text, at) => ({ text, atS: at / 1000 }));
  const { primary, findings } = classifyRecords(records, [], SIGNATURES);
  assert.equal(primary, 'oops');
  const [finding] = findings;
  assert.deepEqual(finding?.lines, [2, records.length]);
  assert.deepEqual(finding?.crash?.frames.slice(0, 2), ['demo_start', 'demo_tx']);
});
