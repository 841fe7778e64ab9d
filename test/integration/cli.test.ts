import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readJournal } from '../../lab/journal/reader.ts';
import { endAll, hil, hilOnTerminal, startHil } from './hil.ts';
import { isAlive, testLab, until } from './lab.ts';

const runs = mkdtempSync(join(tmpdir(), 'runs-'));
const lab = testLab({
  HIL_RUNS_DIR: runs,
  HIL_LEASE_MS: '15000',
  HIL_GRACE_MS: '3000',
  HIL_LINGER_MS: '2000',
  HIL_IDLE_MS: '30000',
});
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
});

async function stateOf(board: string): Promise<string> {
  return (await hil('power', board, 'state')).stdout.trim();
}

test('a wrong command, option, board, suite, action or value is refused with what exists, and nothing is started', async () => {
  for (const [args, hint] of [
    [['bords'], /did you mean boards\?/],
    [['run', '--bord', 'vb1'], /--board[\s\S]*--duration/],
    [['run', 'wfii'], /did you mean wifi\?[\s\S]*smoke/],
    [['run', '--board', 'vb11'], /did you mean vb1\?/],
    [['exec', 'vb9', 'true'], /There are: vb1, vb2/],
    [['power', 'vb1', 'cylce'], /did you mean cycle\?/],
    [['run', '--duration', '30'], /say 30s or 30m/],
    [['run', '--rate', '20'], /say 20M/],
    [['run', '--workers', '0'], /whole number from 1/],
    [['run', '--grep', '('], /no regular expression/],
    [['journal', 'no-such-run'], /no run/],
    [['image', 'inof'], /info/],
  ] as const) {
    const { code, stdout, stderr } = await hil(...args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, hint);
    assert.equal(stdout, '');
  }
  assert.ok(!existsSync(join(lab.state, 'controller.sock')));
});

test('each command explains itself, and the overview has the exit codes', async () => {
  const { stdout } = await hil('--help');
  assert.match(stdout, /70 {2}harness/);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'hil');
  assert.ok(commands.length >= 13, commands.join());
  for (const name of commands) {
    const help = await hil('help', name);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: hil/);
  }
});

test('exec boots a board, passes output and exit code on, and leaves it on until it is switched off', async () => {
  const first = await hil('exec', 'vb1', 'echo out; echo err >&2; exit 7');
  assert.deepEqual([first.code, first.stdout], [7, 'out\n']);
  assert.match(first.stderr, /vb1: up after .*\nvb1 stays on until: hil power vb1 off\nerr\n/);
  assert.equal(await stateOf('vb1'), 'ready');
  const json = await hil('exec', 'vb1', '--json', '--', 'printf', '%s|', 'a b', '*');
  assert.deepEqual(JSON.parse(json.stdout), {
    ...{
      board: 'vb1',
      command: "printf '%s|' 'a b' '*'",
      exitCode: 0,
      signal: null,
      stdout: 'a b|*|',
      stderr: '',
    },
  });
  assert.equal((await hil('exec', 'vb1', 'kill -9 $$')).code, 137);
  assert.equal(
    (await startHil(['exec', 'vb1', '--stdin', 'wc -c'], 'x'.repeat(100_000)).outcome).stdout.trim(),
    '100000',
  );
  const boards: unknown = JSON.parse((await hil('boards', '--json')).stdout);
  assert.ok(Array.isArray(boards) && boards.length === 6);
  assert.equal((await hil('power', 'vb1', 'off')).code, 0);
  assert.equal(await stateOf('vb1'), 'off');
  await until(() => lab.machines().length === 0, 'the board is off');
});

test('files go to the board and back unchanged, with their permissions', async () => {
  const local = join(runs, 'some tool');
  writeFileSync(local, Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256)));
  chmodSync(local, 0o750);
  assert.equal((await hil('push', 'vb1', local, '/tmp/')).code, 0);
  assert.equal((await hil('exec', 'vb1', 'stat -c %a "/tmp/some tool"')).stdout, '750\n');
  const back = join(runs, 'back');
  assert.equal((await hil('pull', 'vb1', '/tmp/some tool', back)).code, 0);
  assert.ok(readFileSync(back).equals(readFileSync(local)));
  const missing = await hil('pull', 'vb1', '/tmp/nothing', back);
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /\/tmp\/nothing/);
  assert.ok(statSync(back).size > 0);
});

