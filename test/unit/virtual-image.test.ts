/** The pure parts of the board image: package lists, kernel modules, archives, the kernel's container, the manifest. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { debianMirrors, parseUris } from '../../lab/virtual/apt.ts';
import { cpio } from '../../lab/virtual/cpio.ts';
import { KINDS } from '../../lab/virtual/kinds.ts';
import { readImage } from '../../lab/virtual/manifest.ts';
import { closure, indexModules, loadOrder, moduleName } from '../../lab/virtual/modules.ts';
import { isElf, payloadOf, withoutZeroTails } from '../../lab/virtual/vmlinux.ts';

const SHA = 'ab'.repeat(32);

test('packages are read from what apt prints, with the epoch of their version', () => {
  const text = [
    "'http://deb.debian.org/debian/pool/main/h/x.deb' hostapd_2%3a2.10-12+deb12u3_amd64.deb 866920 SHA256:".concat(
      SHA,
    ),
    'Reading package lists...',
    "'http://deb.debian.org/x.deb' without-hash_1_amd64.deb 12 ",
  ].join('\n');
  assert.deepEqual(parseUris(text), [
    {
      name: 'hostapd',
      version: '2:2.10-12+deb12u3',
      file: 'hostapd_2%3a2.10-12+deb12u3_amd64.deb',
      bytes: 866920,
      sha256: SHA,
    },
  ]);
});

test("only mirrors of Debian are taken from the lab machine's sources", () => {
  const deb822 = 'Types: deb\nURIs: http://mirror.example/debian/\nSuites: bookworm\n';
  const thirdParty =
    'deb [signed-by=/k.gpg] https://deb.nodesource.com/node_20.x nodistro main\n# deb http://x/debian x main';
  const security = 'deb http://security.example/debian-security bookworm-security main';
  assert.deepEqual(debianMirrors([thirdParty, deb822, security]), {
    main: 'http://mirror.example/debian',
    security: 'http://security.example/debian-security',
  });
  assert.match(debianMirrors([thirdParty]).main, /deb\.debian\.org\/debian$/);
});

const DEP = [
  'kernel/net/mac80211.ko: kernel/net/cfg80211.ko kernel/net/rfkill.ko',
  'kernel/net/cfg80211.ko: kernel/net/rfkill.ko',
  'kernel/net/rfkill.ko:',
  'kernel/fs/ext4.ko: kernel/fs/jbd2.ko',
  'kernel/fs/jbd2.ko:',
  'kernel/crypto/crc32c_generic.ko.xz:',
  'kernel/sound/snd-pcm.ko: kernel/sound/snd.ko',
  'kernel/sound/snd.ko:',
].join('\n');
const SOFTDEP = '# comment\nsoftdep ext4 pre: crc32c_generic unknown-alias\n';

test('a wanted module brings what it needs and what it softly asks for, and nothing else', () => {
  const index = indexModules(DEP, SOFTDEP);
  assert.deepEqual(closure(index, ['mac802*', 'ext4', 'no_such']), {
    names: ['cfg80211', 'crc32c_generic', 'ext4', 'jbd2', 'mac80211', 'rfkill'],
    unmatched: ['no_such'],
  });
  assert.deepEqual(closure(index, ['snd_pcm']).names, ['snd', 'snd_pcm'], '- and _ are the same in a name');
});

test('modules are loaded after those they need', () => {
  const order = loadOrder(indexModules(DEP, SOFTDEP), ['mac80211', 'built-in', 'ext4']);
  assert.deepEqual(order, ['rfkill', 'cfg80211', 'mac80211', 'jbd2', 'ext4']);
});

test('the name of a module does not depend on its folder, dashes or compression', () => {
  for (const path of ['snd-pcm', 'a/b/snd_pcm.ko', 'snd-pcm.ko.zst'])
    assert.equal(moduleName(path), 'snd_pcm');
});

test('no recipe names a package twice or skips one that it asks for', () => {
  for (const { name, recipe } of Object.values(KINDS)) {
    const { packages: asked, skip } = recipe;
    assert.equal(new Set(asked).size, asked.length, name);
    const both = asked.filter((one) => skip.includes(one));
    assert.deepEqual(both, [], name);
  }
});

/** Reads back what cpio writes, by the format's own description. */
function readCpio(archive: Buffer): { path: string; mode: number; data: Buffer }[] {
  const entries: { path: string; mode: number; data: Buffer }[] = [];
  const aligned = (at: number): number => Math.ceil(at / 4) * 4;
  for (let at = 0; ; ) {
    assert.equal(archive.toString('latin1', at, at + 6), '070701');
    const field = (n: number): number =>
      Number.parseInt(archive.toString('latin1', at + 6 + n * 8, at + 14 + n * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const path = archive.toString('utf8', at + 110, at + 110 + nameSize - 1);
    if (path === 'TRAILER!!!') return entries;
    const start = aligned(at + 110 + nameSize);
    entries.push({ path, mode, data: archive.subarray(start, start + size) });
    at = aligned(start + size);
  }
}

test('an archive gives back every file as it was put in', () => {
  const file = fc.record({ path: fc.stringMatching(/^[a-z]{1,9}$/), data: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 5 }), (files) => {
      const archive = cpio(
        files.map(({ path, data }) => ({ kind: 'file', path, mode: 0o644, data: Buffer.from(data) })),
      );
      assert.equal(archive.length % 4, 0);
      assert.deepEqual(
        readCpio(archive).map(({ path, mode, data }) => ({ path, mode, data: [...data] })),
        files.map(({ path, data }) => ({ path, mode: 0o100644, data: [...data] })),
      );
    }),
  );
});

