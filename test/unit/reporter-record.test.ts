/** What reporters make of the runner's data. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type {
  FullProject,
  Suite,
  TestCase,
  TestError,
  TestResult,
  TestStep,
} from '@playwright/test/reporter';
import fc from 'fast-check';
import { workersGoneOn } from '../../reporters/false-pass.ts';
import {
  findingsOf,
  metricsOf,
  plain,
  recordOf,
  suiteOf,
  titlesOf,
  verdictOfError,
  verdictOfGlobalError,
  verdictOfRun,
} from '../../reporters/record.ts';

const BOARD = { type: 'board', description: 'vb1' };

function step(given: Partial<TestStep>): TestStep {
  return {
    ...{ title: 'a step', category: 'test.step', duration: 1, startTime: new Date(0), steps: [] },
    ...{ annotations: [], attachments: [], titlePath: () => [] },
    ...given,
  };
}

function result(given: Partial<TestResult> = {}): TestResult {
  return {
    ...{ annotations: [BOARD], attachments: [], duration: 1200.4, errors: [], parallelIndex: 0, retry: 0 },
    ...{ startTime: new Date(0), status: 'passed', stderr: [], stdout: [], steps: [], workerIndex: 0 },
    ...given,
  };
}

function test(results: TestResult[], given: Partial<TestCase> = {}): TestCase {
  // Of a project and its suites only these members are looked at.
  const project = { testDir: '/suites' } as FullProject;
  const file = { type: 'file', title: 'wifi/connect.spec.ts', project: () => project } as unknown as Suite;
  const group = {
    type: 'describe',
    title: 'connect',
    parent: file,
    project: () => project,
  } as unknown as Suite;
  const last = results.at(-1);
  const outcome =
    last?.status === 'skipped' ? 'skipped' : last?.status === 'passed' ? 'expected' : 'unexpected';
  return {
    ...{ annotations: [], expectedStatus: 'passed', id: 'id', parent: group, repeatEachIndex: 0, results },
    ...{ retries: 0, tags: [], timeout: 0, title: 'a station joins', type: 'test' },
    ...{ location: { file: '/suites/wifi/connect.spec.ts', line: 1, column: 1 } },
    ...{ ok: () => true, outcome: () => outcome, titlePath: () => [] },
    ...given,
  };
}

const error = (message: string): TestError => ({ message });
const failed = (...messages: string[]): TestResult =>
  result({ status: 'failed', errors: messages.map(error) });

describe('the verdict of an error', () => {
  const cases: [string, string][] = [
    ['ProductError: the driver died', 'fail'],
    ['LabError: no board became free', 'lab'],
    ['LabError: given up: the test was over', 'inconclusive'],
    ['ConfigError: no board "x"', 'config'],
    ['HarnessError: a shape', 'harness'],
    ['Error: \x1b[2mexpect(\x1b[22mreceived).toBe(expected)', 'fail'],
    ['Error: what it should be\n\nexpect(received).toBe(expected)', 'fail'],
    ['\x1b[31mTest timeout of 120000ms exceeded.\x1b[39m', 'inconclusive'],
    ['Error: worker process exited unexpectedly (code=null, signal=SIGKILL)', 'lab'],
    ['TypeError: x is not a function', 'harness'],
    ['Error: something', 'harness'],
    ['', 'harness'],
  ];
  for (const [message, verdict] of cases)
    it(`is ${verdict} for ${JSON.stringify(message.slice(0, 40))}`, () => {
      assert.equal(verdictOfError(error(message)), verdict);
    });

  it('is fail for what a failed expect step threw, whatever it says', () => {
    const steps = [step({ steps: [step({ category: 'expect', error: error('Error: odd words') })] })];
    assert.equal(verdictOfError(error('Error: odd words'), steps), 'fail');
    assert.equal(verdictOfError(error('Error: other words'), steps), 'harness');
  });
});

describe('the findings of a test', () => {
  it('are read from its annotations, those that are allowed apart', () => {
    const line = 'deauth mac80211/deauth (product): wlan1: deauthenticated';
    const attempt = result({
      annotations: [
        BOARD,
        { type: 'finding', description: `\x1b[31m${line}` },
        { type: 'finding', description: 'something else' },
        { type: 'allowed', description: `${line} - allowed: known` },
      ],
    });
    const found = { class: 'deauth', signature: 'mac80211/deauth', verdict: 'product' };
    assert.deepEqual(recordOf(test([attempt])).findings, [{ ...found, text: 'wlan1: deauthenticated' }]);
    assert.deepEqual(findingsOf(attempt, 'allowed'), [
      { ...found, text: 'wlan1: deauthenticated - allowed: known' },
    ]);
  });
});

describe('the record of a test', () => {
  it('is a pass only with a board', () => {
    assert.equal(recordOf(test([result()])).verdict, 'pass');
    const without = recordOf(test([result({ annotations: [] })]));
    assert.equal(without.verdict, 'harness');
    assert.match(without.message ?? '', /without a board/);
  });

  it('is a pass without a board when it is tagged as a test of the host', () => {
    assert.equal(recordOf(test([result({ annotations: [] })], { tags: ['@host'] })).verdict, 'pass');
  });

  it('keeps a product failure over the lab error that came with it', () => {
    assert.equal(
      recordOf(test([failed('LabError: SSH was lost', 'ProductError: kernel panic')])).verdict,
      'fail',
    );
  });

  it('lets only a product failure fulfil a declared failure', () => {
    const declared = { expectedStatus: 'failed' } as const;
    assert.equal(recordOf(test([failed('Error: expect(1).toBe(2)')], declared)).verdict, 'pass');
    assert.equal(recordOf(test([failed('LabError: no power')], declared)).verdict, 'lab');
    assert.equal(recordOf(test([result()], declared)).verdict, 'fail');
  });

  it('tells why it was skipped', () => {
    const skip = { type: 'skip', description: 'no board of this lab has wwan' };
    const record = recordOf(test([result({ status: 'skipped', annotations: [skip] })]));
    assert.deepEqual([record.status, record.message], ['skipped', 'no board of this lab has wwan']);
    const silent = recordOf(test([result({ status: 'skipped', annotations: [{ type: 'skip' }] })]));
    assert.deepEqual([silent.status, silent.message], ['skipped', 'skipped']);
  });

  it('names suite, groups, board and numbers', () => {
    const annotations = [
      BOARD,
      { type: 'metric', description: 'tcpUpBps=51e6' },
      { type: 'metric', description: 'x=oops' },
    ];
    const record = recordOf(test([result({ annotations })]));
    assert.equal(record.suite, 'wifi');
    assert.equal(record.title, 'connect › a station joins');
    assert.equal(record.board, 'vb1');
    assert.equal(record.durationMs, 1200);
    assert.deepEqual(record.metrics, { tcpUpBps: 51e6 });
  });

  it('takes a file at the top of the test folder for its own suite', () => {
    const location = { file: '/suites/probe.spec.ts', line: 1, column: 1 };
    assert.equal(suiteOf(test([], { location })), 'probe');
    assert.deepEqual(titlesOf(test([])), ['connect', 'a station joins']);
    assert.deepEqual(metricsOf(result()), {});
  });

  it('is not run when it has no result', () => {
    const record = recordOf(test([]));
    assert.deepEqual([record.status, record.verdict], ['not-run', 'inconclusive']);
    const givenUp = recordOf(test([result({ status: 'skipped', annotations: [] })]));
    assert.deepEqual([givenUp.status, givenUp.message], ['not-run', 'not run']);
  });
});

describe('a worker whose set-up failed', () => {
  it('makes the passes after it unbelievable, and no others', () => {
    const hook = step({ category: 'hook', steps: [step({ category: 'fixture', error: error('Error: x') })] });
    const at = (ms: number, workerIndex: number) => ({ startTime: new Date(ms), workerIndex });
    const before = test([result(at(1, 0))], { id: 'before' });
    const broken = test([result({ ...at(2, 0), status: 'failed', steps: [hook] })], {
      ...{ id: 'broken', expectedStatus: 'failed' },
    });
    const after = test([result(at(3, 0))], { id: 'after' });
    const elsewhere = test([result(at(4, 1))], { id: 'elsewhere' });
    assert.deepEqual([...workersGoneOn([elsewhere, after, broken, before]).keys()], ['after']);
  });
});

describe('the verdict of a run', () => {
  const of = (...tests: TestCase[]) => tests.map(recordOf);
  it('is inconclusive when nothing ran', () => {
    assert.equal(verdictOfRun([], [], 'passed'), 'inconclusive');
    assert.equal(verdictOfRun(of(test([result({ status: 'skipped' })])), [], 'passed'), 'inconclusive');
  });
  it('is inconclusive when it was interrupted, and fail if a failure was seen by then', () => {
    assert.equal(verdictOfRun(of(test([result()])), [], 'interrupted'), 'inconclusive');
    assert.equal(verdictOfRun(of(test([failed('ProductError: x')])), [], 'interrupted'), 'fail');
  });
  it('is never a pass when the runner says failed', () => {
    assert.equal(verdictOfRun(of(test([result()])), [], 'failed'), 'harness');
  });
  it('is config when the suites could not be loaded', () => {
    assert.equal(verdictOfGlobalError(error('SyntaxError: unexpected token'), false), 'config');
    assert.equal(verdictOfRun([], [error('Error: No tests found')], 'failed'), 'config');
  });
  it('is lab when there is no controller to be had', () => {
    assert.equal(verdictOfRun([], [error('LabError: it could not be started')], 'failed'), 'lab');
  });
});

describe('plain text', () => {
  it('has no control characters but tabs and line ends, whatever it was made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(plain(`\x1b[31m${text}\x1b]0;title\x07`), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });
  it('leaves ordinary text as it is', () => {
    assert.equal(plain('a\tb\nDurchsatz über 40 Mbit/s ✓'), 'a\tb\nDurchsatz über 40 Mbit/s ✓');
  });
});
