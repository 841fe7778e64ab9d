import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { installCommand, missingTools } from '../../lab/board/doctor/tools.ts';
import { parseUserland, userlandScript } from '../../lab/board/userland.ts';
import { LabError } from '../../lab/errors.ts';

const OPENWRT = `os OpenWrt 23.05.3
arch aarch64
init /sbin/procd
init procd
packages opkg
ssh dropbear
ssh dropbear
busybox yes
uci yes
log logread
free / overlayfs:/overlay 9216 1024 8192 11% /
free /tmp tmpfs 120000 300 119700 0% /tmp
clock 1764240000
tool iw iw version 5.19
tool hostapd hostapd v2.11-devel
`;

test('an OpenWrt router is known by what it says', () => {
  const found = parseUserland(OPENWRT, 'router');
  assert.deepEqual(
    [found.os, found.arch, found.init, found.packageManager, found.sshServer, found.log, found.containers],
    ['OpenWrt 23.05.3', 'aarch64', 'procd', 'opkg', 'dropbear', 'logread', 'none'],
  );
  assert.deepEqual([found.sftp, found.bash, found.busybox, found.uci], [false, false, true, true]);
  assert.deepEqual(found.freeBytes, { '/': 8192 * 1024, '/tmp': 119_700 * 1024 });
  assert.deepEqual(found.tools, { iw: 'iw version 5.19', hostapd: 'hostapd v2.11-devel' });
});

test('a device that stands on a line of its own in df is read past; escape sequences are not kept', () => {
  const found = parseUserland(
    OPENWRT.replace('free / overlayfs:/overlay', 'free /').replace('os OpenWrt', 'os \x1b[31mOpenWrt'),
    'r',
  );
  assert.equal(found.freeBytes['/'], 8192 * 1024);
  assert.equal(found.os, 'OpenWrt 23.05.3');
});

test('systemd, a container engine and an OpenSSH server with SFTP are told', () => {
  const found = parseUserland(
    'os balenaOS 5.0\narch armv7l\ninit /lib/systemd/systemd\ninit systemd\nssh openssh\nsftp yes\nlog journald\ncontainers balena-engine\nclock 1\n',
    'b',
  );
  assert.deepEqual(
    [found.init, found.sshServer, found.sftp, found.log, found.containers, found.packageManager],
    ['systemd', 'openssh', true, 'journald', 'balena', 'none'],
  );
});

test('a board that says nothing sensible is no board that we know', () => {
  assert.throws(
    () => parseUserland('sh: syntax error\n', 'b'),
    (error) => error instanceof LabError && error.code === 'no-userland',
  );
});

for (const shell of ['dash', 'bash']) {
  test(`the questions are ones that ${shell} understands, and this machine answers them`, () => {
    for (const versions of [true, false]) {
      const out = execFileSync(shell, ['-euc', `set +e; ${userlandScript(versions)}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const found = parseUserland(out.toString(), 'this machine');
      assert.equal(found.packageManager, 'apt');
      assert.ok((found.freeBytes['/'] ?? 0) > 0);
      assert.ok(Math.abs(found.clockS - Date.now() / 1000) < 60);
    }
  });
}

test('what capabilities need is missing until it is there, and its packages have the names of each manager', () => {
  const found = parseUserland(OPENWRT, 'router');
  assert.deepEqual(missingTools(found, ['wifi-ap', 'wifi-station', 'iperf3']), ['wpa_supplicant', 'iperf3']);
  assert.match(
    installCommand(found, ['wpa_supplicant', 'iperf3']) ?? '',
    /^opkg update && opkg install wpad iperf3$/,
  );
  assert.match(
    installCommand({ ...found, packageManager: 'apt' }, ['wpa_supplicant']) ?? '',
    /apt-get install .* wpasupplicant$/,
  );
  assert.equal(installCommand({ ...found, packageManager: 'none' }, ['iw']), null);
});
