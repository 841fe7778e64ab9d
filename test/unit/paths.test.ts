import assert from 'node:assert/strict';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../lab/errors.ts';
import { makeFolder, socketPath, stateDir } from '../../lab/paths.ts';

test('a folder is made with those above it, with its mode, and making it again is no error', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'hil-paths-')), 'a/b/c');
  makeFolder(path, 0o700);
  makeFolder(path, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('where no folder can be made, one is told so, and of the variables that move it', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'hil-paths-')), 'file');
  writeFileSync(file, '');
  // /proc refuses with ENOENT though the folder above is there, on which mkdir -p of Node.js 24 spins for ever.
  for (const path of ['/proc/nope/a', join(file, 'a')]) {
    assert.throws(
      () => makeFolder(path),
      (error) =>
        error instanceof ConfigError && error.message.includes(path) && /HIL_/.test(error.hint ?? ''),
    );
  }
});

test('a relative folder is that of the working directory, also for a controller that runs elsewhere', (t) => {
  const before = process.env.HIL_STATE_DIR;
  t.after(() => {
    if (before === undefined) delete process.env.HIL_STATE_DIR;
    else process.env.HIL_STATE_DIR = before;
  });
  process.env.HIL_STATE_DIR = 'state';
  assert.equal(stateDir(), join(process.cwd(), 'state'));
});

test('a state folder too deep for sockets is refused by name', () => {
  const deep = `/tmp/${'a'.repeat(90)}`;
  assert.throws(
    () => socketPath(deep),
    (error) => error instanceof ConfigError && error.message.includes(deep),
  );
});
