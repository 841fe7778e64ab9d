import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOOT_STATES, type Means, missingMeans, pathTo, WAYS } from '../../lab/board/boot/states.ts';

const ALL = new Set<Means>(['switch', 'console', 'loader']);
const steps = (...args: Parameters<typeof pathTo>) => pathTo(...args)?.map(({ to }) => to) ?? null;

test('a board that has everything gets from any state to any other, by the shortest way', () => {
  for (const from of [...BOOT_STATES, 'unknown'] as const)
    for (const to of BOOT_STATES) {
      const path = steps(from, to, ALL);
      assert.ok(path, `${from} to ${to}`);
      assert.equal(path.at(-1) ?? from, to);
      assert.equal(new Set(path).size, path.length, 'no state twice');
    }
  assert.deepEqual(steps('bootloader', 'ready', ALL), ['kernel', 'userland', 'ready']);
  assert.deepEqual(steps('userland', 'bootloader', ALL), ['off', 'bootloader']);
  assert.deepEqual(steps('unknown', 'ready', ALL), ['off', 'kernel', 'userland', 'ready']);
  assert.deepEqual(steps('ready', 'ready', ALL), []);
});

test('a board that lacks something takes other ways, or is told what it lacks', () => {
  assert.deepEqual(steps('off', 'ready', new Set<Means>(['switch', 'no console'])), ['ready']);
  assert.equal(steps('ready', 'off', new Set<Means>(['console'])), null);
  assert.deepEqual(
    steps('ready', 'userland', new Set<Means>(['console'])),
    ['kernel', 'userland'],
    'by a reboot',
  );
  assert.equal(steps('off', 'bootloader', new Set<Means>(['switch', 'console'])), null);
  assert.deepEqual(missingMeans('off', 'bootloader', new Set<Means>(['switch', 'console'])), ['loader']);
  assert.deepEqual(missingMeans('ready', 'off', new Set<Means>(['console'])), ['switch']);
});

test('each way is there once', () => {
  const names = WAYS.map(({ from, to }) => `${from} to ${to}`);
  assert.equal(new Set(names).size, names.length);
});
