/** Makes the page of a run from its Allure results: offline, with the history of earlier runs, and without trackers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError, HarnessError, messageOf } from '../lab/errors.ts';
import { PROJECT_ROOT } from '../lab/paths.ts';
import { CATEGORIES } from './categories.ts';

const DEADLINE_MS = 120_000;

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
  await forget(historyPath(runDir), reportName(runDir));
  await runAllure(['generate', '--config', config, '--output', output, results], runDir);
  await stripTrackers(output);
  return join(output, 'index.html');
}

function reportName(runDir: string): string {
  return `hil ${basename(runDir)}`;
}

function historyPath(runDir: string): string {
  return join(dirname(runDir), 'history.jsonl');
}

/** Takes a run's own points out of the history: its page may be made more than once. */
async function forget(path: string, name: string): Promise<void> {
  const history = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const kept = historyWithout(history, name);
  if (kept === history) return;
  await writeFile(`${path}.new`, kept);
  await rename(`${path}.new`, path);
}

const Point = z.object({ name: z.string() });

/** A history, one report a line, without the reports of a name, and without lines that were torn. */
export function historyWithout(history: string, name: string): string {
  const kept = history.split('\n').filter((line) => {
    try {
      return Point.parse(JSON.parse(line)).name !== name;
    } catch {
      return false; // torn
    }
  });
  return kept.map((line) => `${line}\n`).join('');
}

function allureConfig(runDir: string, output: string): object {
  return {
    name: reportName(runDir),
    output,
    historyPath: historyPath(runDir),
    appendHistory: true,
    categories: { rules: CATEGORIES },
    plugins: {
      awesome: {
        options: {
          reportName: reportName(runDir),
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
  const [code]: unknown[] = await once(child, 'close').catch((cause: unknown) => {
    throw new HarnessError(`allure ${args[0]}: ${messageOf(cause)}; its limit is ${DEADLINE_MS / 1000} s`, {
      cause,
      hint: `what it printed: ${output.trim()}`,
    });
  });
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
