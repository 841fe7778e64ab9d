import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HarnessError, LabError, ProductError } from '../../lab/errors.ts';
import { WireError } from '../../lab/rpc/schema.ts';
import { frame, fromWire, MessageReader, toWire } from '../../lab/rpc/wire.ts';

test('messages survive any cutting of the byte stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.nat(), text: fc.string({ unit: 'binary' }) })),
      fc.integer({ min: 1, max: 7 }),
      (messages, step) => {
        const bytes = Buffer.from(messages.map(frame).join(''));
        const reader = new MessageReader();
        const read: unknown[] = [];
        for (let at = 0; at < bytes.length; at += step)
          read.push(...reader.push(bytes.subarray(at, at + step)));
        assert.deepEqual(read, JSON.parse(JSON.stringify(messages)));
      },
    ),
  );
});

test('what is not JSON is refused with its beginning', () => {
  assert.throws(() => [...new MessageReader().push(Buffer.from('{"id": 1\n'))], /not JSON: \{"id": 1/);
});

test('a message without end is refused before it fills the memory', () => {
  const reader = new MessageReader();
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  assert.throws(() => {
    for (let i = 0; i < 100; i++) for (const _ of reader.push(chunk)) assert.fail('no message ended');
  }, /RPC message of over/);
});

test('an error keeps its fault, board, hint and code over the wire', () => {
  const error = new ProductError('vb1: kernel panic', { board: 'vb1', code: 'kernel-panic', hint: 'look' });
  const back = fromWire(WireError.parse(JSON.parse(JSON.stringify(toWire(error)))));
  assert.ok(back instanceof ProductError);
  assert.deepEqual(
    [back.message, back.board, back.code, back.hint],
    [error.message, 'vb1', 'kernel-panic', 'look'],
  );
});

test('only a bug of the harness carries its stack over the wire', () => {
  assert.equal(toWire(new LabError('no cable')).stack, undefined);
  const back = fromWire(toWire(new TypeError('x is not a function')));
  assert.ok(back instanceof HarnessError);
  assert.match(back.stack ?? '', /in the controller[\s\S]*rpc\.test/);
});
