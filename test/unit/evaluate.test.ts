import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../lab/errors.ts';
import { classifyFolder, score } from '../evaluate.ts';

const LABEL = {
  ...{ primary_class: 'oops', expected_classes: ['oops', 'panic'], expected_first_bad_line: 2 },
  ...{ benign: false, verdict: 'product' },
};
const HEALTHY = {
  ...{ primary_class: 'benign', expected_classes: ['benign'], expected_first_bad_line: null },
  ...{ benign: true, verdict: 'benign' },
};
const CALM = '[    1.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n';
const OOPS = '[    2.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008\n';

function folder(files: Record<string, string | object>): string {
  const dir = mkdtempSync(join(tmpdir(), 'hil-evaluate-'));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  return dir;
}

test('logs are scored against their labels, and what differs is listed', () => {
  const dir = folder({
    ...{ '1.log': CALM + OOPS, '1.json': LABEL, '2.log': CALM, '2.json': HEALTHY },
    ...{ '3.log': OOPS, '3.json': HEALTHY, '4.log': CALM, '4.json': LABEL },
    ...{ '5.log': CALM + OOPS, '5.json': { ...LABEL, primary_class: 'panic', expected_first_bad_line: 6 } },
  });
  const total = score(classifyFolder(dir));
  const { confusions, ...numbers } = total;
  assert.deepEqual(numbers, {
    ...{ logs: 5, primary: 2, lenient: 3, healthy: 2, falseAlarms: 1, broken: 3, firstBadLine: 1, blame: 3 },
    ...{ classes: 6, classesFound: 2 },
  });
  assert.deepEqual(
    confusions.map(({ file, expected, got }) => [file, expected, got]),
    [
      ['3.log', 'benign', 'oops'],
      ['4.log', 'oops', 'benign'],
      ['5.log', 'panic', 'oops'],
    ],
  );
  rmSync(dir, { recursive: true });
});

test('a folder that can not be used is refused with the name of the file', () => {
  const refuse = (files: Record<string, string | object>, pattern: RegExp): void => {
    const dir = folder(files);
    assert.throws(
      () => classifyFolder(dir),
      (error) => error instanceof ConfigError && pattern.test(error.message),
    );
    rmSync(dir, { recursive: true });
  };
  refuse({}, /no \*\.log/);
  refuse({ '1.log': CALM }, /1\.json/);
  refuse({ '1.log': CALM, '1.json': '{"primary' }, /1\.json/);
  refuse({ '1.log': CALM, '1.json': { ...LABEL, primary_class: 'gremlins' } }, /1\.json.*primary_class/s);
});
