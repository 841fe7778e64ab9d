import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { posixSum, proves, SUM_COMMAND } from '../../lab/board/console/checksum.ts';
import { typedCommand } from '../../lab/board/console/frame.ts';
import { ConfigError } from '../../lab/errors.ts';
import { failure } from '../failure.ts';
import { bench, shellOnPty, type Tamper, texts } from './console-bench.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-run-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const LIMIT = { timeout: 120_000 };

const SEQ = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('');
const CASES: [string, string, number][] = [
  ['echo hello', 'hello\n', 0],
  ["printf '%s' \"it's \\$HOME !! ~ `echo x`\"; exit 7", "it's $HOME !! ~ x", 7],
  ['echo out; echo err >&2; false', 'out\nerr\n', 1],
  ['for i in 1 2 3; do\n  echo "line $i"\ndone', 'line 1\nline 2\nline 3\n', 0],
  ["printf '\\033[31mred\\033[0m\\ttab\\n'", '\x1b[31mred\x1b[0m\ttab\n', 0],
  ['printf "\\n\\ntwo\\n\\n"', '\n\ntwo\n\n', 0],
  ["printf 'dos\\r\\nline\\r\\n'", 'dos\r\nline\r\n', 0],
  ["printf '[   12.345678] looks like the kernel\\n'", '[   12.345678] looks like the kernel\n', 0],
  ["printf 'Grüße, 世界'", 'Grüße, 世界', 0],
  ['cat; echo no input', 'no input\n', 0],
  ['exit 300', '', 44],
  ['kill -9 $$', '', 137],
  ['', '', 0],
  ['seq 20000', SEQ, 0],
];

for (const shell of ['dash -i', 'bash -i', 'bash --norc --posix -i']) {
  test(`commands in ${shell} give their exit code and output exactly, however odd`, LIMIT, async () => {
    await using board = await shellOnPty(folder, shell);
    for (const [command, output, exitCode] of CASES) {
      const { durationMs, ...result } = await board.console.run(command, { timeoutMs: 20_000 });
      // Both shells say what they made of a signal, in their own words.
      if (exitCode === 137) result.output = '';
      assert.deepEqual(result, { output, exitCode, disturbed: false }, command);
      assert.ok(durationMs > 0);
    }
    assert.equal(texts(board.events, 'command.start', 'via')[0], 'console');
    assert.equal(texts(board.events, 'command.end', 'exitCode').length, CASES.length);
  });
}

