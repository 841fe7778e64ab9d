/** No record of a real kernel is lost without being counted: floods, cut connections, and what the console can tell. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KernelRecord } from '../../lab/kernel/kmsg.ts';
import { KernelLog } from '../../lab/kernel/log.ts';
import { BOOT_MS, RemoteBoard } from './remote-board.ts';

const FLOOD = 20_000;
const FLOOD_MS = 300_000;

describe('the log of a kernel that talks a lot', { timeout: 600_000 }, () => {
  let board: RemoteBoard;
  let log: KernelLog;
  before(async () => {
    board = await RemoteBoard.make();
    await board.boot();
    log = new KernelLog({ ...following(), console: board.console });
    await log.start(new AbortController().signal);
    await board.remote.check('echo on >/proc/sys/kernel/printk_devkmsg');
    await log.barrier({ timeoutMs: BOOT_MS });
  });
  after(async () => {
    await log.stop();
    await board.dispose();
  });
  const following = () => ({ remote: board.remote, journal: board.journal, board: 'rb' });

  /** Writes numbered records into the log, cuts SSH twice meanwhile, and gives what came of them. */
  async function flood(word: string): Promise<{ records: KernelRecord[]; lost: number; behind: number }> {
    await log.barrier({ timeoutMs: BOOT_MS });
    const mark = log.mark();
    const loop = `i=0;while [ $i -lt ${FLOOD} ];do echo "<6>${word} $i">/dev/kmsg;i=$((i+1));done;echo "<6>${word} is over">/dev/kmsg`;
    const over = log.waitFor(`${word} is over`, { timeoutMs: FLOOD_MS, since: mark });
    await board.remote.check(`setsid sh -c '${loop}' </dev/null >/dev/null 2>&1 &`);
    for (const part of [0.2, 0.5]) {
      await log.waitFor(new RegExp(`${word} (?:${numbersFrom(FLOOD * part)})$`), {
        timeoutMs: FLOOD_MS,
        since: mark,
      });
      board.remote.disconnect('cut by the test');
      await board.remote.connect({ timeoutMs: BOOT_MS });
    }
    await over;
    await log.barrier({ timeoutMs: FLOOD_MS });
    const records = log.since(mark);
    return { records, lost: log.lostSince(mark), behind: log.mark().seq - mark.seq };
  }

  function check(word: string, { records, lost, behind }: Awaited<ReturnType<typeof flood>>): KernelRecord[] {
    const flooded = records.filter(({ text }) => text.startsWith(word));
    const numbers = flooded
      .map(({ text }) => text.slice(word.length + 1))
      .filter((number) => /^\d+$/.test(number));
    assert.equal(new Set(numbers).size, numbers.length, 'each came once');
    // All that the kernel numbered since the mark, but for the barrier.
    assert.equal(records.length + lost + 1, behind);
    assert.ok(numbers.length + lost >= FLOOD);
    const told = board
      .eventsOf('kernel.record')
      .filter((data) => 'text' in data && typeof data.text === 'string' && data.text.startsWith(word));
    assert.equal(told.length, flooded.length, 'each is one event');
    return flooded;
  }

  test('20,000 records arrive, once each, though SSH is cut twice: the console fills the gaps', async (context) => {
    await board.remote.check('dmesg -n 8');
    const result = await flood('seen-on-console');
    const flooded = check('seen-on-console', result);
    const byConsole = flooded.filter(({ via }) => via === 'console').length;
    context.diagnostic(`${flooded.length} came, ${byConsole} of them by the console; ${result.lost} lost`);
    assert.equal(result.lost, 0);
  });

  test('where the console does not show them, those that were overwritten are counted, exactly', async (context) => {
    await board.remote.check('dmesg -n 1');
    const result = await flood('hidden');
    const flooded = check('hidden', result);
    context.diagnostic(`${flooded.length} came, ${result.lost} lost`);
  });

  test('records tell what they are about, where the kernel knows', async () => {
    const [device] = log
      .since({ bootId: board.remote.bootId ?? '', seq: -1 })
      .filter((one) => one.device !== undefined);
    assert.match(device?.device ?? '', /^[+bcn]/);
    assert.notEqual(device?.subsystem, undefined);
  });

  test('a board that can only be asked for its log is asked again and again, and tells each record once', async () => {
    const polled = new KernelLog({ ...following(), formats: ['poll'], journal: { append: () => undefined } });
    await polled.start(new AbortController().signal);
    const mark = polled.mark();
    await board.remote.check("echo '<4>asked for' >/dev/kmsg");
    await polled.waitFor('asked for', { timeoutMs: BOOT_MS, since: mark });
    await board.remote.check("echo '<4>asked again' >/dev/kmsg");
    await polled.waitFor('asked again', { timeoutMs: BOOT_MS, since: mark });
    await polled.stop();
    const texts = polled.since(mark).map(({ text }) => text);
    assert.equal(texts.filter((text) => text === 'asked for').length, 1);
    assert.equal(polled.since(mark).find(({ text }) => text === 'asked again')?.level, 4);
  });

  test('a log that is ended leaves no reader on a board that goes on', async () => {
    const readers = async () => Number((await board.remote.run('pgrep -cx cat')).stdout);
    const before = await readers();
    const other = new KernelLog({ ...following(), journal: { append: () => undefined } });
    await other.start(new AbortController().signal);
    assert.equal(await readers(), before + 1);
    await other.end(BOOT_MS);
    assert.equal(await readers(), before);
  });
});

/** A regular expression for the whole numbers from one on, up to 19,999 more or less: the first digits decide. */
function numbersFrom(least: number): string {
  return Array.from({ length: FLOOD / 1000 }, (_, thousand) => thousand)
    .filter((thousand) => thousand * 1000 >= least)
    .map((thousand) => `${thousand}\\d{3}`)
    .join('|');
}
