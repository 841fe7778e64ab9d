import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hearingOf } from '../../lab/cli/soak-air.ts';
import { ConfigError } from '../../lab/errors.ts';

test('what is asked of the air is read with its units', () => {
  assert.deepEqual(hearingOf('loss=1.5%, tryLoss=10%,signal=-70,delay=20ms,rate=30M'), {
    ...{ loss: 0.015, tryLoss: 0.1, signalDbm: -70, delayMs: 20, rateBps: 30e6 },
  });
});

for (const { asked, says } of [
  { asked: 'los=1%', says: /"los=1%" is none of loss=, tryLoss=, signal=, delay=, rate=/ },
  { asked: 'loss=1', says: /"1" is no share such as 1\.5%/ },
  { asked: 'loss=150%', says: /^loss: / },
  { asked: 'signal=20', says: /^signalDbm: / },
  { asked: 'signal=loud', says: /^signalDbm: / },
  { asked: '', says: /"" is none of/ },
])
  test(`"${asked}" is refused, and says what is wrong`, () => {
    assert.throws(
      () => hearingOf(asked),
      (error) => error instanceof ConfigError && says.test(error.message),
    );
  });
