/** The formats in which the kernel gives its log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDmesgLine, parseKmsgLine } from '../../lab/kernel/kmsg.ts';

function recordOf(line: string) {
  const parsed = parseKmsgLine(line);
  assert.equal(parsed.kind, 'record');
  return parsed.kind === 'record' ? parsed.record : assert.fail();
}

/** As the kernel's append_char does. */
function escapeLikeTheKernel(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte < 0x20 || byte >= 0x7f || byte === 0x5c
        ? `\\x${byte.toString(16).padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}

test('a record of the kernel gives number, level, time and text', () => {
  assert.deepEqual(recordOf('6,339,5140900,-;NET: Registered PF_INET6 protocol family; done'), {
    seq: 339,
    level: 6,
    facility: 0,
    us: 5140900,
    continuation: false,
    text: 'NET: Registered PF_INET6 protocol family; done',
  });
});

test("a program's record keeps its facility apart from its level", () => {
  const { level, facility } = recordOf('30,340,5690716,-;udevd[80]: starting');
  assert.deepEqual([level, facility], [6, 3]);
});

test('fields that later kernels add are skipped, and a continuation is known as one', () => {
  assert.equal(recordOf('4,1,2,c,caller=T1;rest').continuation, true);
  assert.equal(recordOf('4,1,2,-,caller=T1,more=x;rest').text, 'rest');
});

test('a property belongs to the record before', () => {
  assert.deepEqual(parseKmsgLine(' DEVICE=+usb:1-1=x'), {
    kind: 'property',
    key: 'DEVICE',
    value: '+usb:1-1=x',
  });
});

test('printable text of any script comes back as it was written', () => {
  const printable = fc.string({ unit: fc.constantFrom(...'abc \\x5c,;=é日ß"\'0') });
  fc.assert(
    fc.property(printable, (text) => {
      assert.equal(recordOf(`6,1,2,-;${escapeLikeTheKernel(text)}`).text, text);
    }),
  );
});

test('escape sequences and newlines within a record do no harm', () => {
  assert.equal(recordOf('6,1,2,-;a\\x1b[31mb\\x0ac\\x00d').text, 'ab cd');
});

test('no line makes the parsers throw or give a control character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '6,1,2,-;', ' K=', '<6>[    1.000001] '),
      (text, head) => {
        const parsed = parseKmsgLine(head + text);
        const clean =
          parsed.kind === 'record' ? parsed.record.text : parsed.kind === 'property' ? parsed.value : '';
        assert.doesNotMatch(clean + (parseDmesgLine(head + text)?.text ?? ''), /[\x00-\x08\x0a-\x1f\x7f]/);
      },
    ),
  );
});

test('a raw dmesg line gives level, time and text', () => {
  assert.deepEqual(parseDmesgLine('<30>[   12.000345] udevd: hi'), {
    level: 6,
    us: 12_000_345,
    text: 'udevd: hi',
  });
  assert.equal(parseDmesgLine('[   12.000345] no level'), undefined);
});
