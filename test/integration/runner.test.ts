/** The runner end to end: small projects with the real fixtures, reporters and controller, on a virtual board. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readJournal } from '../../lab/journal/reader.ts';
import { PROJECT_ROOT } from '../../lab/paths.ts';
import { generateReport } from '../../reporters/allure-page.ts';
import type { Summary, SummaryTest } from '../../reporters/summary.ts';
import { hil } from './hil.ts';
import { type TestLab, testLab, until } from './lab.ts';

const PLAYWRIGHT = join(PROJECT_ROOT, 'node_modules/@playwright/test/cli.js');
const RUN_MS = 300_000;

let lab: TestLab;
let scratch: string;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hil-runner-'));
  lab = testLab({ HIL_GRACE_MS: '2000', HIL_LINGER_MS: '10000', HIL_RUNS_DIR: join(scratch, 'runs') });
});

after(async () => {
  await lab[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

interface Running {
  process: ChildProcess;
  dir: string;
  /** Resolves when the run has ended. */
  ended: Promise<Ended>;
  /** Resolves when a test of the project has called `reached(name)`. */
  reached(name: string): Promise<void>;
}

interface Ended {
  code: number | null;
  output: string;
  summary: Summary | null;
  test(title: string): SummaryTest;
}

/** Starts the runner on a project of one file; `reached` tells this process how far a test has come. */
function start(name: string, tests: string, environment: Record<string, string> = {}): Running {
  const project = join(scratch, name);
  const dir = join(scratch, 'runs', name);
  mkdirSync(join(project, 'marks'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(project, 'playwright.config.ts'),
    `import config from '${PROJECT_ROOT}/playwright.config.ts';
     export default { ...config, testDir: import.meta.dirname };`,
  );
  writeFileSync(
    join(project, 'probe.spec.ts'),
    `import { writeFileSync } from 'node:fs';
     import { expect, test } from '${PROJECT_ROOT}/lab/fixtures.ts';
     const reached = (name) => writeFileSync(import.meta.dirname + '/marks/' + name, '');
     ${tests}`,
  );
  const child = spawn(process.execPath, [PLAYWRIGHT, 'test', '-c', project], {
    cwd: project,
    env: { ...process.env, HIL_RUN: name, HIL_RUN_DIR: dir, NODE_TEST_CONTEXT: undefined, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]: (number | null)[]) => {
    const path = join(dir, 'summary.json');
    const summary: Summary | null = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
    const test = (title: string): SummaryTest => {
      const found = summary?.tests.find((candidate) => candidate.title === title);
      assert.ok(found, `no test "${title}" in the summary\n${output}`);
      return found;
    };
    return { code: code ?? null, output, summary, test };
  });
  const over = ended.then(({ output }) => output);
  const reached = async (mark: string): Promise<void> => {
    const early = await Promise.race([appears(join(project, 'marks'), mark), over]);
    assert.equal(early, undefined, `the run has ended before "${mark}"`);
  };
  return { process: child, dir, ended, reached };
}

async function appears(folder: string, name: string): Promise<void> {
  const watcher = watch(folder);
  const signal = AbortSignal.timeout(RUN_MS);
  try {
    while (!existsSync(join(folder, name))) await once(watcher, 'change', { signal });
  } finally {
    watcher.close();
  }
}

function artifactsOf(dir: string): string[] {
  return readdirSync(join(dir, 'artifacts'), { recursive: true, encoding: 'utf8' });
}

describe('the runner', { timeout: 1_200_000 }, () => {
  it('tells product, lab and capability apart, keeps the evidence, and draws the page', {
    timeout: RUN_MS,
  }, async () => {
    const run = start(
      'verdicts',
      `test('passes', async ({ ssh, board }) => {
         expect((await ssh.check('echo hello')).trim()).toBe('hello');
         await ssh.check("echo '<4>a line for the kernel log' > /dev/kmsg");
         board.metric('answer', 42);
       });
       test('fails by a command', async ({ ssh }) => { await ssh.check('ls /no-such-file'); });
       test('fails by an assertion', async ({ board }) => { expect(await board.state()).toBe('on fire'); });
       test('fails by the lab', async ({ board, ssh }) => { await board.power('off'); await ssh.run('true'); });
       test('times out', async ({ ssh }) => { test.setTimeout(2000); await ssh.run('sleep 60', { timeoutMs: 90_000 }); });
       test('needs what is not there', { tag: '@needs:teleport' }, async ({ board }) => { board.metric('x', 1); });
       test('runs after all that', async ({ ssh }) => { await ssh.check('true'); });`,
    );
    const { summary, test, output } = await run.ended;
    const told = summary?.tests.map(({ title, status, verdict }) => [title, status, verdict]);
    assert.deepEqual(
      told,
      [
        ['passes', 'passed', 'pass'],
        ['fails by a command', 'failed', 'fail'],
        ['fails by an assertion', 'failed', 'fail'],
        ['fails by the lab', 'failed', 'lab'],
        ['times out', 'timedOut', 'inconclusive'],
        ['needs what is not there', 'skipped', 'inconclusive'],
        ['runs after all that', 'passed', 'pass'],
      ],
      output,
    );
    assert.deepEqual([summary?.verdict, summary?.exitCode], ['fail', 1]);
    assert.deepEqual(test('passes').metrics, { answer: 42 });
    assert.match(test('passes').board ?? '', /^vb\d$/);
    assert.equal(test('needs what is not there').board, null);
    assert.match(output, /no board of this lab has teleport/);
    assert.match(output, /probe\.spec\.ts:\d+/, 'errors point to the test');

    const files = artifactsOf(run.dir);
    for (const name of ['console.log', 'dmesg.log', 'provenance.json', 'power.log'])
      assert.ok(
        files.some((file) => basename(file) === name),
        `${name} in ${files.join(', ')}`,
      );
    const dmesg = files.find((file) => file.includes('passes') && file.endsWith('dmesg.log'));
    assert.ok(dmesg);
    assert.match(readFileSync(join(run.dir, 'artifacts', dmesg), 'utf8'), /a line for the kernel log/);
    assert.match(readFileSync(join(run.dir, 'junit.xml'), 'utf8'), /<testsuites/);

    const kinds = new Map<string, number>();
    for await (const { kind } of readJournal(run.dir)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    assert.deepEqual([kinds.get('test.start'), kinds.get('test.end')], [7, 7]);
    assert.equal(kinds.get('run.end'), 1);

    const page = readFileSync(await generateReport(run.dir), 'utf8');
    assert.doesNotMatch(page, /<(?:script|link|img)\b[^>]*(?:src|href)=["']?(?:https?:)?\/\//i);
    assert.doesNotMatch(page, /googletagmanager/);

    const history = () => readFileSync(join(scratch, 'runs/history.jsonl'), 'utf8').split('\n').slice(0, -1);
    await generateReport(run.dir);
    assert.equal(history().length, 1, 'a page made again is the same point of the history');
    const later = join(scratch, 'runs/later');
    cpSync(join(run.dir, 'allure-results'), join(later, 'allure-results'), { recursive: true });
    await generateReport(later);
    const names = history().map((line) => JSON.parse(line).name);
    assert.deepEqual(names, [`hil ${basename(run.dir)}`, 'hil later']);
  });

  it('fails a test that passed where the board’s log shows a failure of the product that nobody expects', {
    timeout: RUN_MS,
  }, async () => {
    const timeout = 'mt7921e 0000:01:00.0: Message 00020007 (seq 12) timeout';
    const run = start(
      'findings',
      `const log = (ssh, text) => ssh.check("echo '<4>" + text + "' > /dev/kmsg");
       const broken = '${timeout}';
       test('warns', async ({ ssh }) => { await log(ssh, broken); });
       test('warns and fails', async ({ ssh }) => { await log(ssh, broken); await ssh.check('ls /no-such-file'); });
       test('wants it', async ({ ssh, board }) => {
         await board.provoking({ signatures: ['fw-timeout'] }, () => log(ssh, broken));
       });
       test('has a weak supply', async ({ ssh }) => { await log(ssh, 'hwmon hwmon1: Undervoltage detected!'); });
       test('unloads the driver under a running link', async ({ ap, station, driver }) => {
         const net = await ap.start();
         await station.start({ frequencyMhz: net.info.frequencyMhz });
         await net.stop();
         await driver.unload();
       });
       test.describe('allowed', () => {
         test.use({ allow: [{ signature: 'fw-timeout', reason: 'a known erratum' }] });
         test('warns as ever', async ({ ssh }) => { await log(ssh, broken); });
       });
       test.describe('allowed by a wrong name', () => {
         test.use({ allow: [{ signature: 'fw-timeuot', reason: 'a known erratum' }] });
         test('is not run', async ({ board }) => { board.metric('x', 1); });
       });`,
      { HIL_BOARD: 'vb1' },
    );
    const { summary, test, output } = await run.ended;
    assert.deepEqual(
      summary?.tests.map(({ title, verdict, findings }) => [
        title,
        verdict,
        findings.map((finding) => [finding.class, finding.verdict]),
      ]),
      [
        ['warns', 'fail', [['fw-timeout', 'product']]],
        ['warns and fails', 'fail', [['fw-timeout', 'product']]],
        ['wants it', 'pass', []],
        ['has a weak supply', 'pass', [['undervoltage', 'lab']]],
        ['unloads the driver under a running link', 'pass', []],
        ['allowed › warns as ever', 'pass', []],
        ['allowed by a wrong name › is not run', 'config', []],
      ],
      output,
    );
    const { signature = '', text } = test('warns').findings[0] ?? {};
    assert.equal(text, timeout);
    const told = `ProductError: passed, but the driver warned: [^\\n]+ \\(${signature}\\): mt7921e [^\\n]+ timeout\\n *next: `;
    assert.match(output, new RegExp(told));
    assert.match(output, /found: fw-timeout \S+ \(product\): mt7921e/);
    assert.match(output, /the nearest: fw-timeout/);

    const results = join(run.dir, 'allure-results');
    const labels = readdirSync(results)
      .filter((file) => file.endsWith('-result.json'))
      .map((file) => JSON.parse(readFileSync(join(results, file), 'utf8')))
      .flatMap(({ name, labels: all }) =>
        all
          .filter((label: { name: string }) => label.name === 'finding' || label.name === 'signature')
          .map((label: { name: string; value: string }) => `${name}: ${label.name} ${label.value}`),
      );
    for (const label of ['finding fw-timeout', `signature ${signature}`]) {
      assert.ok(labels.includes(`warns: ${label}`), labels.join('\n'));
      assert.ok(!labels.includes(`wants it: ${label}`), labels.join('\n'));
    }
    assert.match(readFileSync(join(results, 'categories.json'), 'utf8'), /passed, but the driver warned/);
    const files = artifactsOf(run.dir).filter((file) => /^findings\.(json|log)$/.test(basename(file)));
    assert.equal(files.length, 2 * 4, files.join(', '));
    const evidence = files.find((file) => file.includes('has-a-weak-supply') && file.endsWith('.log'));
    assert.match(
      readFileSync(join(run.dir, 'artifacts', evidence ?? ''), 'utf8'),
      /^ *\d+ +\d+\.\d{3} hwmon/m,
    );

    const events: string[] = [];
    for await (const { kind, data } of readJournal(run.dir)) {
      if (kind === 'verdict.finding') events.push(data.class);
      if (kind === 'harness.action') events.push(data.action);
    }
    for (const told of ['fw-timeout', 'undervoltage', 'provoked', 'unload', 'link-down'])
      assert.ok(events.includes(told), `${told} in ${events.join(', ')}`);

    const again = await hil('classify', '--run', run.dir, '--json');
    const judged: { test: string; primary: string; findings: unknown[] }[] = JSON.parse(again.stdout);
    assert.deepEqual(
      judged
        .filter(({ findings }) => findings.length > 0)
        .map(({ test: title, primary }) => [title, primary]),
      [
        ['warns', 'fw-timeout'],
        ['warns and fails', 'fw-timeout'],
        ['has a weak supply', 'undervoltage'],
        ['allowed › warns as ever', 'fw-timeout'],
      ],
      'its journal says the same later on',
    );
  });

  it('refuses passes behind which there is no board', { timeout: RUN_MS }, async () => {
    const run = start(
      'no-board',
      `test('forgot the board', async () => { expect(1).toBe(1); });
       test('needs none', { tag: '@host' }, async () => { expect(1).toBe(1); });`,
    );
    const { summary, code, test } = await run.ended;
    assert.equal(test('forgot the board').verdict, 'harness');
    assert.equal(test('needs none').verdict, 'pass');
    assert.deepEqual([summary?.verdict, summary?.exitCode, code], ['harness', 70, 1]);
    const junit = readFileSync(join(run.dir, 'junit.xml'), 'utf8');
    assert.match(junit, /<testsuites[^>]* tests="2" failures="1" skipped="0" errors="0"/);
    assert.match(junit, /forgot the board[\s\S]*passed without a board/);
  });

  it('does not believe passes of a worker whose own set-up failed', { timeout: RUN_MS }, async () => {
    const { summary, test } = await start(
      'worker-fixture',
      `const broken = test.extend({ rig: [async ({}, use) => { throw new Error('no rig'); }, { scope: 'worker' }] });
       broken.fail('is declared to fail', async ({ rig, board }) => { expect(rig).toBe(board); });
       broken('would need the rig', async ({ rig, board }) => { expect(rig).toBe(board); });`,
    ).ended;
    assert.notEqual(test('would need the rig').verdict, 'pass');
    assert.notEqual(summary?.verdict, 'pass');
  });

  it('reports a kernel panic as the product’s, and goes on with the board power-cycled', {
    timeout: RUN_MS,
  }, async () => {
    const run = start(
      'panic',
      `test('panics', async ({ console, ssh }) => {
         await console.login();
         await console.send('echo c > /proc/sysrq-trigger\\n');
         await ssh.run('sleep 30', { timeoutMs: 60_000 });
       });
       test('goes on', async ({ ssh }) => { await ssh.check('true'); });`,
    );
    const { test, output } = await run.ended;
    assert.equal(test('panics').verdict, 'fail', output);
    assert.match(output, /panic/i);
    assert.equal(test('goes on').verdict, 'pass', output);
    const log = artifactsOf(run.dir).find((file) => file.includes('panics') && file.endsWith('console.log'));
    assert.ok(log);
    assert.match(readFileSync(join(run.dir, 'artifacts', log), 'utf8'), /Kernel panic/);
  });

  it('goes on after a worker was killed, and leaves nothing of it on the board', {
    timeout: RUN_MS,
  }, async () => {
    const { test, output, summary } = await start(
      'kill-worker',
      `test('is killed', async ({ ssh }) => {
         void ssh.exec('sleep 4242').catch(() => undefined);
         await ssh.check('until pgrep -f "[s]leep 4242"; do sleep 0.1; done');
         process.kill(process.pid, 'SIGKILL');
         await new Promise(() => undefined);
       });
       test('goes on', async ({ ssh, board }) => {
         board.metric('rebooted', board.facts.bootMs === null ? 0 : 1);
         expect((await ssh.run('pgrep -f "[s]leep 4242"')).stdout).toBe('');
       });`,
      // The next test waits for the same board: on another one nothing could be left.
      { HIL_BOARD: 'vb1' },
    ).ended;
    assert.equal(test('is killed').verdict, 'lab', output);
    assert.equal(test('goes on').verdict, 'pass', output);
    // Nor would anything be learned from a board that was power-cycled.
    assert.deepEqual([test('is killed').board, test('goes on').board], [null, 'vb1']);
    assert.deepEqual(test('goes on').metrics, { rebooted: 0 });
    assert.equal(summary?.verdict, 'lab');
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`ends cleanly on ${signal}: evidence kept, board off`, { timeout: RUN_MS }, async () => {
      const name = `signal-${signal.toLowerCase()}`;
      const run = start(
        name,
        `test('takes long', async ({ ssh }) => { reached('body'); await ssh.run('sleep 100', { timeoutMs: 110_000 }); });
         test('is never run', async ({ ssh }) => { await ssh.check('true'); });`,
      );
      await run.reached('body');
      run.process.kill(signal);
      const { summary, output, test } = await run.ended;
      assert.deepEqual([summary?.verdict, summary?.exitCode], ['inconclusive', 4], output);
      assert.equal(test('is never run').status, 'not-run');
      assert.ok(artifactsOf(run.dir).some((file) => basename(file) === 'provenance.json'));
      await until(() => lab.machines().length === 0, 'the board is off');
    });
  }

  it('ends when the lab is stopped by force, and starts no other run of it', {
    timeout: RUN_MS,
  }, async () => {
    const run = start(
      'lab-stopped',
      `test('takes long', async ({ ssh }) => { reached('body'); await ssh.run('sleep 100', { timeoutMs: 110_000 }); });
       test('is never run', async ({ ssh }) => { await ssh.check('true'); });`,
    );
    await run.reached('body');
    await (await lab.connect()).call('lab.stop', { force: true });
    const { summary, output, test } = await run.ended;
    assert.match(output, /the lab controller was stopped/);
    assert.equal(test('is never run').status, 'not-run', output);
    assert.notEqual(summary?.verdict, 'pass');
    const kinds: string[] = [];
    for await (const { kind } of readJournal(run.dir)) kinds.push(kind);
    assert.equal(kinds.filter((kind) => kind === 'run.start').length, 1);
    assert.equal(kinds.at(-1), 'run.end');
    await until(() => lab.machines().length === 0, 'the board is off');
  });

  it('shares a board with another run: one after the other, each with its own evidence', {
    timeout: RUN_MS,
  }, async () => {
    const one = `test('uses the board', async ({ ssh }) => {
      expect((await ssh.run('mkdir /run/taken')).exitCode).toBe(0);
      await ssh.check('sleep 1; rmdir /run/taken');
    });`;
    const runs = ['at-once-a', 'at-once-b'].map((name) =>
      start(name, `${one}\n${one.replace('uses', 'uses again')}`, { HIL_BOARD: 'vb1' }),
    );
    const spans: [number, number][] = [];
    for (const run of runs) {
      const { summary, output } = await run.ended;
      assert.equal(summary?.verdict, 'pass', output);
      for await (const { kind, mono } of readJournal(run.dir)) {
        if (kind === 'lease.acquired') spans.push([mono, Number.POSITIVE_INFINITY]);
        if (kind === 'lease.released') spans.splice(-1, 1, [spans.at(-1)?.[0] ?? 0, mono]);
      }
    }
    assert.equal(spans.length, 4);
    spans.sort(([a], [b]) => a - b);
    for (const [index, [begin]] of spans.entries())
      assert.ok(begin >= (spans[index - 1]?.[1] ?? 0), JSON.stringify(spans));
    await until(() => lab.machines().length === 0, 'the board is off');
  });

  it('goes on when the controller is killed: the test it hit says so, the next one has another', {
    timeout: RUN_MS,
  }, async () => {
    const run = start(
      'kill-controller',
      `test('is hit', async ({ ssh }) => { reached('body'); await ssh.run('sleep 100', { timeoutMs: 110_000 }); });
       test('goes on', async ({ ssh }) => {
         expect((await ssh.run('pgrep -f "[s]leep 100"')).stdout).toBe('');
       });`,
      { HIL_BOARD: 'vb1' },
    );
    await run.reached('body');
    const killed = await lab.controllerPid();
    process.kill(killed, 'SIGKILL');
    const { summary, output, test } = await run.ended;
    assert.equal(test('is hit').verdict, 'lab', output);
    assert.equal(test('goes on').verdict, 'pass', output);
    assert.equal(summary?.verdict, 'lab');
    assert.notEqual(await lab.controllerPid(), killed);
    const kinds: string[] = [];
    for await (const { kind } of readJournal(run.dir)) kinds.push(kind);
    assert.equal(kinds.at(-1), 'run.end');
    await until(() => lab.machines().length === 0, 'the board is off');
  });

  it('leaves nothing behind when the runner is killed', { timeout: RUN_MS }, async () => {
    const run = start(
      'kill-runner',
      `test('takes long', async ({ ssh }) => { reached('body'); await ssh.run('sleep 100', { timeoutMs: 110_000 }); });`,
    );
    await run.reached('body');
    assert.equal(lab.machines().length, 1);
    run.process.kill('SIGKILL');
    await run.ended;
    await until(() => lab.machines().length === 0, 'the board is off');
    const { boards, runs } = await (await lab.connect()).call('lab.status', {});
    assert.deepEqual(runs, []);
    assert.ok(boards.every((board) => board.lease === null));
    let last = '';
    for await (const { kind } of readJournal(run.dir)) last = kind;
    assert.equal(last, 'run.end');
  });
});