test('any bytes that a program prints come back, but for NUL', LIMIT, async () => {
  await using board = await shellOnPty(folder, 'dash -i');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 2000 }), async (text) => {
      const octal = [...Buffer.from(text.replaceAll('\0', ''))]
        .map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`)
        .join('');
      const { output, disturbed } = await board.console.run(`printf %b '${octal}'`);
      assert.deepEqual([output, disturbed], [text.replaceAll('\0', ''), false]);
    }),
    { numRuns: 30 },
  );
});

/** Puts a text at a random place into some of the pieces that come from the board. */
function intrude(chance: number, text: () => string): Tamper {
  return (bytes) => {
    if (Math.random() >= chance) return bytes;
    const at = Math.floor(Math.random() * (bytes.length + 1));
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(text()), bytes.subarray(at)]);
  };
}

test('kernel lines anywhere in the output are taken out; none of 400 results is wrong', LIMIT, async () => {
  let intruded = 0;
  const received = intrude(0.9, () => `[ ${++intruded}.123456] wlan0: link ${intruded} is up\r\n`);
  await using board = await shellOnPty(folder, 'dash -i', { received });
  let disturbed = 0;
  for (let run = 0; run < 400; run++) {
    const right = `start ${run}\n${SEQ.slice(0, 100)}end\n`;
    const result = await board.console.run(
      `echo start ${run}; printf '${SEQ.slice(0, 100)}'; echo end; exit 3`,
    );
    if (result.disturbed) disturbed++;
    else assert.deepEqual([result.output, result.exitCode], [right, 3]);
  }
  assert.ok(intruded > 400, `${intruded} lines were put in`);
  assert.ok(disturbed <= 4, `${disturbed} of 400 could not be proven`);
});

test('what is not known as a kernel line is noticed: right, or said to be disturbed', LIMIT, async () => {
  const received = intrude(0.3, () => 'usb 1-1: new device\r\n');
  await using board = await shellOnPty(folder, 'dash -i', { received });
  let disturbed = 0;
  for (let run = 0; run < 100; run++) {
    const result = await board.console.run('echo one; echo two').catch(() => null);
    if (!result || result.disturbed) disturbed++;
    else assert.equal(result.output, 'one\ntwo\n');
  }
  assert.ok(disturbed < 20, `${disturbed} of 100 could not be proven`);
});

test('a result that stays disturbed is given as it was seen, without an exit code', LIMIT, async () => {
  const received: Tamper = (bytes) =>
    Buffer.from(bytes.toString('latin1').replace('two\r', 'tXo\r'), 'latin1');
  await using board = await shellOnPty(folder, 'dash -i', { received });
  const { durationMs: _, ...result } = await board.console.run('echo one; echo two');
  assert.deepEqual(result, { exitCode: null, output: 'one\ntXo\n', disturbed: true });
  assert.match(texts(board.events, 'command.end', 'error').at(-1) ?? '', /disturbed/);
  assert.equal((await board.console.run('echo fine')).output, 'fine\n');
});

test('a command of which characters are lost is typed again; lost again it is not run', LIMIT, async () => {
  let drop = 1;
  const typed: Tamper = (bytes) => {
    const text = bytes.toString();
    const at = text.indexOf('precious');
    if (at < 0 || drop-- <= 0) return bytes;
    return Buffer.from(text.slice(0, at + 3) + text.slice(at + 4));
  };
  await using board = await shellOnPty(folder, 'dash -i', { typed });
  assert.equal((await board.console.run('echo precious')).output, 'precious\n');
  drop = 2;
  const file = join(folder, 'ran');
  assert.equal((await failure(board.console.run(`echo precious > ${file}`))).code, 'lost-characters');
  assert.throws(() => readFileSync(file));
});

test(
  'a command of 64 KiB is typed no faster than the shell reads; a longer one is refused',
  LIMIT,
  async () => {
    await using board = await shellOnPty(folder, 'dash -i');
    const text = 'x1'.repeat(32_000);
    const { output } = await board.console.run(`printf %s '${text}' | md5sum`, { timeoutMs: 60_000 });
    assert.equal(output, `${createHash('md5').update(text).digest('hex')}  -\n`);
    assert.ok((await failure(board.console.run('x'.repeat(65 * 1024)))) instanceof ConfigError);
    assert.ok((await failure(board.console.run('echo a\0b'))) instanceof ConfigError);
    for (const { lines } of typedCommand(text, 'print'))
      for (const line of lines) assert.ok(line.length < 512, `${line.length} characters in a line`);
  },
);

test('a command that does not end is interrupted, and the next one runs at once', LIMIT, async () => {
  await using board = await shellOnPty(folder, 'bash -i');
  for (const command of ['sleep 86399', "trap '' INT; sleep 86399; sleep 86399", 'yes', 'cat /dev/zero']) {
    const error = await failure(board.console.run(command, { timeoutMs: 700 }));
    assert.equal(error.code, 'timeout', command);
    const started = performance.now();
    assert.equal((await board.console.run('echo alive', { timeoutMs: 10_000 })).output, 'alive\n');
    assert.ok(performance.now() - started < 2000);
  }
  const left = spawnSync('pgrep', ['-fx', 'sleep 86399']).stdout.toString();
  assert.equal(left, '', 'nothing is left running');
});

test('who gives up need not wait for the command before', LIMIT, async () => {
  await using board = await shellOnPty(folder, 'dash -i');
  const before = board.console.run('sleep 1; echo first');
  const started = performance.now();
  const given = failure(board.console.run('echo second', { signal: AbortSignal.timeout(100) }));
  const third = board.console.run('echo third');
  assert.equal((await given).code, 'timeout');
  assert.ok(performance.now() - started < 800);
  assert.deepEqual([(await before).output, (await third).output], ['first\n', 'third\n']);
});

test('without a shell a command is not typed into whatever is there', LIMIT, async () => {
  await using board = await bench({
    answer: (typed, say) => say(`${typed.replaceAll('\r', '\r\n')}b login: `),
  });
  const error = await failure(board.console.run('reboot'));
  assert.equal(error.code, 'no-shell');
  assert.match(error.hint ?? '', /log in first/);
  assert.ok(!board.typed.join('').includes('reboot'));
});

/** A board that asks for a name, and for a password, and then is a shell that can calculate. */
function login(password: string | null, swallowed = 0): (typed: string, say: (text: string) => void) => void {
  let state: 'name' | 'password' | 'shell' = 'name';
  let name = '';
  return (typed, say) => {
    for (const line of typed
      .replace(/[\x03\x15\x1c]/g, '')
      .split('\r')
      .slice(0, -1)) {
      if (state === 'shell') {
        const mark = /echo H''(IL-\w+-R)/.exec(line)?.[1];
        say(`${line}\r\n${mark ? `H${mark}42\r\n` : ''}# `);
      } else if (state === 'password') {
        state = line === password ? 'shell' : 'name';
        say(state === 'shell' ? '\r\nLast login: today\r\n# ' : '\r\nLogin incorrect\r\nb login: ');
      } else if (line === '') say('\r\nb login: ');
      else if (swallowed > 0) swallowed--;
      else {
        name = line;
        state = password === null ? 'shell' : 'password';
        say(`${name}\r\n${password === null ? '# ' : 'Password: '}`);
      }
    }
  };
}

