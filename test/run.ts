/**
 * `npm test`: lint, types, import rule, unit tests, integration tests; the last line counts them all. Names of steps and
 * paths of test files as arguments run just those: `test/run.ts unit`, `test/run.ts test/integration/cli.test.ts`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { checkImports } from './import-rule.ts';
import { endLeftovers } from './leftovers.ts';
import { runTestFile } from './run-file.ts';

const ROOT = join(import.meta.dirname, '..');
const UNIT_MS = 120_000;
const INTEGRATION_MS = 600_000;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const interrupted = new AbortController();
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const since = (began: number): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;

/** A step that either holds or not, counted as one test. */
async function check(title: string, holds: () => Promise<boolean>): Promise<void> {
  const began = performance.now();
  const ok = await holds();
  total[ok ? 'passed' : 'failed']++;
  say(`${ok ? 'ok  ' : 'FAIL'} ${title} (${since(began)})`);
}

async function tool(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [join(ROOT, 'node_modules', program), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    signal: interrupted.signal,
  });
  const [code] = await once(child, 'exit').catch(() => [null]);
  return code === 0;
}

async function importRule(): Promise<boolean> {
  const violations = checkImports(ROOT);
  for (const { file, line, message } of violations) say(`${file}:${line}: ${message}`);
  return violations.length === 0;
}

/** One file in a temporary folder of its own; whatever it started must have ended when it has. */
async function testFile(file: string, timeoutMs: number, live: boolean): Promise<void> {
  const began = performance.now();
  // Short: the paths of Unix sockets below it may have 107 bytes.
  const temporary = mkdtempSync(join(tmpdir(), 'hil-'));
  const environment = {
    ...process.env,
    TMPDIR: temporary,
    // Whoever has boards of their own does not want tests to switch them.
    HIL_LAB: 'virtual',
    HIL_STATE_DIR: join(temporary, 'state'),
    HIL_RUNS_DIR: join(temporary, 'runs'),
  };
  try {
    const result = await runTestFile(join(ROOT, file), {
      timeoutMs,
      environment,
      signal: interrupted.signal,
      onTest: (line) => live && say(`       ${basename(file, '.test.ts')}: ${line}`),
    });
    const grace = interrupted.signal.aborted ? 5000 : live ? 20_000 : 2000;
    const left = await endLeftovers(temporary, grace);
    if (left.length > 0) {
      result.failed++;
      result.report.push(`left running, now ended:\n${left.map((process) => `  ${process}`).join('\n')}`);
    }
    for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += result[key];
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : '';
    const failed = result.failed > 0 ? `, ${result.failed} failed` : '';
    say(
      `${result.failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${result.passed} passed${failed}${skipped} (${since(began)})`,
    );
    for (const text of result.report) say(text.replace(/^/gm, '     '));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const STEPS: Record<string, () => Promise<void>> = {
  lint: () =>
    check('lint (biome)', () => tool('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.'])),
  types: () => check('types (tsc)', () => tool('typescript/bin/tsc', ['-p', '.'])),
  imports: () => check('import rule', importRule),
  unit: () => files('test/unit', UNIT_MS, false),
  integration: () => files('test/integration', INTEGRATION_MS, true),
};

/** Two files at a time: most of what they do is waiting. */
async function files(folder: string, timeoutMs: number, live: boolean): Promise<void> {
  // The longest first, so that none is left to run alone at the end; boards behind U-Boot or real wires, and soaks, take longer.
  const size = (file: string): number => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return text.length * (/'va1'|makeBench\(|tryFault\(|'soak',/.test(text) ? 3 : 1);
  };
  const waiting = globSync(`${folder}/**/*.test.ts`, { cwd: ROOT }).sort((a, b) => size(b) - size(a));
  const lane = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      if (interrupted.signal.aborted) return;
      await testFile(file, timeoutMs, live);
    }
  };
  await Promise.all([lane(), lane()]);
}

async function main(wanted: readonly string[]): Promise<number> {
  const known = Object.keys(STEPS);
  const names = wanted.length === 0 ? known : wanted;
  const wrong = names.find((name) => !known.includes(name) && !name.endsWith('.test.ts'));
  if (wrong !== undefined) {
    console.error(`no step "${wrong}"; there are ${known.join(', ')}, and paths of *.test.ts files`);
    return 2;
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  const began = performance.now();
  for (const name of names) {
    if (interrupted.signal.aborted) break;
    const step = STEPS[name];
    await (step === undefined ? testFile(relative(ROOT, resolve(name)), INTEGRATION_MS, true) : step());
  }
  if (interrupted.signal.aborted) return 130;
  say(`all steps took ${since(began)}`);
  if (total.skipped > 0) say(`${total.skipped} skipped`);
  say(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
