import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodeOf, exitCodeOfSignal, explain } from '../../lab/cli/failure.ts';
import { asHilError, ConfigError, HarnessError, LabError, ProductError } from '../../lab/errors.ts';

test('the exit code of a command tells whose fault its failure was', () => {
  assert.deepEqual(
    [
      new ProductError('x'),
      new ConfigError('x'),
      new LabError('x'),
      new HarnessError('x'),
      new TypeError('x'),
      'x',
    ].map(exitCodeOf),
    [1, 2, 3, 70, 70, 70],
  );
  assert.deepEqual(
    [exitCodeOfSignal('SIGINT'), exitCodeOfSignal('SIGTERM'), exitCodeOfSignal('SIGHUP')],
    [130, 143, 129],
  );
});

test('a message says what happened, on which board, and what to try', () => {
  const error = new LabError('SSH did not answer', { board: 'vb1', hint: 'hil console vb1' });
  assert.equal(explain(error, false), 'hil: vb1: SSH did not answer\n  hint: hil console vb1');
  assert.equal(explain(new LabError('vb1 is off', { board: 'vb1' }), false), 'hil: vb1 is off');
});

test('only a bug of the harness, or HIL_DEBUG, shows where in the code it was', () => {
  const cause = new Error('the cause');
  assert.ok(!explain(new LabError('x', { cause }), false).includes('at '));
  assert.match(explain(new LabError('x', { cause }), true), /at [\s\S]*caused by:\n[\s\S]*the cause/);
  assert.match(explain(asHilError(new TypeError('y')), false), /bug of the harness[\s\S]*at /);
});

test('what a board said cannot drive the terminal through an error message', () => {
  const hostile = '\x1b]0;title\x07\x1b[2J\x00evil\x9b31m';
  const shown = explain(new ProductError(`it said ${hostile}`, { hint: hostile }), false);
  assert.ok(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(shown), JSON.stringify(shown));
  assert.ok(shown.includes('evil'));
});
