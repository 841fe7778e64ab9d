/** What became of a board that no longer answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, type LossFacts, lossOf } from '../../lab/board/diagnose.ts';
import { endOfBoard } from '../../lab/kernel/trouble.ts';

const SILENT: LossFacts = {
  ...{ power: 'on', networkCut: false, consoleAnswers: false, carrier: null, bootBefore: 'a', bootNow: null },
  ...{ crashes: [], rebooted: true, bootStatus: 0 },
};

const CASES: readonly [what: string, facts: Partial<LossFacts>, fault: string, code: string][] = [
  ['no power', { power: 'off', rebooted: null }, 'lab', 'power-lost'],
  ['frozen by the lab', { power: 'frozen', rebooted: null }, 'lab', 'frozen'],
  ['network cut by the lab', { networkCut: true, rebooted: null }, 'lab', 'network-cut'],
  ['a panic that only the hardware saw', { power: 'panicked', rebooted: null }, 'product', 'kernel-panic'],
  ['a crash in what it kept over the reset', { crashes: ['BUG: x'] }, 'product', 'kernel-panic'],
  ['a cable that is out', { consoleAnswers: true, carrier: false, bootNow: 'a' }, 'lab', 'no-carrier'],
  [
    'an SSH server that is gone',
    { consoleAnswers: true, carrier: true, bootNow: 'a' },
    'product',
    'ssh-gone',
  ],
  ['another boot', { consoleAnswers: true, carrier: true, bootNow: 'b' }, 'product', 'unexpected-reboot'],
  ['a watchdog that had to reset it', { bootStatus: 0x20 }, 'product', 'watchdog-reset'],
  ['a supply that failed', { bootStatus: 0x10 }, 'lab', 'power-lost'],
  ['nothing at all', {}, 'product', 'hung'],
  ['nothing even after a reset', { rebooted: false, bootStatus: null }, 'lab', 'no-boot'],
];

for (const [what, facts, fault, code] of CASES) {
  test(`${what}: ${fault}, ${code}`, () => {
    const diagnosis = diagnose({ ...SILENT, ...facts });
    assert.deepEqual([diagnosis.fault, diagnosis.code], [fault, code]);
    const error = lossOf('b1', diagnosis);
    assert.deepEqual([error.fault, error.code, error.board], [fault, code, 'b1']);
    assert.match(error.message, /^b1 \w+/);
  });
}

test('a panic, a lockup that lasts and a halt end a board; an oops, and a lockup that may pass, do not', () => {
  const ends = (line: string) => endOfBoard(line)?.code ?? null;
  assert.equal(ends('[    9.000000] Kernel panic - not syncing: Fatal exception'), 'kernel-panic');
  assert.equal(ends('[    9.000000] ---[ end Kernel panic - not syncing: Fatal exception ]---'), null);
  assert.equal(ends('[    9.000000] Fixing recursive fault but reboot is needed!'), 'kernel-panic');
  assert.equal(ends('[   99.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 67s! [demo:1]'), 'lockup');
  assert.equal(ends('[   99.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [demo:1]'), null);
  assert.equal(ends('[   99.000000] reboot: System halted'), 'halted');
  assert.equal(ends('[    9.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008'), null);
});
