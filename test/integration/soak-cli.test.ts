import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

const Arms = z.object({
  segments: z.array(z.object({ arm: z.string(), round: z.number(), medianMs: z.number().nullable() })),
  latency: z.object({ difference: z.number() }).nullable(),
});
const PROBES = ['probe.host', 'probe.latency', 'probe.interface', 'probe.radio', 'probe.board'];
const Attached = z.object({ attachments: z.array(z.object({ name: z.string(), source: z.string() })) });
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
  for (const kind of ['soak.start', 'iperf3.interval', 'hostapd.event', 'soak.end', ...PROBES])
    assert.ok(kinds.includes(kind), kind);
  assert.match(held.stdout, /round trips beside it: median [\d.]+ ms, 99 of 100 under [\d.]+ ms/);
  const page = readFileSync(join(runsDir(), 'latest/timeline.html'), 'utf8');
  assert.match(page, /"title":"throughput"/);
  assert.equal((await hil('journal', 'latest', '--source', 'probe')).code, 0);
});

test('a soak that is a test of a run has its time line, and a still picture of its throughput, in the report', async () => {
  const { code, stdout, stderr } = await hil(
    'run',
    'soak',
    '--duration',
    '4s',
    '--rate',
    '4M',
    '--board',
    'vb1',
  );
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /timeline\.html/);
  const dir = join(runsDir(), 'latest');
  const results = readdirSync(join(dir, 'allure-results')).filter((name) => name.endsWith('-result.json'));
  assert.equal(results.length, 1);
  const text = readFileSync(join(dir, 'allure-results', results[0] ?? ''), 'utf8');
  const { attachments } = Attached.parse(JSON.parse(text));
  const sourceOf = (name: string) => attachments.find((each) => each.name === name)?.source ?? '';
  const picture = readFileSync(join(dir, 'allure-results', sourceOf('throughput')), 'utf8');
  assert.match(picture, /^<svg .*<polyline points="60\.0,/s);
  assert.match(readFileSync(join(dir, 'allure-results', sourceOf('time line')), 'utf8'), /^<!doctype html>/);
});