test('a board in use is waited for in line, or not at all with --wait 0s; Ctrl-C ends what it started', async () => {
  const first = startHil(['exec', 'vb1', 'echo begun; sleep 300']);
  await first.says(/begun/);
  const refused = await hil('exec', 'vb1', '--wait', '0s', 'true');
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /hil exec, pid \d+/);
  const second = startHil(['exec', 'vb1', 'ps | grep -c "[s]leep 300"']);
  await second.says(/place 1 of 1 in line/);
  const third = startHil(['exec', 'vb1', 'true']);
  await third.says(/place 2 of 2 in line/);
  third.child.kill('SIGINT');
  assert.equal((await third.outcome).code, 130);
  first.child.kill('SIGTERM');
  assert.equal((await first.outcome).code, 143);
  assert.equal((await second.outcome).stdout, '0\n');
});

test('the console can be looked at while a command has the board, and cannot reprogram the terminal', async () => {
  const viewer = startHil(['console', 'vb1', '--read-only']);
  await viewer.says(/looking only/);
  await hil('exec', 'vb1', "printf '\\033]0;evil\\007mark-\\033[31mred\\033[0m\\n' > /dev/ttyS0");
  await viewer.says(/mark-red/);
  viewer.child.kill('SIGINT');
  const { code, stdout } = await viewer.outcome;
  assert.equal(code, 130);
  assert.ok(!stdout.includes('\x1b') && !stdout.includes('evil'));
});

test('on a terminal the console takes what is typed, until Ctrl-]', async () => {
  const session = hilOnTerminal('console', 'vb1');
  await session.says(/Ctrl-\] leaves/);
  session.type('\r');
  await session.says(/login: $/);
  session.type('root\r');
  await session.says(/# $/);
  session.type('echo $((6 * 7))-typed\r');
  await session.says(/42-typed/);
  session.type('\x1d');
  assert.equal((await session.outcome).code, 0);
  assert.match(session.stdout, /left the console/);
});

test('the console of a board that somebody else has is looked at only, and left by the key that was chosen', async () => {
  const holder = startHil(['exec', 'vb1', 'echo held; sleep 300']);
  await holder.says(/held/);
  const session = hilOnTerminal('console', 'vb1');
  await session.says(/is in use[\s\S]*hil exec[\s\S]*looking only/);
  session.type('\x03');
  await session.outcome;
  holder.child.kill('SIGTERM');
  await holder.outcome;
  const own = hilOnTerminal('console', 'vb1', '--escape', '^X');
  await own.says(/Ctrl-X leaves/);
  own.type('\x18');
  assert.equal((await own.outcome).code, 0);
});

test('the console of a board that is off says so', async () => {
  const session = hilOnTerminal('console', 'vb2');
  assert.equal((await session.outcome).code, 3);
  assert.match(session.stdout, /vb2 is off[\s\S]*hil power vb2 on/);
});

test('a shell has a terminal of its own and ends with exit', async () => {
  const session = hilOnTerminal('shell', 'vb1');
  session.type('tty; echo done-$((1 + 1))\r');
  await session.says(/\/dev\/pts\/\d+[\s\S]*done-2/);
  session.type('exit\r');
  assert.equal((await session.outcome).code, 0);
  const without = await hil('shell', 'vb1');
  assert.equal(without.code, 2);
  assert.match(without.stderr, /needs a terminal/);
  assert.equal((await hil('power', 'vb1', 'off')).code, 0);
});

test('run gives the summary alone with --json, and its journal and report can be read', async () => {
  const { code, stdout, stderr } = await hil(
    'run',
    'smoke',
    '--grep',
    'boots and answers',
    '--board',
    'vb2',
    '--json',
  );
  assert.equal(code, 0, stderr);
  const summary = JSON.parse(stdout);
  assert.deepEqual([summary.verdict, summary.exitCode, summary.tests.length], ['pass', 0, 1]);
  assert.equal(summary.tests[0].board, 'vb2');
  const journal = await hil('journal', 'latest', '--json');
  assert.equal(journal.code, 0);
  const events = journal.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(events[0].kind, 'run.start');
  assert.equal(events.at(-1).kind, 'run.end');
  assert.match((await hil('journal', 'latest', '--source', 'power')).stdout, /vb2/);
  const actions = async (...options: string[]) =>
    (await hil('journal', 'latest', '--kind', 'power.action', ...options)).stdout.trimEnd().split('\n')
      .length;
  assert.equal(await actions(), 2, 'on in the test, off after it');
  assert.equal(await actions('--test', 'boots and answers', '--board', 'vb2'), 1);
  const unknown = await hil('journal', 'latest', '--kind', 'power.acton');
  assert.deepEqual([unknown.code, /did you mean power\.action/.test(unknown.stderr)], [2, true]);
  const report = await hil('report', 'latest');
  assert.equal(report.code, 0, report.stderr);
  assert.ok(existsSync(report.stdout.trim()));
  assert.equal(await stateOf('vb2'), 'off');
});