test('an archive holds folders and links', () => {
  const entries = readCpio(
    cpio([
      { kind: 'directory', path: 'bin', mode: 0o755 },
      { kind: 'symlink', path: 'bin/sh', target: 'busybox' },
    ]),
  );
  assert.deepEqual(
    entries.map(({ mode, data }) => [mode, data.toString()]),
    [
      [0o040755, ''],
      [0o120777, 'busybox'],
    ],
  );
});

function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(1024 + payload.length + 16);
  image.writeUInt8(1, 0x1f1); // one setup sector
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x20f, 0x206);
  image.writeUInt32LE(0, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, 1024);
  return image;
}

test('the compressed kernel is found in a bzImage', () => {
  const xz = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.from('the kernel')]);
  assert.deepEqual(payloadOf(bzImage(xz)), { payload: xz, compression: 'xz' });
  assert.equal(payloadOf(bzImage(Buffer.from('gzip or so'))).compression, 'unknown');
});

test('what is not a bzImage is refused with the reason', () => {
  assert.throws(() => payloadOf(Buffer.alloc(10)), /HdrS/);
  const beyond = bzImage(Buffer.from('x'));
  beyond.writeUInt32LE(1 << 30, 0x24c);
  assert.throws(() => payloadOf(beyond), /outside/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      try {
        payloadOf(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
  assert.equal(isElf(Buffer.from('\x7fELF\x02')), true);
  assert.equal(isElf(Buffer.from('MZ')), false);
});

test('a damaged manifest is named, a missing one is no image', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    assert.equal(await readImage(dir), null);
    for (const text of ['{"key": "x"', '{"key": "x"}', '[]', '\0']) {
      writeFileSync(join(dir, 'manifest.json'), text);
      await assert.rejects(readImage(dir), { fault: 'lab', code: 'bad-image', hint: 'hil image clean' });
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

/** An ELF64 file of the given segments (content, size in memory), with a table of sections at its end. */
function elfOf(segments: { content: Buffer; memory: number }[]): Buffer {
  const header = Buffer.alloc(64 + 56 * segments.length);
  header.write('\x7fELF', 'latin1');
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(segments.length, 56);
  let offset = header.length;
  for (const [index, { content, memory }] of segments.entries()) {
    const at = 64 + 56 * index;
    header.writeUInt32LE(1, at);
    header.writeBigUInt64LE(BigInt(offset), at + 8);
    header.writeBigUInt64LE(BigInt(content.length), at + 32);
    header.writeBigUInt64LE(BigInt(memory), at + 40);
    offset += content.length;
  }
  header.writeBigUInt64LE(BigInt(offset), 40);
  return Buffer.concat([header, ...segments.map(({ content }) => content), Buffer.alloc(640, 's')]);
}

/** What a loader puts into memory. */
function loaded(elf: Buffer): Buffer[] {
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = 64 + 56 * index;
    const [offset, size, memory] = [at + 8, at + 32, at + 40].map((field) =>
      Number(elf.readBigUInt64LE(field)),
    );
    const content = elf.subarray(offset, (offset ?? 0) + (size ?? 0));
    return Buffer.concat([content, Buffer.alloc((memory ?? 0) - content.length)]);
  });
}

test('a kernel without its zero tails is smaller, and the same in memory', () => {
  const text = Buffer.alloc(9000, 't');
  const data = Buffer.concat([Buffer.alloc(5000, 'd'), Buffer.alloc(1_000_000), Buffer.from('end')]);
  const bss = Buffer.concat([Buffer.alloc(100, 'b'), Buffer.alloc(2_000_000)]);
  const elf = elfOf([
    { content: text, memory: 9000 },
    { content: data, memory: data.length + 50 },
    { content: bss, memory: bss.length },
  ]);
  const trimmed = withoutZeroTails(elf);
  assert.deepEqual(loaded(trimmed), loaded(elf));
  assert.ok(trimmed.length < elf.length - 1_990_000, `${trimmed.length} of ${elf.length} bytes`);
  assert.throws(() => withoutZeroTails(elf.subarray(0, 20_000)), /outside/);
  assert.throws(() => withoutZeroTails(elf.subarray(0, 40)), RangeError);
});
