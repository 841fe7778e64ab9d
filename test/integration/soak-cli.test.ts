import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { runsDir } from '../../lab/paths.ts';
import { SoakResult } from '../../lab/traffic/soak-options.ts';
import { endAll, hil, startHil } from './hil.ts';
import { testLab } from './lab.ts';

const lab = testLab();
after(async () => {
  endAll();
  await lab[Symbol.asyncDispose]();
});

const Line = z.object({ kind: z.string(), board: z.string().nullable() });

test('a soak brings the link up, holds the traffic, and is judged and recorded', async () => {
  const held = await hil('soak', 'vb1', '--duration', '5s', '--rate', '4M', '--floor', '1M');
  assert.equal(held.code, 0, held.stdout + held.stderr);
  assert.match(held.stdout, /^pass: vb1 held for 5 s: mean [34]\.\d Mbit\/s, least /);
  assert.match(held.stderr, /recorded in /);
  const path = join(runsDir(), 'latest/journal.jsonl');
  assert.ok(existsSync(path));
  const kinds = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => Line.parse(JSON.parse(line)))
    .filter(({ board }) => board === 'vb1')
    .map(({ kind }) => kind);
  for (const kind of ['soak.start', 'iperf3.interval', 'probe.host', 'hostapd.event', 'soak.end'])
    assert.ok(kinds.includes(kind), kind);
});

test('Ctrl-C ends it with the verdict so far', async () => {
  const soak = startHil(['soak', 'vb1', '--duration', '30m', '--rate', '4M', '--floor', '1M', '--json']);
  await soak.says(/vb1: .*Mbit\/s.* left/, 120_000);
  soak.child.kill('SIGINT');
  const { code, stdout, stderr } = await soak.outcome;
  assert.equal(code, 4, stderr);
  const result = SoakResult.parse(JSON.parse(stdout));
  assert.equal(result.verdict, 'inconclusive');
  assert.match(result.message, /^only \d+ of 1800 s were measured; they held: mean /);
  assert.ok(result.iperf3.intervals.length >= 1);
  assert.equal(result.iperf3.error, undefined);
});

test('a floor that does not hold is said with its second', async () => {
  const { code, stdout } = await hil('soak', 'vb1', '--duration', '4s', '--rate', '300M', '--floor', '290M');
  // On a machine that has no time left it says nothing of the board.
  assert.ok(code === 1 || code === 4, stdout);
  assert.match(stdout, /^(?:fail|inconclusive): vb1 .* at second 2, under the floor of 290\.0 Mbit\/s/);
  assert.match(stdout, /^ {2}floor: /m);
});

test('what can not be asked for is refused before the board is touched', async () => {
  for (const [args, message] of [
    [['--security', 'wep'], /there are open, wpa2, wpa3/],
    [['--band', '6'], /there are 2\.4 and 5 GHz/],
    [['--rate', '1M', '--floor', '2M'], /a floor of 2\.0 Mbit\/s cannot hold/],
    [['--dips', 'some'], /no number of dips/],
  ] as const) {
    const { code, stderr } = await hil('soak', 'vb1', ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  assert.equal((await hil('soak', 'nobody')).code, 2);
  await hil('power', 'vb1', 'off');
});
