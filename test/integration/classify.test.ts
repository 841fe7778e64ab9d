import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { endAll, HIL, hil, hilOnTerminal, startHil } from './hil.ts';

const dir = mkdtempSync(join(tmpdir(), 'hil-classify-'));
after(() => {
  endAll();
  rmSync(dir, { recursive: true, force: true });
});

const CALM = '[    1.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n';
const BROKEN = [
  '[   10.000000] mt7921e 0000:03:00.0: Message 00020007 (seq 8) timeout',
  '[   10.100000] ieee80211 phy0: Hardware restart was requested',
  '[   10.200000] wlan0: deauthenticating from 02:00:00:00:00:01 by local choice (Reason: 3=DEAUTH_LEAVING)',
].join('\n');

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const RSS_LIMIT_KB = 300_000;

/** Runs `hil classify` and asks the kernel for the most memory it ever had. */
async function measured(...args: string[]): Promise<{ code: number | null; stdout: string; peakKb: number }> {
  const script = `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${HIL.replace(/hil$/, 'main.ts')}' classify "$@"`;
  const child = spawn('sh', ['-c', script, 'sh', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  let peakKb = 0;
  const timer = setInterval(() => {
    try {
      const [, peak = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      peakKb = Math.max(peakKb, Number(peak));
    } catch {
      // It has just ended.
    }
  }, 20);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  return { code, stdout, peakKb };
}

test('a log is explained: cause, whose fault, chain, first bad line, evidence, next step', async () => {
  const { code, stdout } = await hil('classify', file('broken.log', CALM + BROKEN));
  assert.equal(code, 0);
  assert.match(stdout, /broken\.log: fw-timeout: .*\(0000:03:00\.0\); the product is at fault/);
  assert.match(stdout, /first bad line {2}2/);
  assert.match(stdout, /signature +mt76\/mcu-timeout/);
  assert.match(stdout, /next +\S/);
  assert.match(stdout, /cause +fw-timeout .*line 2\)/);
  assert.match(stdout, /symptom +fw-crash .*line 3\)/);
  assert.match(stdout, /^ {2}1 \| .*new high-speed/m);
  assert.match(stdout, /^> 2 \| .*seq 8/m);
  assert.ok(!stdout.includes('\x1b'));
});

test('a healthy log alarms nobody', async () => {
  const { code, stdout } = await hil('classify', file('calm.log', CALM.repeat(10)));
  assert.equal(code, 0);
  assert.equal(stdout.trim().split('\n').length, 1);
  assert.match(stdout, /healthy/);
});

test('JSON has one object for one log, and an array for several', async () => {
  const [calm, broken] = [file('1.log', CALM), file('2.log', BROKEN)];
  const one: unknown = JSON.parse((await hil('classify', broken, '--json')).stdout);
  const several: unknown = JSON.parse((await hil('classify', calm, broken, '--json')).stdout);
  assert.deepEqual(Object.keys(one as object), [
    'file',
    'primary',
    'classes',
    'verdict',
    'firstBadLine',
    'findings',
  ]);
  assert.deepEqual(several, [
    {
      file: calm,
      primary: 'benign',
      classes: ['benign'],
      verdict: 'benign',
      firstBadLine: null,
      findings: [],
    },
    one,
  ]);
  const { findings } = one as { findings: object[] };
  assert.partialDeepStrictEqual(findings[0], {
    ...{
      class: 'fw-timeout',
      role: 'cause',
      verdict: 'product',
      lines: [1, 1],
      signature: 'mt76/mcu-timeout',
    },
    text: BROKEN.split('\n')[0],
  });
});

test('standard input is a log as well', async () => {
  const piped = await startHil(['classify', '--json'], BROKEN).outcome;
  assert.equal((JSON.parse(piped.stdout) as { primary: string }).primary, 'fw-timeout');
  const dash = await startHil(['classify', '-'], BROKEN).outcome;
  assert.match(dash.stdout, /^-: fw-timeout/);
  assert.match(dash.stdout, /^> 1 \|/m);
});

test('a pipe can be named as well, and ends as what is written into it does', async () => {
  const script = `'${HIL}' classify <(cat '${file('pipe.log', CALM + BROKEN)}')`;
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  assert.match(stdout, /fw-timeout[\s\S]*^> 2 \|/m);
});

test('colours are for terminals, where nothing named is no log to wait for', async () => {
  const coloured = await hilOnTerminal('classify', file('colour.log', BROKEN)).outcome;
  assert.match(coloured.stdout, /\x1b\[31mfw-timeout/);
  const nothing = await hilOnTerminal('classify').outcome;
  assert.equal(nothing.code, 2);
  assert.match(nothing.stdout, /no log to classify/);
});

test('what can not be read is said plainly, and the other logs are done all the same', async () => {
  const folder = join(dir, 'folder');
  mkdirSync(folder);
  const binary = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) & 0xff));
  const wrong: [string, RegExp][] = [
    [join(dir, 'missing.log'), /no such file/],
    [folder, /is a directory/],
    [file('binary', binary), /binary file/],
    [file('packed.gz', gzipSync(BROKEN)), /gzip.*\n.*zcat/],
    [
      file('wide.log', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(BROKEN, 'utf16le')])),
      /UTF-16.*\n.*iconv/,
    ],
  ];
  for (const [path, reason] of wrong) {
    const { code, stdout, stderr } = await hil('classify', path, '--json');
    assert.equal(code, 2, path);
    assert.equal(stdout, '');
    assert.match(stderr, reason);
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
  const both = await hil('classify', join(dir, 'missing.log'), file('good.log', BROKEN), '--json');
  assert.equal(both.code, 2);
  assert.equal((JSON.parse(both.stdout) as object[]).length, 1);
});

