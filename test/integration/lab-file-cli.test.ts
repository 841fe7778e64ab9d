import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { endAll, hil, startHil } from './hil.ts';
import { testLab } from './lab.ts';

const lab = testLab();
const dir = mkdtempSync(join(tmpdir(), 'hil-l-'));
const file = join(dir, 'lab.yaml');
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
});

test('hil lab init writes a lab file that is right, and never over one that is there', async () => {
  const made = await hil('lab', 'init', file);
  assert.equal(made.code, 0, made.stderr);
  assert.ok(existsSync(join(dir, 'lab.schema.json')));
  const checked = await hil('lab', 'check', file);
  assert.equal(checked.code, 0);
  assert.match(checked.stderr, /is right: 2 boards, 0 peers/);
  const again = await hil('lab', 'init', file);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is there already/);
  assert.equal((await hil('lab', 'init', file, '--force')).code, 0);
});

test('hil lab check tells every mistake with its line, for people and for programs', async () => {
  const bad = join(dir, 'bad.yaml');
  writeFileSync(bad, 'boards:\n  b1: {profile: linux, powr: none}\n');
  const told = await hil('lab', 'check', bad);
  assert.equal(told.code, 2);
  assert.match(told.stdout, /bad\.yaml:2:\d+: boards\.b1: there is no key "powr" here; did you mean power\?/);
  const { stdout, code } = await hil('lab', 'check', bad, '--json');
  assert.equal(code, 2);
  const Problems = z.object({ problems: z.array(z.object({ line: z.number() })).min(1) });
  assert.ok(Problems.parse(JSON.parse(stdout)).problems.every(({ line }) => line === 2));
  process.env.HIL_LAB = bad;
  try {
    const used = await hil('boards');
    assert.equal(used.code, 2, 'no command works with it');
    assert.match(used.stderr, /the lab file has a mistake/);
  } finally {
    process.env.HIL_LAB = file;
  }
});

test('hil lab schema is JSON for editors', async () => {
  const { stdout } = await hil('lab', 'schema');
  assert.equal(z.object({ title: z.string() }).parse(JSON.parse(stdout)).title, 'lab file of hil');
});

test('a person is asked to switch a board, by the command that needs it, and says that it is done', async () => {
  writeFileSync(
    file,
    'boards:\n  byhand:\n    profile: linux\n    power: {type: manual}\n    ssh: {host: 127.0.0.1, port: 1}\n',
  );
  assert.match(readFileSync(file, 'utf8'), /manual/);
  const power = startHil(['power', 'byhand', 'on', '--no-boot']);
  await power.says(/>>> switch byhand on, then: hil lab done/);
  const done = await hil('lab', 'done');
  assert.match(done.stderr, /byhand: done: switch byhand on/);
  const { code, stderr } = await power.outcome;
  assert.equal(code, 0, stderr);
  const nothing = await hil('lab', 'done');
  assert.equal(nothing.code, 2);
  const off = startHil(['power', 'byhand', 'off']);
  await off.says(/>>> switch byhand off/);
  await hil('lab', 'done');
  assert.equal((await off.outcome).code, 0);
});
