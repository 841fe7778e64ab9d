/** Crashes of a board that is seen over SSH and on its console. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import type { EventKind, ObservableSink, PayloadInput } from '../../lab/journal/event.ts';
import { CrashWatch } from '../../lab/kernel/crash-watch.ts';
import { FATAL, oops, stamped, warn } from './crash-lines.ts';

type Listener = Parameters<ObservableSink['observe']>[0];

let listener: Listener;
let told: PayloadInput<'crash.report'>[];
let files: string[];
let watch: CrashWatch;
let seq = 0;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  told = [];
  files = [];
  const journal: ObservableSink = {
    append: (kind, data) => {
      // The watch appends nothing else.
      if (kind === 'crash.report' && 'fingerprint' in data) told.push(data);
    },
    observe: (given) => {
      listener = given;
      return () => undefined;
    },
  };
  watch = new CrashWatch({
    journal,
    attach: (stem, extension, content) => {
      files.push(content.toString());
      return `${stem}-${files.length}.${extension}`;
    },
  });
});
afterEach(() => mock.timers.reset());

const say = <K extends EventKind>(kind: K, data: PayloadInput<K>) => listener(kind, data);
const overSsh = (lines: readonly string[]) => {
  for (const text of lines) say('kernel.record', { seq: seq++, level: 4, us: 1, text });
};
const onConsole = (lines: readonly string[]) => {
  for (const text of stamped(lines)) say('console.line', { text, partial: false });
};
const vias = () => told.map(({ kind, via, panicked }) => `${kind} ${via}${panicked ? ' panicked' : ''}`);

test('what both tell is one crash, told by SSH, whoever was first', () => {
  onConsole(warn());
  overSsh(warn());
  overSsh(oops());
  onConsole(oops());
  mock.timers.tick(10_000);
  assert.deepEqual(vias(), ['warn kernel', 'oops kernel']);
  assert.equal(told[0]?.file, 'crash-1.txt');
  assert.match(files[0] ?? '', /warn [0-9a-f]{16}, seen over SSH/);
});

test('what SSH does not tell is told by the console, a little later', () => {
  onConsole(warn());
  assert.deepEqual(vias(), []);
  mock.timers.tick(5000);
  assert.deepEqual(vias(), ['warn console']);
  overSsh(warn());
  mock.timers.tick(5000);
  assert.deepEqual(vias(), ['warn console'], 'late, but the same');
});

test('a board that dies is told by its console at once, with the panic', () => {
  onConsole(oops());
  onConsole(FATAL);
  say('board.state', { state: 'crashed' });
  assert.deepEqual(vias(), ['oops console panicked']);
});

test('a report that stops is told when nothing more comes, and when its test ends', () => {
  overSsh(oops());
  assert.deepEqual(vias(), [], 'a panic may follow');
  mock.timers.tick(1500);
  overSsh(warn().slice(0, 6));
  watch.settle();
  assert.deepEqual(vias(), ['oops kernel', 'warn kernel']);
  assert.deepEqual([told[0]?.complete, told[1]?.complete], [true, false]);
});

test('what a board kept over a reset is told where nobody saw it, and not told again', () => {
  overSsh(oops());
  watch.settle();
  const kept = ['Oops#1 Part1', ...stamped(oops()).map((line) => `<4>${line}`)].join('\n');
  assert.deepEqual(watch.recovered(kept, 'pstore-1.txt'), []);
  const unseen = ['Panic#2 Part1', ...stamped(oops({ place: 'demo_stop' })), ...stamped(FATAL)].join('\n');
  assert.equal(watch.recovered(unseen, 'pstore-2.txt').length, 1);
  assert.deepEqual(vias(), ['oops kernel', 'oops pstore panicked']);
  assert.equal(told[1]?.file, 'pstore-2.txt');
});

test('the same crash again, unseen in a later life of the board, is told again', () => {
  const kept = ['Oops#1 Part1', ...stamped(oops()).map((line) => `<4>${line}`)].join('\n');
  overSsh(oops());
  watch.settle();
  say('board.state', { state: 'booting' });
  assert.deepEqual(watch.recovered(kept, 'pstore-1.txt'), [], 'that of the life before was seen');
  say('board.state', { state: 'booting' });
  assert.equal(watch.recovered(kept, 'pstore-2.txt').length, 1);
});

test('a firmware request that fails is told with what the driver says of it', () => {
  overSsh([
    'demo 0000:01:00.0: firmware: failed to load demo/a.bin (-2)',
    'demo 0000:01:00.0: Direct firmware load for demo/a.bin failed with error -2',
    'usb 1-1: something else',
    'demo 0000:01:00.0: no firmware, giving up',
  ]);
  watch.settle();
  assert.deepEqual(vias(), ['firmware kernel']);
  assert.match(files[0] ?? '', /giving up/);
  assert.doesNotMatch(files[0] ?? '', /something else\n$/);
});

test('a dump of a driver is a file and a crash of its firmware', () => {
  watch.dumped({ device: '1-1:1.0', driver: 'demo_usb', data: Buffer.from('state'), truncated: false });
  assert.deepEqual(vias(), ['devcoredump devcoredump']);
  assert.deepEqual(files, ['state']);
  assert.equal(told[0]?.module, 'demo_usb');
});