test('a log without permission is refused for those who have none', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('needs root to become somebody else');
  chmodSync(dir, 0o755);
  const secret = file('secret.log', BROKEN);
  chmodSync(secret, 0o600);
  const child = spawn(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', HIL, 'classify', secret],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: '/nonexistent', NODE_COMPILE_CACHE: '' },
    },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  // The project itself may lie where others may not look.
  if (code === 126 || /Cannot find module|EACCES.*main/.test(stderr))
    return context.skip('the project is private');
  assert.equal(code, 2, stderr);
  assert.match(stderr, /permission denied/);
});

test('an empty log is nothing to judge', async () => {
  const { code, stdout, stderr } = await hil('classify', file('empty.log', ''));
  assert.deepEqual([code, stdout.includes('healthy')], [0, true]);
  assert.match(stderr, /is empty/);
  const virtual = await hil('classify', '/proc/version');
  assert.deepEqual([virtual.code, virtual.stderr], [0, '']);
});

test('a line of 10 MB and a log that ends in mid-line do no harm', async () => {
  const path = file('long.log', `${'x'.repeat(10_000_000)}\n${BROKEN.slice(0, 150)}`);
  const { code, stdout, peakKb } = await measured(path, '--json');
  const result = JSON.parse(stdout) as { primary: string; firstBadLine: number };
  assert.deepEqual([code, result.primary, result.firstBadLine], [0, 'fw-timeout', 2]);
  assert.ok(peakKb > 0 && peakKb < RSS_LIMIT_KB, `${peakKb} kB`);
});

test('a log of 1 GiB is read in bounded memory', async () => {
  const path = join(dir, 'huge.log');
  const block = Buffer.from(CALM.repeat(14_000));
  const descriptor = openSync(path, 'w');
  for (let written = 0; written < 1024 ** 3; written += block.length) writeSync(descriptor, block);
  writeSync(descriptor, `${BROKEN}\n`);
  closeSync(descriptor);
  const { code, stdout, peakKb } = await measured(path, '--json');
  rmSync(path);
  const result = JSON.parse(stdout) as { primary: string; firstBadLine: number };
  assert.deepEqual([code, result.primary], [0, 'fw-timeout']);
  assert.equal(result.firstBadLine, Math.ceil(1024 ** 3 / block.length) * 14_000 + 1);
  assert.ok(peakKb > 0 && peakKb < RSS_LIMIT_KB, `${peakKb} kB`);
});