test('a run for which there is no test ends as a mistake of the command line', async () => {
  assert.equal((await hil('run', 'smoke', '--grep', 'no such title')).code, 2);
});

test('a run whose lab does not work ends as the lab’s failure, though no test was found', async () => {
  // A folder where the controller's log should be: no controller can be started.
  const state = mkdtempSync(join(tmpdir(), 'state-'));
  mkdirSync(join(state, 'controller.log'));
  const run = startHil(['run', 'smoke'], '', { HIL_STATE_DIR: state });
  const { code, stderr } = await run.outcome;
  assert.equal(code, 3, stderr);
  assert.doesNotMatch(stderr, /no test was found/);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} to a run winds it down: summary, whole journal, board off`, async () => {
    const run = startHil(['run', 'smoke', '--grep', 'power cycles', '--board', 'vb1']);
    await until(() => lab.machines().length === 1, 'a board is on');
    run.child.kill(signal);
    const { code, stderr } = await run.outcome;
    assert.equal(code, { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], stderr);
    await until(() => lab.machines().length === 0, 'the board is off');
    const kinds: string[] = [];
    for await (const event of readJournal(join(runs, 'latest'))) kinds.push(event.kind);
    assert.equal(kinds.at(-1), 'run.end');
    assert.ok(existsSync(join(runs, 'latest', 'summary.json')));
  });
}

test('a run whose terminal is gone tears its test down in order', async () => {
  const run = hilOnTerminal('run', 'smoke', '--grep', 'power cycles', '--board', 'vb1');
  await until(() => lab.machines().length === 1, 'a board is on');
  const [hilPid = 0] = childrenOf(run.child.pid ?? 0);
  const runner = childrenOf(hilPid);
  assert.equal(runner.length, 1);
  run.child.kill('SIGKILL');
  await until(() => ![hilPid, ...runner].some(isAlive), 'hil and the runner have ended', 60_000);
  assert.equal(lab.machines().length, 0);
  const kinds: string[] = [];
  for await (const event of readJournal(join(runs, 'latest'))) kinds.push(event.kind);
  assert.deepEqual(
    kinds.filter((kind) => kind === 'test.end' || kind === 'run.end'),
    ['test.end', 'run.end'],
  );
  const summary = JSON.parse(readFileSync(join(runs, 'latest', 'summary.json'), 'utf8'));
  assert.equal(summary.verdict, 'inconclusive');
});

test('after kill -9 of hil the runner ends too, and the board goes off', async () => {
  const run = startHil(['run', 'smoke', '--grep', 'power cycles', '--board', 'vb1']);
  await until(() => lab.machines().length === 1, 'a board is on');
  const runner = childrenOf(run.child.pid ?? 0);
  assert.equal(runner.length, 1);
  run.child.kill('SIGKILL');
  await until(() => !runner.some(isAlive), 'the runner has ended');
  await until(() => lab.machines().length === 0, 'the board is off');
});

test('lab stop refuses while a board is used, unless forced', async () => {
  const user = startHil(['exec', 'vb1', 'echo begun; sleep 300']);
  await user.says(/begun/);
  const refused = await hil('lab', 'stop');
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /in use/);
  const status = JSON.parse((await hil('lab', 'status', '--json')).stdout);
  assert.equal(status.boards[0].lease.board, 'vb1');
  assert.equal((await hil('lab', 'stop', '--force')).code, 0);
  assert.notEqual((await user.outcome).code, 0);
  assert.equal(lab.machines().length, 0);
  assert.equal((await hil('lab', 'status', '--json')).stdout, 'null\n');
});

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(parent);
      } catch {
        return false; // it has just ended
      }
    });
}
