import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { LabError } from '../../lab/errors.ts';
import type { AnyEvent } from '../../lab/journal/event.ts';
import { followJournal, type Problem, readJournal } from '../../lab/journal/reader.ts';
import { JournalWriter, type JournalWriterOptions } from '../../lab/journal/writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-journal-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = () => join(folder, `run-${count++}`, 'journal.jsonl');

async function all(path: string, problems: Problem[] = []): Promise<AnyEvent[]> {
  return await Array.fromAsync(readJournal(path, { onProblem: (problem) => problems.push(problem) }));
}

async function written(path: string, texts: string[], options: JournalWriterOptions = {}): Promise<void> {
  const writer = await JournalWriter.open(path, options);
  for (const text of texts) writer.append('console.line', { text }, 'vb1');
  await writer.close();
}

const textOf = (event: AnyEvent): string | null => (event.kind === 'console.line' ? event.data.text : null);

test('what is written is read, in order, numbered without a gap', async () => {
  const path = fresh();
  await written(path, ['one', 'two\u2028', 'three "quoted"']);
  const events = await all(path);
  assert.deepEqual(events.map(textOf), ['one', 'two\u2028', 'three "quoted"']);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal(events[0]?.source, 'console');
  assert.equal(events[0]?.board, 'vb1');
});

test('a journal cut at any byte is read up to the cut, and goes on', async () => {
  const path = fresh();
  await written(path, ['a', 'bb', 'ccc', 'dddd']);
  const whole = readFileSync(path);
  const lines = whole.toString().split('\n');
  for (let cut = 0; cut <= whole.length; cut += 1) {
    writeFileSync(path, whole.subarray(0, cut));
    const complete = whole.subarray(0, cut).toString().split('\n').length - 1;
    assert.deepEqual((await all(path)).length, complete, `cut at ${cut}`);
  }
  assert.equal(lines.length, 5);
  truncateSync(path, whole.length - 10);
  await written(path, ['again']);
  const problems: Problem[] = [];
  const events = await all(path, problems);
  assert.deepEqual(
    events.map(textOf).filter((text) => text !== null),
    ['a', 'bb', 'ccc', 'again'],
  );
  assert.ok(
    events.some(({ kind }) => kind === 'journal.note'),
    'the repair is recorded',
  );
  assert.deepEqual(
    problems.map(({ line, message }) => `${line} ${message.slice(0, 12)}`),
    ['4 not an event', '5 1 events are'],
    'the torn line is told of, and the event that was lost with it',
  );
});

test('lines that are no events are reported with file and line, and the rest is read', async () => {
  const path = fresh();
  await written(path, ['good']);
  appendFileSync(path, 'garbage\n{"seq":2}\n\x00\xff\n');
  const problems: Problem[] = [];
  assert.equal((await all(path, problems)).length, 1);
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 3, 4],
  );
  assert.equal(problems[0]?.file, path);
});

test('beyond its size a journal goes on in another part; numbers go on too', async () => {
  const path = fresh();
  const writer = await JournalWriter.open(path, { rotateBytes: 2000 });
  for (let i = 0; i < 40; i++) {
    writer.append('console.line', { text: `line ${i}` });
    writer.flush();
  }
  await writer.close();
  await written(path, ['after a restart'], { rotateBytes: 2000 });
  const problems: Problem[] = [];
  const events = await all(path, problems);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    Array.from({ length: 41 }, (_, index) => index + 1),
  );
  assert.deepEqual(problems, []);
});

test('at its limit a journal leaves out what is copious, says how much, and keeps the rest', async () => {
  const path = fresh();
  const writer = await JournalWriter.open(path, { maxBytes: 1000 });
  for (let i = 0; i < 50; i++) {
    writer.append('console.line', { text: 'noise' });
    writer.flush();
  }
  writer.append('run.end', { reason: 'done' });
  await writer.close();
  const events = await all(path);
  const kept = events.filter(({ kind }) => kind === 'console.line').length;
  const notes = events.flatMap((event) => (event.kind === 'journal.note' ? [event.data] : []));
  assert.ok(kept > 0 && kept < 50);
  assert.match(notes[0]?.message ?? '', /limit of 1000 bytes: from now on/, 'said when it begins');
  assert.deepEqual(
    notes.map(({ lostEvents }) => lostEvents),
    [0, 50 - kept],
  );
  assert.ok(events.some(({ kind }) => kind === 'run.end'));
});

test('an event of the wrong shape becomes a note, not a crash', async () => {
  const path = fresh();
  const writer = await JournalWriter.open(path);
  // What a bug of the harness would do, past the compiler.
  const append = writer.append as (kind: 'console.line', data: object) => void;
  append('console.line', { text: 7 });
  await writer.close();
  const [event] = await all(path);
  assert.equal(event?.kind, 'journal.note');
});

