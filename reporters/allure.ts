/**
 * Writes `allure-results/`: one result file a test and attempt, in the format of allure-js-commons (its model.ts). Labels
 * say on what a test ran, the `verdict` label whose fault a failure was; only the product's failures are `failed`, all
 * others `broken`.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestError,
  TestResult,
  TestStep,
} from '@playwright/test/reporter';
import type {
  TestResult as AllureResult,
  Status as AllureStatus,
  Attachment,
  StepResult,
} from 'allure-js-commons';
import type { FileSystemWriter } from 'allure-js-commons/sdk/reporter';
import { runIdentity } from '../lab/runner/run.ts';
import type { Verdict } from '../lab/verdict/verdict.ts';
import { plainCategories } from './categories.ts';
import {
  annotation,
  findingsOf,
  messageOfError,
  plain,
  recordsOf,
  suiteOf,
  titlesOf,
  verdictOfResult,
} from './record.ts';

/** Annotations that become labels. */
const LABELS = ['board', 'device', 'kernel', 'driver', 'firmware'] as const;
/** Steps of the runner itself, and what attaching does. */
const HIDDEN_STEPS = new Set(['pw:api', 'test.attach', 'fixture']);

/** What the runner attaches to failures of its own accord: the same text once more. */
const RUNNERS_OWN = 'error-context';

type Sdk = typeof import('allure-js-commons');

export default class AllureReporter implements Reporter {
  #root: Suite | null = null;
  readonly #errors: TestError[] = [];

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  onError(error: TestError): void {
    this.#errors.push(error);
  }

