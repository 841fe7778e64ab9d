/** How the page of a run sorts failures: by whose fault they are, and within that by what the board's log showed. */
import type { Category } from 'allure-js-commons/sdk';

interface Kind {
  name: string;
  /** The `verdict` label. */
  verdict: string;
  status: 'failed' | 'broken';
  /** Part of its message. */
  message?: string;
}

/** The first that fits counts. */
const KINDS: readonly Kind[] = [
  {
    name: 'Product: passed, but the driver warned',
    ...{ verdict: 'fail', status: 'failed', message: 'passed, but the driver warned' },
  },
  { name: 'Product: the device under test misbehaved', verdict: 'fail', status: 'failed' },
  { name: 'Lab: power, cable, peer or server failed', verdict: 'lab', status: 'broken' },
  { name: 'Configuration: lab file, suite or command line', verdict: 'config', status: 'broken' },
  { name: 'Harness: a bug of ours', verdict: 'harness', status: 'broken' },
  { name: 'Inconclusive: too little or too noisy to say', verdict: 'inconclusive', status: 'broken' },
];

/** In the format of Allure 3 (CategoryRule of its core-api): grouped by the class of the finding, then by message. */
export const CATEGORIES = KINDS.map(({ name, verdict, status, ...message }) => ({
  name,
  matchers: [{ statuses: [status], labels: { verdict: `^${verdict}$` }, ...message }],
  groupBy: [{ label: 'finding' }],
  groupByMessage: true,
  expand: true,
}));

/** Words of Allure 2's `categories.json`, which knows no labels: the names of errors stand for their verdicts. */
const ERRORS: Readonly<Record<string, string>> = {
  lab: 'LabError: ',
  config: 'ConfigError: ',
  harness: 'HarnessError: ',
};

/** As Allure 2 reads them from `categories.json` beside results. */
export function plainCategories({ Status }: Pick<typeof import('allure-js-commons'), 'Status'>): Category[] {
  return KINDS.map(({ name, verdict, status, message = ERRORS[verdict] }) => ({
    name,
    matchedStatuses: [status === 'failed' ? Status.FAILED : Status.BROKEN],
    ...(message === undefined ? {} : { messageRegex: `(?s).*${message}.*` }),
  }));
}
