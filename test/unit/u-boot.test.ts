/** The environment that virtual boards find in their flash, read back as U-Boot reads it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { environment, environmentImage, writeFlash } from '../../lab/virtual/u-boot.ts';

/** U-Boot's himport_r: texts up to the first empty one, of an environment whose checksum fits. */
function imported(image: Buffer): Record<string, string> {
  assert.equal(image.length, 0x40000);
  assert.equal(image.readUInt32LE(0), crc32(image.subarray(4)), 'bad CRC, U-Boot would take its defaults');
  const text = image.toString('utf8', 4);
  const texts = text.slice(0, text.indexOf('\0\0')).split('\0');
  return Object.fromEntries(
    texts.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  );
}

test('U-Boot finds what the lab put into its environment', () => {
  const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/);
  const value = fc.stringMatching(/^[ -~]{1,200}$/);
  fc.assert(
    fc.property(
      fc.dictionary(name, value, { minKeys: 1, maxKeys: 20, noNullPrototype: true }),
      (variables) => {
        assert.deepEqual(imported(environmentImage(variables)), variables);
      },
    ),
  );
});

test('what would be another variable, or too much, is refused', () => {
  const refused = { fault: 'config', code: 'bad-environment' };
  for (const variables of [{ 'a=b': 'c' }, { '': 'c' }, { a: 'b\0bootcmd=reset' }])
    assert.throws(() => environmentImage(variables), refused);
  assert.throws(() => environmentImage({ a: 'x'.repeat(0x40000) }), refused);
});

test('a flash has its full size, and takes little space', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'flash-'));
  try {
    const path = join(dir, 'flash');
    const variables = environment({ kernel: 'kernel', initrd: 'initrd.cpio', arguments: 'console=ttyAMA0' });
    await writeFlash(path, variables);
    const { size, blocks } = statSync(path);
    assert.equal(size, 64 * 1024 * 1024);
    assert.ok(blocks * 512 < 2 * 1024 * 1024, `${blocks * 512} bytes`);
    assert.deepEqual(imported(readFileSync(path).subarray(0, 0x40000)), variables);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