  /** All is written at the end: only then is it known which passes are to be believed. */
  async onEnd(_result: FullResult): Promise<void> {
    if (!this.#root) return;
    // Loaded late: the run must not wait for it.
    const sdk = await import('allure-js-commons');
    const { FileSystemWriter } = await import('allure-js-commons/sdk/reporter');
    const run = runIdentity();
    const writer = new FileSystemWriter({ resultsDir: join(run.dir, 'allure-results') });
    const verdicts = new Map(recordsOf(this.#root).map((record) => [record.id, record]));
    const seen = new Map<string, Set<string>>();
    for (const test of this.#root.allTests()) {
      const attempts = test.results.length > 0 ? test.results : [null];
      for (const result of attempts) {
        const last = result === test.results.at(-1);
        const record = last ? verdicts.get(test.id) : undefined;
        const verdict = record?.verdict ?? (result ? verdictOfResult(test, result) : 'inconclusive');
        writer.writeResult(
          allureResult(sdk, writer, { test, result, verdict, message: record?.message ?? null }),
        );
        if (result) collect(seen, result);
      }
    }
    writer.writeCategoriesDefinitions(plainCategories(sdk));
    const values = [...seen].map(([name, texts]) => [name, [...texts].sort().join(', ')]);
    const errors = this.#errors.map((error, index) => [
      `error ${index + 1}`,
      messageOfError(error).split('\n', 1)[0],
    ]);
    writer.writeEnvironmentInfo(
      Object.fromEntries([['run', run.id], ['node', process.version], ...values, ...errors]),
    );
  }

  printsToStdio(): boolean {
    return false;
  }
}

interface Attempt {
  test: TestCase;
  /** Null when the test was not run. */
  result: TestResult | null;
  verdict: Verdict;
  message: string | null;
}

function allureResult(
  sdk: Sdk,
  writer: FileSystemWriter,
  { test, result, verdict, message }: Attempt,
): AllureResult {
  const titles = titlesOf(test);
  const name = titles.at(-1) ?? '';
  const groups = titles.slice(0, -1);
  const suite = suiteOf(test);
  const device = annotation(result ?? undefined, 'device');
  const fullName = [suite, ...titles].join(' › ');
  const errors = result?.errors ?? [];
  const texts = errors.map((error) => messageOfError(error));
  const status = statusOf(sdk, result, verdict);
  const start = result?.startTime.getTime();
  const skipReason = result?.status === 'skipped' || !result ? message : null;
  const said = skipReason ?? (texts.length > 0 ? texts.join('\n\n') : verdict === 'pass' ? null : message);
  return {
    uuid: randomUUID(),
    name,
    fullName,
    titlePath: [suite, ...groups],
    testCaseId: md5(fullName),
    // The same test on another kind of board has a history of its own; on another board of that kind it has not.
    historyId: md5(`${fullName}\0${device ?? ''}`),
    status,
    stage: result ? sdk.Stage.FINISHED : sdk.Stage.PENDING,
    statusDetails: {
      ...(said === null ? {} : { message: said }),
      ...(errors[0]?.stack === undefined ? {} : { trace: plain(errors[0].stack) }),
      ...(test.outcome() === 'flaky' ? { flaky: true } : {}),
    },
    ...(start === undefined || !result ? {} : { start, stop: start + result.duration }),
    steps: result ? allureSteps(sdk, result.steps) : [],
    attachments: result ? attachments(writer, result) : [],
    parameters:
      result && result.retry > 0 ? [{ name: 'retry', value: String(result.retry), excluded: true }] : [],
    labels: [
      { name: 'framework', value: 'playwright' },
      { name: 'language', value: 'typescript' },
      { name: 'parentSuite', value: suite },
      ...(groups[0] === undefined ? [] : [{ name: 'suite', value: groups[0] }]),
      ...(groups.length > 1 ? [{ name: 'subSuite', value: groups.slice(1).join(' › ') }] : []),
      { name: 'verdict', value: result?.status === 'skipped' ? 'skipped' : verdict },
      ...LABELS.flatMap((label) => {
        const value = annotation(result ?? undefined, label);
        return value === null ? [] : [{ name: label, value }];
      }),
      ...(result ? findingLabels(result) : []),
      ...test.tags.map((tag) => ({ name: 'tag', value: tag.replace(/^@/, '') })),
    ],
    links: [],
  };
}

/** Classes and signatures of a test's findings, and signatures of allowed ones. The primary one comes last: the page groups by the last of a name. */
function findingLabels(result: TestResult): AllureResult['labels'] {
  const findings = findingsOf(result, 'finding').toReversed();
  const allowed = findingsOf(result, 'allowed').map(({ signature }) => signature);
  const distinct = (values: string[]) => [...new Set(values.toReversed())].toReversed();
  return [
    ...distinct(findings.map((finding) => finding.class)).map((value) => ({ name: 'finding', value })),
    ...distinct(findings.map(({ signature }) => signature)).map((value) => ({ name: 'signature', value })),
    ...distinct(allowed).map((value) => ({ name: 'allowed', value })),
  ];
}

function statusOf({ Status }: Sdk, result: TestResult | null, verdict: Verdict): AllureStatus {
  if (!result || result.status === 'skipped') return Status.SKIPPED;
  if (verdict === 'pass') return Status.PASSED;
  return verdict === 'fail' ? Status.FAILED : Status.BROKEN;
}

/** Steps as a tree, without the runner's own: their children take their place. */
function allureSteps(sdk: Sdk, steps: readonly TestStep[]): StepResult[] {
  return steps.flatMap((step) => {
    const children = allureSteps(sdk, step.steps);
    const hook = step.category === 'hook' && !step.error;
    if (HIDDEN_STEPS.has(step.category) || hook) return children;
    const start = step.startTime.getTime();
    return [
      {
        name: plain(step.title),
        status: step.error ? sdk.Status.FAILED : sdk.Status.PASSED,
        stage: sdk.Stage.FINISHED,
        statusDetails: step.error ? { message: messageOfError(step.error) } : {},
        start,
        stop: start + Math.max(0, step.duration),
        steps: children,
        attachments: [],
        parameters: Object.entries(step.params ?? {}).map(([name, value]) => ({
          name,
          value: plain(String(value)),
        })),
      },
    ];
  });
}

function attachments(writer: FileSystemWriter, result: TestResult): Attachment[] {
  return result.attachments.flatMap(({ name, contentType, path, body }) => {
    if (name === RUNNERS_OWN) return [];
    const source = `${randomUUID()}-attachment${extname(path ?? name) || '.bin'}`;
    // A file may be gone when the disk was full or the worker was killed.
    if (path !== undefined && existsSync(path)) writer.writeAttachmentFromPath(source, path);
    else if (body) writer.writeAttachment(source, body);
    else return [];
    return [{ name: plain(name), type: contentType, source }];
  });
}

function collect(seen: Map<string, Set<string>>, result: TestResult): void {
  for (const label of LABELS) {
    const value = annotation(result, label);
    if (value !== null) seen.set(label, (seen.get(label) ?? new Set()).add(value));
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
