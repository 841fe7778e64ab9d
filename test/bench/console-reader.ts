/** In a process of its own: a console on a pseudo-terminal, awaiting a marker. Prints the CPU seconds that took. */
import { virtual } from '../../devices/virtual.ts';
import { Console } from '../../lab/board/console/console.ts';
import { makeTransport } from '../../lab/board/console/index.ts';
import { JournalWriter } from '../../lab/journal/writer.ts';
import { cpuSeconds } from './rows.ts';

const [path = '', marker = '', journalPath = ''] = process.argv.slice(2);
const journal = await JournalWriter.open(journalPath);
const console = new Console({
  board: 'bench',
  transport: () => makeTransport({ type: 'pty', path }),
  journal,
  rawPath: `${journalPath}.raw`,
  prompt: virtual.console,
});
const cpu = await cpuSeconds(async () => {
  await console.open();
  await console.expect(marker, { from: 0, timeoutMs: 300_000 });
});
await console.close();
await journal.close();
process.stdout.write(`${cpu}\n`);
