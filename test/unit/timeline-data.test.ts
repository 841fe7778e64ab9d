import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnyEvent, type EventKind, type PayloadInput, sourceOf } from '../../lab/journal/event.ts';
import { TimelineBuilder } from '../../reporters/timeline/data.ts';
import { timelinePage } from '../../reporters/timeline/page.ts';
import { throughputPicture } from '../../reporters/timeline/picture.ts';

function adder(builder: TimelineBuilder) {
  let seq = 0;
  return <K extends EventKind>(kind: K, ms: number, data: PayloadInput<K>, board: string | null = 'b1') => {
    const wall = new Date(Date.UTC(2026, 0, 2) + ms).toISOString();
    // Kind and payload belong together, which a generic can't show.
    const event = { seq: ++seq, mono: 5e9 + ms * 1e6, wall, board, source: sourceOf(kind), kind, data };
    builder.add(event as unknown as AnyEvent);
  };
}

test('lines of the kernel stand where its clock says, also when that is known only later, with how far off they can be', () => {
  const builder = new TimelineBuilder();
  const add = adder(builder);
  add('board.state', 0, { state: 'booting' });
  add('kernel.boot', 10, { bootId: 'one' });
  add('kernel.record', 5000, { seq: 1, level: 3, us: 2_000_000, text: 'told late' });
  add('kernel.record', 5000, { seq: 2, level: 6, us: 100, text: 'before the run', subsystem: 'usb' });
  add('clock.mapping', 6000, {
    ...{ clock: 'kernel', bootId: 'one', offsetNs: 4e9, boundNs: 3e6, atNs: 11e9, samples: 3 },
  });
  const { lines, lanes } = builder.build();
  const at = (text: string) => lines.text.findIndex((each) => each.includes(text));
  const late = at('told late');
  assert.equal(lines.t[late], 1000);
  assert.ok((lines.error[late] ?? 0) >= 3);
  assert.deepEqual([lanes[lines.lane[late] ?? -1], lines.bad[late]], ['kernel', 1]);
  assert.deepEqual(
    [lines.t[at('before the run')], lanes[lines.lane[at('before the run')] ?? -1]],
    [0, 'usb'],
  );
  assert.deepEqual(
    lines.t,
    [...lines.t].sort((a, b) => a - b),
  );
});

test('rates, repeats and breaches stand where they happened, not where they were told', () => {
  const builder = new TimelineBuilder();
  const add = adder(builder);
  add('soak.start', 0, { soak: 's', rateBps: 20e6, floorBps: 15e6, durationS: 3 });
  add('iperf3.start', 0, { test: 't', command: '', protocol: 'udp', direction: 'up' });
  for (let second = 0; second < 3; second++)
    add('iperf3.interval', 1500 + 1000 * second, {
      ...{ test: 't', startS: second, endS: second + 1, bytes: 1, bitsPerSecond: 20e6 },
    });
  add('soak.breach', 3600, { soak: 's', criterion: 'floor', atS: 2, message: 'low' });
  for (const [ms, txRetries] of [
    [1000, 10],
    [3000, 30],
    [4000, 5],
    [5000, 6],
  ] as const)
    add('probe.radio', ms, { end: 'both', interface: 'wlan0', station: '02:00', txRetries });
  add('soak.end', 4000, { soak: 's', verdict: 'fail', message: '' });
  const { charts, breaches } = builder.build();
  const [rate, again] = charts;
  assert.deepEqual(rate?.lines[0]?.t, [1000, 2000, 3000]);
  assert.deepEqual(rate?.floors, [{ from: 0, to: 4000, v: 15 }]);
  assert.deepEqual(again?.lines[0]?.v, [10, 1], 'a second, and not over a new association');
  assert.deepEqual(breaches, [{ t: 2500, criterion: 'floor', message: 'low' }]);
});

test('what a board says stays text in the page, and control characters stay out of it', () => {
  const builder = new TimelineBuilder();
  adder(builder)('console.line', 0, { text: '</script>\u001b[2J\u2028{{data}} $& <!--' });
  const page = timelinePage(builder.build());
  assert.equal(page.split('</script>').length - 1, 2, 'its own two');
  assert.ok(!page.includes('\u001b') && !page.includes('\u2028'));
  const json = /<script type="application\/json" id="data">(.*)<\/script>/.exec(page)?.[1] ?? '';
  assert.equal(JSON.parse(json).lines.text[0], '</script>{{data}} $& <!--');
});

test('of more lines than a browser can hold all bad ones are shown, and the others evenly', () => {
  const builder = new TimelineBuilder();
  const add = adder(builder);
  for (let line = 0; line < 330_000; line++)
    add('kernel.record', line, { seq: line, level: line % 1000 === 0 ? 3 : 6, us: 0, text: 'x' });
  const { lines, leftOut } = builder.build();
  assert.equal(lines.bad.filter((bad) => bad === 1).length, 330);
  assert.ok(lines.t.length <= 300_001 && lines.t.length > 299_000, String(lines.t.length));
  assert.equal(leftOut, 330_000 - lines.t.length);
  const firstHalf = lines.t.filter((t) => t < 165_000).length / lines.t.length;
  assert.ok(Math.abs(firstHalf - 0.5) < 0.01);
});

test('the still picture has the rate, its floor and what broke, whatever a message holds', () => {
  const picture = throughputPicture({
    intervals: [
      { startS: 0, endS: 1, bitsPerSecond: 20e6 },
      { startS: 1, endS: 2, bitsPerSecond: 2e6 },
    ],
    ...{ floorBps: 15e6, verdict: 'fail', message: 'a < b & "c"' },
    breaches: [{ atS: 1, criterion: 'floor', message: '<script>\u0007' }],
  });
  assert.match(picture, /fail: a &lt; b &amp; "c"/);
  assert.match(picture, /<title>&lt;script&gt; <\/title>/);
  assert.match(picture, /polyline points="60\.0,[\d.]+ 474\.0,[\d.]+ 474\.0,[\d.]+ 888\.0,[\d.]+"/);
  assert.match(
    throughputPicture({ intervals: [], floorBps: 1, verdict: 'lab', message: '', breaches: [] }),
    /^<svg/,
  );
});
