import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { framedCommands } from '../framed-commands.ts';

const folder = mkdtempSync(join(tmpdir(), 'hil-framed-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('of 1,000 commands with 100 kernel lines a second in between none has a wrong result', {
  timeout: 300_000,
}, async (context) => {
  const { right, disturbed, wrong, lines } = await framedCommands(folder, 1000, 100);
  context.diagnostic(`${right} right, ${disturbed} told to be disturbed, ${lines} kernel lines`);
  assert.equal(wrong, 0);
  assert.ok(right > 950, `${disturbed} were disturbed`);
  assert.ok(lines > 100, 'kernel lines fell in between');
});
