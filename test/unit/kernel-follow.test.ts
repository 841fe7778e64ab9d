import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { followScript, LOG_FORMATS, type LogFormat, parseFollowed } from '../../lab/kernel/follow.ts';

const RECORD = { us: 12_345_678, text: 'usb 1-1: new device' };

/** A line of each way of following, and the level in it. */
const LINES: readonly [LogFormat, string, number][] = [
  ['kmsg', '4,1234,12345678,-;usb 1-1: new device', 4],
  ['dmesg', '<4>[   12.345678] usb 1-1: new device', 4],
  ['poll', '<4>[   12.345678] usb 1-1: new device', 4],
  ['poll', '[   12.345678] usb 1-1: new device', -1],
  ['logread', 'Tue Apr 28 07:43:28 2020 kern.warn kernel: [   12.345678] usb 1-1: new device', 4],
  ['journal', '{"MESSAGE":"usb 1-1: new device","PRIORITY":"4","_SOURCE_MONOTONIC_TIMESTAMP":"12345678"}', 4],
  [
    'journal',
    `{"MESSAGE":${JSON.stringify([...Buffer.from('usb 1-1: new device')])},"_SOURCE_MONOTONIC_TIMESTAMP":"12345678"}`,
    6,
  ],
];

test('a record is the same record in whatever way it comes', () => {
  for (const [format, line, level] of LINES) {
    const seq = format === 'kmsg' ? 1234 : null;
    assert.deepEqual(
      parseFollowed(format, line),
      { kind: 'record', record: { seq, level, ...RECORD } },
      line,
    );
  }
  assert.deepEqual(parseFollowed('kmsg', ' DEVICE=+usb:1-1'), {
    kind: 'property',
    key: 'DEVICE',
    value: '+usb:1-1',
  });
});

test('no line makes it throw', () => {
  fc.assert(
    fc.property(fc.constantFrom(...LOG_FORMATS), fc.string({ unit: 'binary' }), (format, line) => {
      assert.ok(parseFollowed(format, line).kind);
    }),
  );
  for (const torn of [
    '{"MESSAGE":"us',
    '{}',
    '[]',
    'null',
    '{"MESSAGE":5,"_SOURCE_MONOTONIC_TIMESTAMP":"1"}',
  ])
    assert.equal(parseFollowed('journal', torn).kind, 'other');
});

/** The script in a world where only these programs exist. */
function follow(formats: readonly LogFormat[], programs: Record<string, string>): string {
  const bin = mkdtempSync(join(tmpdir(), 'hil-follow-'));
  try {
    for (const name of ['grep', 'sleep']) execFileSync('ln', ['-s', `/bin/${name}`, join(bin, name)]);
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const { stdout, status } = spawnSync('/bin/sh', ['-c', followScript(formats)], {
      encoding: 'utf8',
      env: { PATH: bin },
      timeout: 20_000,
    });
    return `${stdout.replaceAll(/[0-9a-f-]{36}/g, 'ID')}${status === 69 ? 'none\n' : ''}`;
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

const WITHOUT_KMSG = LOG_FORMATS.filter((format) => format !== 'kmsg');

test('a board is followed in the best way that it has', () => {
  const dmesg = 'case $1 in --help) echo "-w, --follow";; --raw) echo "followed $2";; esac';
  const busybox =
    'case $1 in --help) echo "usage: dmesg [-cr]" >&2;; -r) [ -e $0.once ]&&exit 1;echo looked;: >$0.once;; "") [ ! -e $0.once ];; esac';
  const journalctl = 'case $1 in --version) ;; *) echo "journal $*";; esac';
  const openwrt = { ubus: ':', logread: 'echo "read $*"' };
  assert.equal(follow(WITHOUT_KMSG, { dmesg, journalctl }), 'dmesg ID\nfollowed --follow\n');
  assert.match(
    follow(WITHOUT_KMSG, { journalctl, dmesg: busybox }),
    /^journal ID\njournal --dmesg .*--output=json\n$/,
  );
  assert.equal(follow(WITHOUT_KMSG, { ...openwrt, dmesg: busybox }), 'logread ID\nread -f -l 100000\n');
  assert.equal(follow(WITHOUT_KMSG, { dmesg: busybox }), 'poll ID\nlooked\nhil-polled\n');
  assert.equal(follow(WITHOUT_KMSG, {}), 'none\n');
});
