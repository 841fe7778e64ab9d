/** Makes the page of a run from its Allure results: offline, with the history of earlier runs, and without trackers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, HarnessError } from '../lab/errors.ts';
import { PROJECT_ROOT } from '../lab/paths.ts';

const DEADLINE_MS = 120_000;

/** Categories by the `verdict` label, which says whose fault it was. */
const CATEGORIES = [
  { name: 'Product: the device under test misbehaved', verdict: 'fail' },
  { name: 'Lab: power, cable, peer or server failed', verdict: 'lab' },
  { name: 'Configuration: lab file, suite or command line', verdict: 'config' },
  { name: 'Harness: a bug of ours', verdict: 'harness' },
  { name: 'Inconclusive: too little or too noisy to say', verdict: 'inconclusive' },
].map(({ name, verdict }) => ({
  name,
  matchers: [{ statuses: ['failed', 'broken'], labels: { verdict } }],
  groupByMessage: true,
}));

/**
 * Generates `report/` in a run's folder and gives the path of its first page. `history.jsonl` beside the runs is extended.
 * Throws ConfigError when the run has no results, HarnessError when the generator fails.
 */
export async function generateReport(runDir: string): Promise<string> {
  const results = join(runDir, 'allure-results');
  if (!existsSync(results)) {
    throw new ConfigError(`${runDir} has no allure-results: no test of it has ended`, { hint: 'hil run' });
  }
  const output = join(runDir, 'report');
  const config = join(runDir, 'allurerc.json');
  await writeFile(config, `${JSON.stringify(allureConfig(runDir, output), null, 2)}\n`);
  await rm(output, { recursive: true, force: true });
  await runAllure(['generate', '--config', config, '--output', output, results], runDir);
  await stripTrackers(output);
  return join(output, 'index.html');
}

function allureConfig(runDir: string, output: string): object {
  const run = runDir.split('/').at(-1) ?? runDir;
  return {
    name: `hil ${run}`,
    output,
    historyPath: join(dirname(runDir), 'history.jsonl'),
    appendHistory: true,
    categories: { rules: CATEGORIES },
    plugins: {
      awesome: {
        options: {
          reportName: `hil ${run}`,
          groupBy: ['parentSuite', 'suite', 'subSuite'],
          singleFile: true,
        },
      },
    },
  };
}

async function runAllure(args: string[], cwd: string): Promise<void> {
  const cli = join(PROJECT_ROOT, 'node_modules/allure/cli.js');
  const child = spawn(process.execPath, [cli, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(DEADLINE_MS),
    env: { ...process.env, NO_COLOR: '1', ALLURE_NO_ANALYTICS: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output = (output + text).slice(-8192);
    });
  }
  const [code]: unknown[] = await once(child, 'close');
  if (code !== 0) throw new HarnessError(`allure ${args[0]} ended with exit code ${code}: ${output.trim()}`);
}

/** Elements that fetch from, or tell, other hosts. The generator has its analytics built in. */
const EXTERNAL_SCRIPT = /<script\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?\/\/[^>]*>\s*<\/script>/gi;
const EXTERNAL_LINK = /<(?:link|iframe|img)\b[^>]*\b(?:href|src)\s*=\s*["']?(?:https?:)?\/\/[^>]*>/gi;
const INLINE_SCRIPT = /<script\b(?![^>]*\bsrc\s*=)[^>]*>[\s\S]*?<\/script>/gi;
const TRACKER = /googletagmanager|gtag\(|dataLayer|google-analytics/;
/** Whatever is left in bundles is kept from being fetched by the browser itself. */
const POLICY =
  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:\">";

/** A page without elements that reach other hosts, and with a policy that forbids the rest to. */
export function withoutTrackers(html: string): string {
  return html
    .replace(EXTERNAL_SCRIPT, '')
    .replace(EXTERNAL_LINK, '')
    .replace(INLINE_SCRIPT, (script) => (TRACKER.test(script) ? '' : script))
    .replace(/<head\b[^>]*>/i, (head) => `${head}\n${POLICY}`);
}

async function stripTrackers(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.html')) continue;
    // Attached pages are data of a test, and shown as such.
    if (entry.parentPath.includes('attachments')) continue;
    const path = join(entry.parentPath, entry.name);
    await writeFile(`${path}.new`, withoutTrackers(await readFile(path, 'utf8')));
    await rename(`${path}.new`, path);
  }
}
