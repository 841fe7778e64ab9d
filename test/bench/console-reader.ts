/**
 * In a process of its own: consoles on pseudo-terminals (paths joined by commas), each awaiting a marker, with `login` the
 * patterns of a login beside it. Prints JSON: CPU seconds, wall seconds, and the bytes of each console.
 */
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import { JournalWriter } from '../../lab/journal/writer.ts';
import { cpuSeconds } from './rows.ts';

const [paths = '', marker = '', journalPath = '', mode = ''] = process.argv.slice(2);
const journal = await JournalWriter.open(journalPath);
const { loginPrompt, passwordPrompt } = virtual.console;
const more = mode === 'login' ? [loginPrompt, passwordPrompt, /[#$>] $/, /incorrect/i] : [];
const consoles = paths.split(',').map((path, index) => {
  const console = new Console({
    board: 'bench',
    transport: () => makeTransport({ type: 'pty', path }),
    journal,
    rawPath: `${journalPath}.raw${index}`,
    prompt: virtual.console,
  });
  const read = { console, bytes: 0 };
  console.onRaw((bytes) => {
    read.bytes += bytes.length;
  });
  return read;
});
const began = performance.now();
const cpu = await cpuSeconds(async () => {
  await Promise.all(
    consoles.map(async ({ console }) => {
      await console.open();
      await console.expect([marker, ...more], { from: 0, timeoutMs: 300_000 });
    }),
  );
});
const wall = (performance.now() - began) / 1000;
for (const { console } of consoles) await console.close();
await journal.close();
process.stdout.write(`${JSON.stringify({ cpu, wall, bytes: consoles.map(({ bytes }) => bytes) })}\n`);
