/** The kernel's records over boots, lost connections and snapshots. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HISTORY_CHARS, KernelHistory } from '../../lab/kernel/history.ts';
import type { KernelRecord } from '../../lab/kernel/kmsg.ts';

function record(seq: number, us = seq * 10): KernelRecord {
  return { seq, us, level: 6, text: `record ${seq}` };
}

function historyOf(bootId: string, ...seqs: number[]): KernelHistory {
  const history = new KernelHistory();
  history.enterBoot(bootId);
  for (const seq of seqs) history.take(record(seq), true);
  return history;
}

test('whatever part of the ring is read again, each record is kept once, in order', () => {
  const reads = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(reads, (ranges) => {
      const history = new KernelHistory();
      history.enterBoot('a');
      let highest = -1;
      let lost = 0;
      for (const [from, length] of ranges) {
        for (let seq = from; seq < from + length; seq++) {
          lost += history.take(record(seq), true).lost;
          highest = Math.max(highest, seq);
        }
      }
      const seqs = history.since({ bootId: 'a', seq: -1 }).map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].sort((x, y) => x - y),
      );
      assert.equal(history.lostSince({ bootId: 'a', seq: -1 }), lost);
      const first = seqs[0];
      if (first !== undefined) assert.equal(seqs.length + lost, highest - first + 1);
    }),
  );
});

test('what the ring had lost before anyone looked is not counted; what is lost later is', () => {
  const history = historyOf('a', 100, 101);
  const mark = history.mark();
  assert.equal(history.lostSince({ bootId: 'a', seq: -1 }), 0);
  assert.deepEqual(history.take(record(105), true), { fresh: true, lost: 3 });
  assert.equal(history.lostSince(mark), 3);
  assert.equal(history.lostSince(history.mark()), 0);
});

test('a reboot that was followed must show its log from the first record', () => {
  const history = historyOf('a', 0, 1);
  const mark = history.mark();
  assert.equal(history.enterBoot('b'), true);
  assert.equal(history.enterBoot('b'), false);
  assert.equal(history.take(record(4), true).lost, 4);
  assert.deepEqual(
    history.since(mark).map(({ seq }) => seq),
    [4],
  );
  assert.deepEqual(history.mark(), { bootId: 'b', seq: 4 });
});

test('a board set back to a snapshot logs numbers again that were seen with other times', () => {
  const history = historyOf('a', 0, 1, 2, 3, 4, 5);
  const mark = history.mark();
  assert.equal(history.take(record(2), true).fresh, false, 'the same record read again');
  assert.equal(history.take(record(3, 999), true).fresh, true);
  assert.equal(history.take(record(4, 1000), true).fresh, true);
  assert.deepEqual(
    history.since(mark).map(({ us }) => us),
    [999, 1000],
  );
  const later = history.mark();
  assert.equal(history.enterBoot('a'), false);
  assert.equal(history.take(record(5, 1001), true).fresh, true);
  assert.deepEqual(
    history.since(later).map(({ us }) => us),
    [1001],
  );
  assert.equal(history.since({ bootId: 'a', seq: -1 }).length, 9);
});

test('memory is bounded, and what no longer fits counts as lost', () => {
  const history = new KernelHistory(100);
  history.enterBoot('a');
  for (let seq = 0; seq < 1000; seq++) history.take(record(seq), true);
  const kept = history.since({ bootId: 'a', seq: -1 });
  assert.ok(kept.length <= 100 && kept.length >= 90);
  assert.equal(kept.at(-1)?.seq, 999);
  assert.equal(kept.length + history.lostSince({ bootId: 'a', seq: -1 }), 1000);
});

test('long records are counted as lost once they no longer fit into memory', () => {
  const history = historyOf('a');
  const text = 'x'.repeat(1024);
  const count = (2 * HISTORY_CHARS) / text.length;
  for (let seq = 0; seq < count; seq++) history.take({ ...record(seq), text }, true);
  const kept = history.since({ bootId: 'a', seq: -1 });
  assert.ok(kept.length * text.length <= HISTORY_CHARS);
  assert.equal(kept.at(-1)?.seq, count - 1);
  assert.equal(kept.length + history.lostSince({ bootId: 'a', seq: -1 }), count);
});
