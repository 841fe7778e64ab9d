import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from '../../lab/errors.ts';
import { bannerOf, wasReset } from '../../lab/kernel/banner.ts';

test('banners of boot loaders and kernels are known, and words about them are none', () => {
  const banners = [
    'U-Boot SPL 2023.01 (Jan 09 2023 - 16:07:33 +0000)',
    'U-Boot 2023.01+dfsg-2 (Feb 13 2023 - 17:52:21 +0000)',
    'OpenSBI v1.1',
    'NOTICE:  BL2: v2.9(release)',
    'SeaBIOS (version 1.16.2-debian-1.16.2-1)',
    'iPXE (http://ipxe.org) 00:02.0 CA00 PCI2.10 PnP PMM',
    'Starting kernel ...',
    '[    0.000000] Booting Linux on physical CPU 0x0',
    '[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)',
  ];
  for (const line of banners) assert.notEqual(bannerOf(line), null, line);
  const others = [
    'Linux version',
    '# echo U-Boot 2023.01',
    'see SeaBIOS (version',
    'Starting kernel ... done',
    '',
  ];
  for (const line of others) assert.equal(bannerOf(line), null, line);
});

test('a board was reset where another boot answers, or nobody', async () => {
  assert.equal(await wasReset('a', async () => 'b\n'), true);
  assert.equal(await wasReset('a', async () => Promise.reject(new LabError('gone'))), true);
  assert.equal(await wasReset('a', async () => 'a\n'), false, 'somebody printed an old log');
  assert.equal(await wasReset(null, async () => 'b\n'), false, 'nothing is known of the boot before');
  await assert.rejects(wasReset('a', async () => Promise.reject(new TypeError('bug'))));
});