test('Ctrl-C ends it with the verdict so far', async () => {
  const limits = ['--window', '2M', '--max-stall', '5s', '--max-recovery', '9s', '--max-latency', '5s'];
  const forgiven = ['--max-disconnects', '3', '--max-loss', '2', '--dips', '4'];
  const trends = ['--max-drift', '90', '--max-leak', '1000000'];
  const traffic = ['--duration', '30m', '--rate', '4M', '--floor', '1M'];
  const soak = startHil(['soak', 'vb1', ...traffic, ...limits, ...trends, ...forgiven, '--json']);
  await soak.says(/vb1: .*Mbit\/s.* left/, 120_000);
  soak.child.kill('SIGINT');
  const { code, stdout, stderr } = await soak.outcome;
  assert.equal(code, 4, stderr);
  const result = SoakResult.parse(JSON.parse(stdout));
  assert.equal(result.verdict, 'inconclusive');
  assert.match(result.message, /^only \d+ of 1800 s were measured; they held: mean /);
  assert.partialDeepStrictEqual(result.criteria, {
    ...{ floorBps: 1e6, windowFloorBps: 2e6, maxStallS: 5, maxRecoveryS: 9, maxLatencyMs: 5000 },
    ...{ maxDisconnects: 3, maxLossRatio: 0.02, toleratedDips: 4, maxDriftRatio: 0.9, maxLeakKbPerMin: 1e6 },
  });
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

/** Throws all stations out, some seconds after traffic has begun; outlives the lease of whoever started it. */
const THROW_OUT = `env -i PATH="$PATH" setsid sh -c 'until pgrep -x iperf3 >/dev/null; do sleep 0.3; done; sleep 5
d=$(ls -d /run/hil/hostapd-*/ | head -n 1); hostapd_cli -p "$d" deauthenticate ff:ff:ff:ff:ff:ff' >/dev/null 2>&1 </dev/null &`;

test('a disconnect is told at once, with what came before and what was collected, and the board is held as it is', async (context) => {
  assert.equal((await hil('exec', 'vb1', THROW_OUT)).code, 0);
  const soak = startHil([
    ...['soak', 'vb1', '--duration', '12s', '--rate', '4M', '--floor', '1M', '--hold', '--capture'],
  ]);
  await soak.says(/vb1: disconnect: /, 120_000);
  const toldAt = Date.now();
  await soak.says(/vb1 is held as it is/, 120_000);
  const dir = join(runsDir(), 'latest');
  const gone = readFileSync(join(dir, 'journal.jsonl'), 'utf8')
    .split('\n')
    .find((line) => line.includes('"event":"AP-STA-DISCONNECTED"'));
  const { wall } = z.object({ wall: z.string() }).parse(JSON.parse(gone ?? ''));
  context.diagnostic(`told ${toldAt - Date.parse(wall)} ms after hostapd's event`);
  const frozen = readdirSync(join(dir, 'artifacts/frozen'));
  for (const name of ['vb1-stations.txt', 'vb1-sta-stations.txt', 'vb1-kernel-log.txt', 'vb1-hostapd.txt'])
    assert.ok(frozen.includes(name), frozen.join());
  assert.match(readFileSync(join(dir, 'artifacts/frozen/vb1-hostapd.txt'), 'utf8'), /^state=ENABLED$/m);
  assert.match(readFileSync(join(dir, 'artifacts/frozen/vb1-debugfs.txt'), 'utf8'), /^== .*hwsim\/group$/m);
  for (const name of ['vb1-packets-1.pcap', 'vb1-sta-packets-1.pcap']) {
    const packets = readFileSync(join(dir, 'artifacts/frozen', name));
    // Of the traffic up to the breach, in the order of bytes of the board.
    assert.equal(packets.toString('hex', 0, 4), 'd4c3b2a1', name);
    assert.ok(packets.length > 50_000, `${name}: ${packets.length} bytes`);
  }
  assert.match(readFileSync(join(dir, 'journal.jsonl'), 'utf8'), /"kind":"hostapd.line".*nl80211: /);
  assert.match(readFileSync(join(dir, 'journal.jsonl'), 'utf8'), /"kind":"iw.event".*deauth/);
  const { boards } = z
    .object({ boards: z.array(z.object({ name: z.string(), lease: z.unknown() }).loose()) })
    .parse(JSON.parse((await hil('lab', 'status', '--json')).stdout));
  assert.ok(boards.find(({ name }) => name === 'vb1')?.lease, 'nobody else gets it');
  soak.child.kill('SIGINT');
  const { code, stdout } = await soak.outcome;
  assert.equal(code, 1, stdout);
  assert.match(stdout, /^fail: vb1 did not hold: the .*station/);
  assert.match(stdout, /the 10 s before the first of them/);
  assert.match(stdout, /^ +[\d.]+ s {2}kernel /m);
});

test('two arms are soaked in turn, and what an arm has begun is ended with each segment', async () => {
  const slow = 'slow: tc qdisc add dev wlan0 root netem delay 20ms // tc qdisc del dev wlan0 root';
  const traffic = ['--duration', '3s', '--rate', '4M', '--floor', '1M', '--rounds', '2'];
  const { code, stdout, stderr } = await hil(
    'soak',
    'vb1',
    ...traffic,
    '--arm',
    'plain',
    '--arm',
    slow,
    '--json',
  );
  // Where the lab machine had no time, there are too few rounds to tell.
  assert.ok(code === 0 || code === 4, stdout + stderr);
  const { segments, latency } = Arms.parse(JSON.parse(stdout));
  assert.deepEqual(
    segments.map(({ arm, round }) => `${arm} ${round}`),
    ['plain 1', 'slow 1', 'plain 2', 'slow 2'],
  );
  for (const { arm, medianMs } of segments)
    assert.ok(medianMs !== null && medianMs >= 20 === (arm === 'slow'), JSON.stringify(segments));
  if (code === 0) assert.ok(latency && latency.difference > 10, stdout);
});

test('what can not be asked for is refused before the board is touched', async () => {
  for (const [args, message] of [
    [['--security', 'wep'], /there are open, wpa2, wpa3/],
    [['--arm', 'only'], /1 arms can't be compared/],
    [['--band', '6'], /there are 2\.4 and 5 GHz/],
    [['--rate', '1M', '--floor', '2M'], /a floor of 2\.0 Mbit\/s cannot hold/],
    [['--dips', 'some'], /no number of dips/],
    [['--hearing', 'loss=1%'], /--air BOARD names who else is in it/],
    [['--air', 'vb1'], /can't be on both sides of the air/],
  ] as const) {
    const { code, stderr } = await hil('soak', 'vb1', ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  assert.equal((await hil('soak', 'nobody')).code, 2);
  await hil('power', 'vb1', 'off');
});
