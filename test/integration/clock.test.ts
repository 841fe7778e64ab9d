/** The clocks of a real board on the controller's time line, checked against events whose time is known. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { now } from '../../lab/journal/clock.ts';
import { type ClockMapping, toController } from '../../lab/journal/clock-mapping.ts';
import { type ClockName, Clocks } from '../../lab/kernel/clocks.ts';
import { KernelLog } from '../../lab/kernel/log.ts';
import { until } from './lab.ts';
import { BOOT_MS, RemoteBoard } from './remote-board.ts';

const BOUND_NS = 10e6;
const EVENTS = 20;

describe("a board's clocks", { timeout: 600_000 }, () => {
  let board: RemoteBoard;
  let log: KernelLog;
  let clocks: Clocks;
  const life = new AbortController();
  before(async () => {
    board = await RemoteBoard.make();
    await board.boot();
    const parts = { board: 'rb', remote: board.remote, journal: board.journal, console: board.console };
    log = new KernelLog(parts);
    await log.start(life.signal);
    clocks = new Clocks({ ...parts, log });
    clocks.begin(board.remote.bootId ?? '', life.signal);
    await board.remote.check('dmesg -n 7');
  });
  after(async () => {
    life.abort();
    await clocks.measured;
    await log.stop();
    await board.dispose();
  });

  /** As good as it is wanted: on a busy machine that may take another measurement. */
  async function mapped(clock: ClockName): Promise<ClockMapping> {
    await until(
      async () => {
        await clocks.measured;
        const mapping = clocks.mapping(clock);
        if (mapping && mapping.boundNs < BOUND_NS) return true;
        clocks.begin(board.remote.bootId ?? '', life.signal);
        return false;
      },
      `the ${clock} clock is known to ${BOUND_NS / 1e6} ms`,
    );
    return clocks.mapping(clock) as ClockMapping;
  }

  /** Makes the kernel log a line, and gives its stamp with the instants before and after it. */
  async function event(word: string): Promise<{ beforeNs: number; afterNs: number; us: number }> {
    const since = log.mark();
    const beforeNs = now().mono;
    await board.remote.check(`echo '<4>${word}' >/dev/kmsg`);
    const afterNs = now().mono;
    const { us } = await log.waitFor(word, { timeoutMs: BOOT_MS, since });
    return { beforeNs, afterNs, us };
  }

  test('what the kernel logged is placed where it happened', async () => {
    const mapping = await mapped('kernel');
    for (let number = 0; number < EVENTS; number++) {
      const { beforeNs, afterNs, us } = await event(`kernel event ${number}.`);
      const { ns, boundNs } = toController(mapping, us * 1000);
      assert.ok(boundNs < BOUND_NS, `${boundNs} ns`);
      assert.ok(
        ns >= beforeNs - boundNs && ns <= afterNs + boundNs,
        `${ns - beforeNs} of ${afterNs - beforeNs} ns`,
      );
    }
  });

  test("what the board's calendar clock says is placed where it was said", async () => {
    const mapping = await mapped('wall');
    for (let number = 0; number < EVENTS; number++) {
      const beforeNs = now().mono;
      const said = await board.remote.check("bash -c 'echo $EPOCHREALTIME'");
      const afterNs = now().mono;
      const { ns, boundNs } = toController(mapping, Number(said.replace(/[.,]/, '')) * 1000);
      assert.ok(boundNs < BOUND_NS, `${boundNs} ns`);
      assert.ok(
        ns >= beforeNs - boundNs && ns <= afterNs + boundNs,
        `${ns - beforeNs} of ${afterNs - beforeNs} ns`,
      );
    }
  });

  test('from when a line came on the console it is known when it was logged', async () => {
    await mapped('kernel');
    const arrivals = new Map<string, number>();
    const forget = board.console.subscribe(({ text }) => {
      const word = /console event \d+\./.exec(text)?.[0];
      if (word !== undefined) arrivals.set(word, now().mono);
    });
    // The delay of a console is learned from what it shows.
    for (let number = 0; number < EVENTS; number++) await event(`learned from ${number}.`);
    const mapping = clocks.mapping('console');
    assert.ok(mapping);
    for (let number = 0; number < EVENTS; number++) {
      const word = `console event ${number}.`;
      const { beforeNs, afterNs } = await event(word);
      await until(() => arrivals.has(word), `${word} is shown`);
      const { ns, boundNs } = toController(clocks.mapping('console') ?? mapping, arrivals.get(word) ?? 0);
      assert.ok(
        ns >= beforeNs - boundNs && ns <= afterNs + boundNs,
        `${ns - beforeNs} of ${afterNs - beforeNs} ns, bound ${boundNs}`,
      );
    }
    forget();
  });

  test('each mapping is recorded with its bound, anew after each boot', async () => {
    const recorded = () =>
      board.eventsOf('clock.mapping') as { clock: string; bootId: string; boundNs: number }[];
    const first = board.remote.bootId;
    assert.ok(
      recorded().some(({ clock, bootId, boundNs }) => clock === 'kernel' && bootId === first && boundNs > 0),
    );
    await log.stop();
    board.remote.disconnect('reset by the test');
    await board.machine.reset();
    await board.remote.connect({ timeoutMs: BOOT_MS });
    assert.notEqual(board.remote.bootId, first);
    await log.start(life.signal);
    clocks.begin(board.remote.bootId ?? '', life.signal);
    await clocks.measured;
    assert.ok(recorded().some(({ clock, bootId }) => clock === 'kernel' && bootId !== first));
    const { beforeNs, afterNs, us } = await event('after the next boot');
    const { ns, boundNs } = toController(await mapped('kernel'), us * 1000);
    assert.ok(ns >= beforeNs - boundNs && ns <= afterNs + boundNs);
  });
});
