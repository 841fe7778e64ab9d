/** `hil classify FILE...`: what broke in a log, whose fault it is, where it began, and what to try next. */
import type { Command } from 'commander';
import { asHilError, ConfigError } from '../errors.ts';
import { sanitize } from '../text.ts';
import { formatBytes } from '../units.ts';
import type { Classification } from '../verdict/classify/finding.ts';
import { LogClassifier } from '../verdict/classify/log.ts';
import { EXIT_CODES, verdictOfFault } from '../verdict/verdict.ts';
import { classifyRun } from './classify-run.ts';
import { classificationText, linesShown } from './classify-text.ts';
import { explain } from './failure.ts';
import { colours, type Invocation } from './invocation.ts';
import { LogFile } from './log-file.ts';

/** Reading for so long without a word is too long. */
const PROGRESS_AFTER_MS = 2000;
const PROGRESS_EVERY_MS = 500;

export function define(command: Command, invocation: Invocation): void {
  command
    .argument(
      '[files...]',
      'logs: dmesg, journalctl, syslog, logread, serial captures, mails; - or none: standard input',
    )
    .option('--json', 'an object for one file, an array for several')
    .option('--run <run>', 'no files, but the tests of a run: its name, a path, or latest')
    .addHelpText(
      'after',
      `
Finds the primary cause, what followed from it, the first bad line, and says what to look at next. Any kernel log will
do: with stamps or without, quoted in a mail, newest line first, with escape sequences and broken bytes in it.

JSON: {file, primary, classes, verdict, firstBadLine, findings: [{class, role, verdict, lines: [first, last], signature,
text, count, meaning, next, device, atS, crash}]}. primary is "benign" and firstBadLine null where nothing is wrong.

Exit code: 0 whatever the log says; 2 when a file can't be read (the others are done all the same).

Examples:
  hil classify dmesg.txt
  ssh board dmesg | hil classify
  hil classify --run latest
  hil classify runs/latest/artifacts/*/board/dmesg.log --json | jq -r '.[] | [.file, .primary] | @tsv'`,
    )
    .action(async (files: string[], { json = false, run }: { json?: boolean; run?: string }) => {
      if (run === undefined) await classify(files, json, invocation);
      else if (files.length === 0) await classifyRun(run, json, invocation);
      else throw new ConfigError('--run and files exclude each other', { hint: 'hil classify --run latest' });
    });
}

async function classify(files: readonly string[], json: boolean, invocation: Invocation): Promise<void> {
  if (files.length === 0 && process.stdin.isTTY)
    throw new ConfigError('there is no log to classify', {
      hint: 'hil classify FILE, or: dmesg | hil classify',
    });
  const names = files.length === 0 ? ['-'] : files;
  const results: object[] = [];
  for (const name of names) {
    try {
      using file = await LogFile.open(name, invocation.signal);
      const result = await classifyFile(file, invocation);
      if (json) results.push({ file: name, ...result });
      else await show(file, result, invocation);
    } catch (thrown) {
      if (invocation.signal.aborted) throw thrown;
      const error = asHilError(thrown);
      invocation.say(explain(error));
      invocation.exitCode = EXIT_CODES[verdictOfFault(error.fault)];
    }
  }
  if (json && (names.length > 1 || results.length > 0))
    await invocation.json(names.length > 1 ? results : results[0]);
}

async function classifyFile(file: LogFile, invocation: Invocation): Promise<Classification> {
  const classifier = new LogClassifier();
  using progress = new Progress(file);
  for await (const chunk of file.chunks(invocation.signal)) {
    classifier.push(chunk);
    progress.add(chunk.length);
  }
  if (progress.bytes === 0) invocation.say(`hil: ${sanitize(file.name)} is empty: there is nothing to judge`);
  return classifier.end();
}

async function show(file: LogFile, result: Classification, invocation: Invocation): Promise<void> {
  const lines = await file.lines(linesShown(result), invocation.signal);
  await invocation.write(classificationText(sanitize(file.name), result, lines, colours(process.stdout)));
}

/** How far a long log has been read, on a terminal. */
class Progress implements Disposable {
  readonly #file: LogFile;
  #bytes = 0;
  #next = performance.now() + PROGRESS_AFTER_MS;
  #shown = false;

  constructor(file: LogFile) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = performance.now();
    if (now < this.#next || !process.stderr.isTTY) return;
    this.#next = now + PROGRESS_EVERY_MS;
    this.#shown = true;
    const { name, size } = this.#file;
    const whole = size > 0 ? ` of ${formatBytes(size)}` : '';
    process.stderr.write(`\r\x1b[K${sanitize(name)}: ${formatBytes(this.#bytes)}${whole}`);
  }

  [Symbol.dispose](): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}
