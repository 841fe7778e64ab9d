import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PowerSwitch, SwitchState } from '../../lab/board/power/backend.ts';
import { type Clock, PowerControl, PowerPolicy } from '../../lab/board/power/control.ts';
import { LabError } from '../../lab/errors.ts';

/** A clock that jumps: who waits is told at once that the time has passed. */
class Jumping implements Clock {
  time = 1_000_000;
  waited: number[] = [];

  now(): number {
    return this.time;
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (ms > 0) this.waited.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}

class Outlet implements PowerSwitch {
  readonly name = 'outlet 1';
  readonly log: string[] = [];
  is: SwitchState = 'off';
  obeys = true;

  async on(): Promise<void> {
    this.log.push('on');
    await Promise.resolve();
    if (this.obeys) this.is = 'on';
  }

  async off(): Promise<void> {
    this.log.push('off');
    await Promise.resolve();
    if (this.obeys) this.is = 'off';
  }
}

class Readable extends Outlet {
  state(): Promise<SwitchState> {
    return Promise.resolve(this.is);
  }
}

const live = new AbortController().signal;
const policy = PowerPolicy.parse({
  minOff: '3s',
  settle: '500ms',
  minInterval: '1s',
  maxPerMinute: 5,
  confirmWithin: '2s',
});

function control(
  outlet: PowerSwitch,
  isSilent?: () => Promise<void>,
): { clock: Jumping; power: PowerControl } {
  const clock = new Jumping();
  const power = new PowerControl({ board: 'b', outlet, policy, clock, ...(isSilent ? { isSilent } : {}) });
  return { clock, power };
}

const withCode = (code: string) => (error: unknown) => error instanceof LabError && error.code === code;

test('a board stays off for the least time before it is on again, and may settle', async () => {
  const outlet = new Readable();
  const { clock, power } = control(outlet);
  await power.on(live);
  assert.deepEqual(clock.waited, [3000, 500], 'it may have been cut just before we came');
  clock.waited = [];
  await power.cycle(live);
  assert.deepEqual(outlet.log, ['on', 'off', 'on']);
  assert.deepEqual(clock.waited, [500, 3000, 500], 'a second between actions, three off, then settled');
});

test('a switch that says it is on is not switched on', async () => {
  const outlet = new Readable();
  outlet.is = 'on';
  await control(outlet).power.on(live);
  assert.deepEqual(outlet.log, []);
});

test('actions come one after the other, whoever asks', async () => {
  const outlet = new Outlet();
  const { power } = control(outlet);
  await Promise.all([power.cycle(live), power.off(live), power.on(live)]);
  assert.deepEqual(outlet.log, ['off', 'on', 'off', 'on']);
});

test('too many actions in a minute are refused, with when there may be more', async () => {
  const { clock, power } = control(new Outlet());
  for (let count = 0; count < 5; count++) await power.off(live);
  await assert.rejects(
    power.off(live),
    (error) => withCode('rate-limit')(error) && /in 5\d s/.test((error as LabError).hint ?? ''),
  );
  clock.time += 60_000;
  await power.off(live);
});

test('a switch that does not follow is found out by read-back', async () => {
  const outlet = new Readable();
  outlet.obeys = false;
  await assert.rejects(control(outlet).power.on(live), withCode('power-not-switched'));
});

test('a switch that cannot be read back is believed only when the board falls silent', async () => {
  const outlet = new Outlet();
  let alive = true;
  const { power } = control(outlet, () =>
    alive ? Promise.reject(new LabError('its console still answers')) : Promise.resolve(),
  );
  await assert.rejects(
    power.off(live),
    (error) => withCode('power-not-switched')(error) && /still answers/.test(String(error)),
  );
  alive = false;
  await power.off(live);
});

test('no power is cut while a flash is written, and again once it is', async () => {
  const outlet = new Outlet();
  const { power } = control(outlet);
  {
    using _flash = power.holdForFlash('firmware of board b');
    await assert.rejects(
      power.off(live),
      (error) => withCode('flash-in-progress')(error) && /firmware of board b/.test(String(error)),
    );
    await assert.rejects(power.cycle(live), withCode('flash-in-progress'));
    assert.deepEqual(outlet.log, []);
  }
  await power.off(live);
  assert.deepEqual(outlet.log, ['off']);
});

test('who gives up while it waits leaves the board off, never on too early', async () => {
  const outlet = new Outlet();
  const clock = new Jumping();
  const gone = new AbortController();
  clock.wait = (ms, signal) => {
    if (ms === 3000) gone.abort(new LabError('given up', { code: 'aborted' }));
    signal.throwIfAborted();
    return Promise.resolve();
  };
  const power = new PowerControl({ board: 'b', outlet, policy, clock });
  await assert.rejects(power.cycle(gone.signal), withCode('aborted'));
  assert.deepEqual(outlet.log, ['off']);
  await assert.rejects(power.on(gone.signal), withCode('aborted'));
  assert.deepEqual(outlet.log, ['off']);
});