test('a login types the name and the password; the password is not recorded', LIMIT, async () => {
  await using board = await bench({ answer: login('s3cret'), prompt: { password: 's3cret' } });
  await board.console.login({ timeoutMs: 10_000 });
  assert.ok(board.happened().includes('logged in'));
  assert.doesNotMatch(JSON.stringify(board.events), /s3cret/);
});

test(
  'a login goes on where a shell is already, and tries again where a name was swallowed',
  LIMIT,
  async () => {
    await using board = await bench({ answer: login(null) });
    await board.console.login({ timeoutMs: 10_000 });
    const names = board.typed.filter((text) => text === 'root\r').length;
    await board.console.login({ timeoutMs: 10_000 });
    assert.deepEqual([names, board.typed.filter((text) => text === 'root\r').length], [1, 1]);
    await using busy = await bench({ answer: login(null, 1) });
    await busy.console.login({ timeoutMs: 40_000 });
  },
);

test('a wrong password is refused at once; a silent board after the deadline', LIMIT, async () => {
  await using board = await bench({ answer: login('other'), prompt: { password: 's3cret' } });
  assert.equal((await failure(board.console.login({ timeoutMs: 10_000 }))).code, 'login-refused');
  await using silent = await bench();
  const error = await failure(silent.console.login({ timeoutMs: 300 }));
  assert.deepEqual([error.code, error.hint], ['timeout', 'nothing was seen']);
  assert.match(error.message, /within 0\.3 s/);
});

test('both kinds of sum are those of the tools, and prove nothing else', LIMIT, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (array) => {
      const input = Buffer.from(array);
      const sum = (program: string) =>
        spawnSync('sh', ['-c', program], { input }).stdout.toString().replace(/\n$/, '');
      assert.equal(sum('cksum'), `${posixSum(input)} ${input.length}`);
      assert.ok(proves(sum(SUM_COMMAND), input));
      assert.ok(proves(sum('cksum'), input));
      assert.ok(!proves(sum('cksum'), Buffer.concat([input, Buffer.from('x')])));
    }),
    { numRuns: 20 },
  );
});

test('a board without md5sum proves its output by cksum', LIMIT, async () => {
  const bin = mkdtempSync(join(folder, 'bin-'));
  spawnSync('ln', ['-s', '/usr/bin/cksum', '/usr/bin/seq', '/bin/sh', bin]);
  await using board = await shellOnPty(folder, `env PATH=${bin} /bin/dash -i`);
  const { output, exitCode, disturbed } = await board.console.run('seq 3; md5sum');
  assert.match(output, /^1\n2\n3\n.*md5sum: not found\n$/);
  assert.deepEqual([exitCode, disturbed], [127, false]);
});
