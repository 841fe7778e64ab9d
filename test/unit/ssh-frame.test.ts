/** Cutting commands, lines and announcements out of what an SSH server sends. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frame, isPlain, newMarker } from '../../lab/board/ssh/frame.ts';
import { launchCommand, parseAnnouncement, survivorsOf } from '../../lab/board/ssh/group.ts';
import { LINE_LIMIT, LineSplitter } from '../../lab/board/ssh/lines.ts';

/** The bytes, cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((x, y) => x - y);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test("a command's output is found whatever it is and however it is torn", () => {
  const output = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('hil-', 'hil-0\n', '\n', ''));
  fc.assert(
    fc.property(output, fc.nat(255), fc.array(fc.nat(400)), (body, code, places) => {
      const marker = newMarker();
      const bytes = Buffer.concat([Buffer.from(body), Buffer.from(`${marker}${code}\nstray of later`)]);
      const reader = new FrameReader(marker);
      for (const chunk of cut(bytes, places)) reader.push(chunk);
      assert.equal(reader.trailer, String(code));
      assert.deepEqual(reader.output(), Buffer.from(body));
    }),
  );
});

test('an unfinished command gives what it has said so far', () => {
  const reader = new FrameReader(newMarker());
  reader.push(Buffer.from('half'));
  assert.equal(reader.done, false);
  assert.equal(reader.output().toString(), 'half');
});

test('a real shell runs framed commands, whatever they contain, one after the other', () => {
  const commands: [command: string, stdout: string, code: number][] = [
    ["echo 'it'\\''s'; exit 7", "it's\n", 7],
    ['if then', '', 2],
    ['cat; printf "no newline"', 'no newline', 0],
    ['cd /tmp; x=1 # comment', '', 0],
    ['echo "[$x]"', '[]\n', 0],
  ];
  const markers = commands.map(() => newMarker());
  const input = commands.map(([command], index) => frame(command, markers[index] ?? '')).join('');
  const { stdout } = spawnSync('sh', { input });
  let rest = stdout;
  for (const [index, [command, expected, code]] of commands.entries()) {
    const reader = new FrameReader(markers[index] ?? '');
    reader.push(rest);
    assert.equal(reader.output().toString(), expected, command);
    assert.equal(reader.trailer, String(code), command);
    rest = rest.subarray(rest.indexOf('\n', rest.indexOf(markers[index] ?? '')) + 1);
  }
});

test('what is run without a subshell leaves the shell as it is', () => {
  for (const command of ['true', 'cat /proc/uptime', 'iw dev wlan0 station dump', '/bin/echo a=b', './x -v'])
    assert.ok(isPlain(command), command);
  for (const command of [
    ...[
      'cd /tmp',
      'exit',
      'x=1',
      'x=1 env',
      'umask 0',
      'echo $x',
      'a; b',
      'a&',
      'a|b',
      'a>b',
      'a <b',
      'if',
      '. ./x',
    ],
    ...[
      'echo *',
      'echo ~',
      'echo ?',
      'a\nb',
      'a # b',
      '',
      ' a',
      'trap',
      'read x',
      'echo {a,b}',
      'echo "a"',
      '!a',
    ],
  ])
    assert.ok(!isPlain(command), command);
  const markers = ['true', 'false', 'nosuchprogram', 'echo a=b  c', 'pwd'].map(
    (command) => [command, newMarker()] as const,
  );
  const input = markers.map(([command, marker]) => frame(command, marker)).join('');
  const { stdout } = spawnSync('sh', { input, cwd: '/tmp' });
  const found = markers.map(([, marker]) => {
    const reader = new FrameReader(marker);
    const from = markers.findIndex((each) => each[1] === marker);
    const before = markers[from - 1]?.[1];
    const at = before === undefined ? 0 : stdout.indexOf('\n', stdout.indexOf(before)) + 1;
    reader.push(stdout.subarray(at));
    return [reader.output().toString(), reader.trailer];
  });
  assert.deepEqual(found, [
    ['', '0'],
    ['', '1'],
    ['', '127'],
    ['a=b c\n', '0'],
    ['/tmp\n', '0'],
  ]);
});

test('a program that was removed is not remembered, nor one hidden by another', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hil-path-'));
  for (const [folder, text] of [
    ['first', 'echo one'],
    ['second', 'echo two'],
  ] as const) {
    mkdirSync(join(dir, folder));
    writeFileSync(join(dir, folder, 'hil-demo'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const script = [
    `PATH=${dir}/first:${dir}/second:$PATH`,
    `mv ${dir}/first/hil-demo ${dir}/aside`,
    'hil-demo',
    `mv ${dir}/aside ${dir}/first/hil-demo`,
    'hil-demo',
    `rm ${dir}/first/hil-demo ${dir}/second/hil-demo`,
    'command -v hil-demo',
  ];
  const input = script.map((line, index) => (index === 0 ? `${line}\n` : frame(line, 'mark'))).join('');
  const { stdout } = spawnSync('sh', { input, encoding: 'utf8' });
  assert.deepEqual(stdout.match(/one|two|hil-demo$/gm), ['two', 'one']);
  assert.match(stdout, /mark127\n$/, 'command -v finds nothing');
});

test('a launched program announces itself, then is the command', () => {
  const marker = newMarker();
  const command = launchCommand({ marker, tags: ['HIL_T=1'], command: 'echo "$HIL_T"; cat', stdin: false });
  const { stdout } = spawnSync('sh', ['-c', command], { input: 'not for it', encoding: 'utf8' });
  const [first = '', ...rest] = stdout.split('\n');
  const announced = parseAnnouncement(first, marker);
  assert.ok(announced);
  assert.equal(announced.pid, announced.pgid, 'it leads its own process group');
  assert.match(announced.bootId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, ['1', '']);
});

test('a line without the random word announces nothing', () => {
  assert.equal(parseAnnouncement('hil-other 1 1 ab', newMarker()), undefined);
});

test('survivors are read with any name a process may have', () => {
  assert.deepEqual(survivorsOf('\n12 D 12 (a (b) c) D 1 12 12\njunk\n'), [
    { pid: 12, state: 'D', comm: 'a (b) c' },
  ]);
});

test('lines come whole however torn, without carriage returns, and the last one too', () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '日', ' ', '😀') }), { minLength: 1 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(400)), (lines, places) => {
      const seen: string[] = [];
      const splitter = new LineSplitter((line) => seen.push(line));
      for (const chunk of cut(Buffer.from(lines.join('\r\n')), places)) splitter.push(chunk);
      splitter.end();
      assert.deepEqual(seen, lines.at(-1) === '' ? lines.slice(0, -1) : lines);
    }),
  );
});

test('an endless line comes in pieces of bounded length, none of it missing', () => {
  const pieces: string[] = [];
  const splitter = new LineSplitter((line) => pieces.push(line));
  for (let chunk = 0; chunk < 100; chunk++) splitter.push(Buffer.alloc(10_000, 'x'));
  splitter.end();
  assert.ok(pieces.every(({ length }) => length <= LINE_LIMIT));
  assert.equal(pieces.join('').length, 1_000_000);
});