test('who follows a journal sees what is there, then what comes, over parts, until the end of the run', {
  timeout: 30_000,
}, async () => {
  const path = fresh();
  const writer = await JournalWriter.open(path, { rotateBytes: 500 });
  writer.append('console.line', { text: 'before' });
  writer.flush();
  const seen: (string | null)[] = [];
  const following = (async () => {
    for await (const event of followJournal(path)) seen.push(textOf(event));
  })();
  for (let i = 0; i < 10; i++) {
    writer.append('console.line', { text: `live ${i}` });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  writer.append('run.end', { reason: 'done' });
  await writer.close();
  await following;
  assert.deepEqual(seen, ['before', ...Array.from({ length: 10 }, (_, i) => `live ${i}`), null]);
});

test('who follows a journal from an event on sees that one first', async () => {
  const path = fresh();
  const writer = await JournalWriter.open(path);
  for (const text of ['a', 'b', 'c']) writer.append('console.line', { text });
  writer.append('run.end', { reason: 'done' });
  await writer.close();
  const seen = await Array.fromAsync(followJournal(path, { from: 3 }));
  assert.deepEqual(
    seen.map(({ seq }) => seq),
    [3, 4],
  );
});

test('numbers go on after a last line of any length', async () => {
  const path = fresh();
  await written(path, ['short', 'x'.repeat(3_000_000)]);
  await written(path, ['again']);
  assert.deepEqual(
    (await all(path)).map(({ seq }) => seq),
    [1, 2, 3],
  );
});

test('a part that ends in a torn line, or begins too late, is reported', async () => {
  const path = fresh();
  await written(path, ['one', 'two', 'three']);
  const lines = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, `${lines[0]}\n{"seq":2,"mo`);
  writeFileSync(path.replace('.jsonl', '.2.jsonl'), `${lines[2]}\n`);
  const problems: Problem[] = [];
  assert.deepEqual((await all(path, problems)).map(textOf), ['one', 'three']);
  assert.deepEqual(
    problems.map(({ line, message }) => `${line}: ${message}`),
    ['2: a torn line', '1: 1 events are missing before this one'],
  );
});

test('a journal whose writer is killed holds all but the last moments', { timeout: 30_000 }, async () => {
  const path = fresh();
  const module = join(import.meta.dirname, '../../lab/journal/writer.ts');
  const program = `
    const { JournalWriter } = await import(${JSON.stringify(module)});
    const writer = await JournalWriter.open(${JSON.stringify(path)});
    setInterval(() => {
      for (let i = 0; i < 20; i++) writer.append('console.line', { text: String(Date.now()) });
    }, 1);`;
  for (let round = 1; round <= 3; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const from = Date.now();
    while (!(await lastTime(path)) || (await lastTime(path)) < from) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const killed = Date.now();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const behind = killed - (await lastTime(path));
    assert.ok(behind < 250, `${behind} ms behind on a busy machine`);
    const problems: Problem[] = [];
    const events = await all(path, problems);
    assert.ok(events.length > 100);
    assert.ok(problems.length <= 2 * (round - 1), problems.map(({ message }) => message).join('; '));
  }
});

async function lastTime(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  const events = await all(path);
  return Number(events.map(textOf).findLast((text) => text !== null) ?? 0);
}

test('a full disk stops nobody: what is lost is counted, and told when there is room again', async (t) => {
  const path = fresh();
  const dir = dirname(path);
  mkdirSync(dir, { recursive: true });
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).status !== 0)
    return t.skip('only root can make a small disk');
  try {
    const writer = await JournalWriter.open(path);
    const filler = join(dir, 'filler');
    writer.append('console.line', { text: 'before' });
    writer.flush();
    writeFileSync(filler, Buffer.alloc(56 * 1024));
    for (let i = 0; i < 30; i++) {
      writer.append('console.line', { text: 'x'.repeat(1000) });
      writer.flush();
    }
    rmSync(filler);
    writer.append('console.line', { text: 'after' });
    await writer.close();
    const problems: Problem[] = [];
    const events = await all(path, problems);
    const texts = events.map(textOf).filter((text) => text !== null);
    const lost = 32 - texts.length;
    assert.equal(texts[0], 'before');
    assert.equal(texts.at(-1), 'after');
    assert.ok(lost > 10, `${lost} lost`);
    const note = events.find((event) => event.kind === 'journal.note');
    assert.equal(note?.kind === 'journal.note' ? note.data.lostEvents : null, lost);
    assert.deepEqual(
      problems.map(({ message }) => message.replace(/^\d+/, 'n')),
      ['n events are missing before this one'],
    );
  } finally {
    spawnSync('umount', [dir]);
  }
});

test('a journal that cannot be begun is a failure of the lab', async () => {
  const path = fresh();
  mkdirSync(path, { recursive: true });
  await assert.rejects(JournalWriter.open(path), LabError);
});

test('any text survives the journal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (texts) => {
      const path = fresh();
      await written(path, texts);
      if (texts.length > 0)
        assert.deepEqual(
          (await all(path)).map(textOf),
          texts.map((text) => Buffer.from(text).toString()),
        );
    }),
    { numRuns: 50 },
  );
});
