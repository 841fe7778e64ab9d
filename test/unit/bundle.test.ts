import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { createBundle, MANIFEST, openBundle } from '../../lab/board/deploy/bundle.ts';
import { moduleFacts, parseElf } from '../../lab/board/deploy/elf.ts';
import { kernelFacts } from '../../lab/board/deploy/kernel-image.ts';
import { packageFacts } from '../../lab/board/deploy/package-file.ts';
import { parseReadBack, parseState } from '../../lab/board/deploy/read-back.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';
import { makePackage } from '../packages.ts';

const MACHINE = { x86_64: 62, aarch64: 183, arm: 40 } as const;

/** An ELF file with a section, as the gABI lays it out: header, contents, table of sections. */
function elf(arch: keyof typeof MACHINE, sections: Record<string, Buffer>, wide = arch !== 'arm'): Buffer {
  const names = ['', ...Object.keys(sections), '.shstrtab'];
  const texts = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const contents = [Buffer.alloc(0), ...Object.values(sections), texts];
  const headerSize = wide ? 64 : 52;
  const entrySize = wide ? 64 : 40;
  let at = headerSize;
  let name = 0;
  const table = contents.map((content, index) => {
    const entry = Buffer.alloc(entrySize);
    entry.writeUInt32LE(name, 0);
    name += Buffer.byteLength(names[index] ?? '') + 1;
    if (wide) {
      entry.writeBigUInt64LE(BigInt(at), 24);
      entry.writeBigUInt64LE(BigInt(content.length), 32);
    } else {
      entry.writeUInt32LE(at, 16);
      entry.writeUInt32LE(content.length, 20);
    }
    at += content.length;
    return entry;
  });
  const header = Buffer.alloc(headerSize);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]).copy(header);
  header.writeUInt16LE(MACHINE[arch], 18);
  if (wide) header.writeBigUInt64LE(BigInt(at), 40);
  else header.writeUInt32LE(at, 32);
  const [sizeAt, countAt, namesAt] = wide ? [58, 60, 62] : [46, 48, 50];
  header.writeUInt16LE(entrySize, sizeAt);
  header.writeUInt16LE(table.length, countAt);
  header.writeUInt16LE(table.length - 1, namesAt);
  return Buffer.concat([header, ...contents, ...table]);
}

function module(name: string, release: string, arch: keyof typeof MACHINE = 'x86_64'): Buffer {
  const fields = [
    `vermagic=${release} SMP preempt mod_unload `,
    `name=${name}`,
    'srcversion=0123456789ABCDEF',
    'license=GPL',
  ];
  return elf(arch, { '.modinfo': Buffer.from(fields.map((field) => `${field}\0`).join('')) });
}

function tree(files: Record<string, Buffer | string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'hil-bundle-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return dir;
}

const coded = (code: string) => (error: unknown) => error instanceof ConfigError && error.code === code;

test('a module says its name, architecture, kernel and source, on 32 bits as on 64', () => {
  for (const arch of ['x86_64', 'aarch64', 'arm'] as const)
    assert.deepEqual(moduleFacts(module('demo-x', '6.1.0-1', arch)), {
      ...{ name: 'demo_x', arch, kernelRelease: '6.1.0-1', srcversion: '0123456789ABCDEF' },
    });
  assert.equal(moduleFacts(elf('x86_64', { '.text': Buffer.from('x') })), null);
  assert.equal(moduleFacts(Buffer.from('no ELF')), null);
});

test('a torn or hostile file is told or read, and nothing else happens', () => {
  const whole = module('demo', '6.1.0-1');
  fc.assert(
    fc.property(
      fc.nat(whole.length - 1),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }),
      (length, changes) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          moduleFacts(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      },
    ),
  );
  assert.throws(
    () => parseElf(Buffer.from('\x7fELFxxxxxxxxxxxxxxxxxxxx', 'latin1')).section('.x'),
    RangeError,
  );
});

test('a folder becomes a bundle, with its modules packed in any way', async () => {
  const ko = module('demo', '6.1.0-1');
  const dir = tree({
    'lib/modules/6.1.0-1/extra/demo.ko': ko,
    'lib/modules/6.1.0-1/extra/gz.ko.gz': gzipSync(module('gz', '6.1.0-1')),
    'lib/modules/6.1.0-1/extra/zst.ko.zst': zstdCompressSync(module('zst', '6.1.0-1')),
    'lib/firmware/demo.bin': 'firmware',
    'etc/a b.conf': 'x=1\n',
  });
  const bundle = await createBundle(dir, { name: 'demo', version: 'v1' });
  assert.deepEqual([bundle.arch, bundle.kernelRelease, bundle.files.length], ['x86_64', '6.1.0-1', 5]);
  assert.deepEqual(
    bundle.files.flatMap(({ path, module: facts }) => (facts ? [[path, facts.name]] : [])),
    [
      ['/lib/modules/6.1.0-1/extra/demo.ko', 'demo'],
      ['/lib/modules/6.1.0-1/extra/gz.ko.gz', 'gz'],
      ['/lib/modules/6.1.0-1/extra/zst.ko.zst', 'zst'],
    ],
  );
  const again = await openBundle(dir);
  assert.equal(again.sha256, bundle.sha256);
  assert.ok(!readdirSync(dir).some((name) => name.endsWith('.new')));
});

test('what is no file of the root has its place: a kernel, packages of one manager, or an image', async () => {
  const kernel = arm64Image('6.1.0-1');
  const dir = tree({
    '.hil/boot/kernel': kernel,
    '.hil/boot/initrd': 'initrd',
    '.hil/boot/args': 'console=ttyS0 quiet\n',
    '.hil/packages/demo.deb': readFileSync(packaged('deb', 'arm64')),
    'lib/modules/6.1.0-1/demo.ko': module('demo', '6.1.0-1', 'aarch64'),
  });
  const bundle = await createBundle(dir, {});
  assert.deepEqual([bundle.arch, bundle.kernelRelease, bundle.files.length], ['aarch64', '6.1.0-1', 1]);
  assert.equal(bundle.kernel?.args, 'console=ttyS0 quiet');
  assert.deepEqual([bundle.kernel?.release, bundle.kernel?.build], ['6.1.0-1', '#1 SMP Debian 6.1']);
  assert.deepEqual(
    bundle.packages.map(({ manager, name, version }) => [manager, name, version]),
    [['apt', 'demo', '1.0']],
  );
  writeFileSync(join(dir, '.hil/boot/initrd'), 'other');
  await assert.rejects(openBundle(dir), coded('torn-bundle'));
  const image = await createBundle(tree({ '.hil/sysupgrade/router.bin': 'image' }), {});
  assert.equal(image.sysupgrade?.path, '.hil/sysupgrade/router.bin');
});

test('parts that do not belong together, or nowhere, are refused', async () => {
  const refused: [Record<string, Buffer | string>, RegExp][] = [
    [{ '.hil/sysupgrade/a.bin': 'x', 'etc/x': 'x' }, /replaces everything, and other parts besides/],
    [{ '.hil/sysupgrade/a.bin': 'x', '.hil/sysupgrade/b.bin': 'x' }, /b\.bin has no place in a bundle/],
    [{ '.hil/boot/initrd': 'x' }, /parts of a boot, but no kernel/],
    [{ '.hil/other/x': 'x' }, /has no place in a bundle/],
    [{ '.hil/packages/x.rpm': 'x' }, /x\.rpm is no package/],
    [{ '.hil/packages/x.deb': 'x' }, /can't be read as a package/],
    [
      { '.hil/boot/kernel': arm64Image('6.1'), 'x.ko': module('x', '6.2', 'aarch64') },
      /parts for several kernels: 6\.2, 6\.1/,
    ],
    [{ '.hil/boot/kernel': arm64Image('6.1'), 'x.ko': module('x', '6.1') }, /parts of several architectures/],
    [
      {
        '.hil/packages/a.deb': readFileSync(packaged('deb', 'all')),
        '.hil/packages/a.ipk': readFileSync(packaged('ipk', 'all')),
      },
      /packages of several managers: apt, opkg/,
    ],
  ];
  for (const [files, message] of refused)
    await assert.rejects(createBundle(tree(files), {}), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      return true;
    });
});

test('a package says its name, version and architecture, in each of the three formats', async () => {
  for (const [format, manager, arch, named] of [
    ['deb', 'apt', 'armhf', 'arm'],
    ['ipk', 'opkg', 'aarch64_cortex-a53', 'aarch64'],
    ['apk', 'apk', 'noarch', null],
  ] as const)
    assert.deepEqual(await packageFacts(packaged(format, arch)), {
      ...{ manager, name: 'demo', version: '1.0', arch: named },
    });
});

/** As Documentation/arch/arm64/booting.rst has it: the magic number at 56. */
function arm64Image(release: string): Buffer {
  const head = Buffer.alloc(64);
  head.write('ARM\x64', 56, 'latin1');
  return Buffer.concat([head, banner(release)]);
}

function banner(release: string): Buffer {
  return Buffer.from(
    `Linux version %s (%s)\0junk Linux version ${release} (me@host) (gcc (Debian 12) 12, GNU ld 2.40) #1 SMP Debian 6.1\n\0`,
  );
}

test('a kernel image says its architecture and what uname will say, where it is not packed too well', () => {
  const said = { release: '6.1.0', build: '#1 SMP Debian 6.1' };
  assert.deepEqual(kernelFacts(arm64Image('6.1.0')), { arch: 'aarch64', ...said });
  assert.deepEqual(kernelFacts(gzipSync(arm64Image('6.1.0'))), { arch: 'aarch64', ...said });
  assert.deepEqual(kernelFacts(elf('x86_64', { '.rodata': banner('6.1.0') })), { arch: 'x86_64', ...said });
  const wrapped = Buffer.alloc(64);
  wrapped.writeUInt32BE(0x27051956, 0);
  wrapped[29] = 2;
  assert.deepEqual(kernelFacts(Buffer.concat([wrapped, banner('6.1.0')])), { arch: 'arm', ...said });
  const pc = Buffer.alloc(0x600);
  pc.write('HdrS', 0x202, 'latin1');
  pc.writeUInt16LE(0x300, 0x20e);
  pc.write('6.1.0 (me@host) #1 SMP Debian 6.1\0', 0x500, 'latin1');
  assert.deepEqual(kernelFacts(pc), { arch: 'x86_64', ...said });
  const compressed = Buffer.alloc(0x40);
  compressed.writeUInt32LE(0x016f2818, 0x24);
  assert.deepEqual(kernelFacts(compressed), { arch: 'arm', release: null, build: null });
  const packed = Buffer.concat([compressed, gzipSync(banner('6.1.0'))]);
  assert.equal(kernelFacts(packed).arch, 'arm');
});

test('a torn or hostile kernel image is never more than unknown', () => {
  const whole = Buffer.concat([arm64Image('6.1.0'), gzipSync(banner('6.2'))]);
  fc.assert(
    fc.property(fc.nat(whole.length), fc.uint8Array({ maxLength: 700 }), (length, noise) => {
      for (const bytes of [whole.subarray(0, length), Buffer.from(noise)]) {
        const { release } = kernelFacts(Buffer.from(bytes));
        assert.ok(release === null || release.length <= 64);
      }
    }),
  );
});

function packaged(format: 'deb' | 'ipk' | 'apk', arch: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'hil-package-'));
  return makePackage(dir, format, { name: 'demo', version: '1.0', arch, text: 'x' });
}

test('what can not be one bundle is refused, with why', async () => {
  await assert.rejects(createBundle(tree({}), {}), /there is no file below/);
  await assert.rejects(
    createBundle(tree({ 'a.ko': module('a', '6.1'), 'b.ko': module('b', '6.2') }), {}),
    coded('mixed-bundle'),
  );
  await assert.rejects(
    createBundle(tree({ 'a.ko': module('a', '6.1'), 'b.ko': module('b', '6.1', 'arm') }), {}),
    coded('mixed-bundle'),
  );
  await assert.rejects(createBundle(tree({ 'a.ko.gz': 'no gzip' }), {}), coded('torn-bundle'));
  await assert.rejects(
    createBundle(tree({ 'a.ko': module('a', '6.1').subarray(0, 100) }), {}),
    coded('torn-bundle'),
  );
  const linked = tree({ x: 'x' });
  symlinkSync('x', join(linked, 'link'));
  await assert.rejects(createBundle(linked, {}), /neither a file nor a folder/);
});

test('a bundle that was changed or torn is told by the file', async () => {
  const dir = tree({ 'etc/x': 'one' });
  await assert.rejects(openBundle(dir), coded('no-bundle'));
  await createBundle(dir, {});
  writeFileSync(join(dir, 'etc/x'), 'two');
  await assert.rejects(
    openBundle(dir),
    (error) => coded('torn-bundle')(error) && /\/etc\/x in the bundle/.test(String(error)),
  );
  writeFileSync(join(dir, MANIFEST), '{"format": 1');
  await assert.rejects(
    openBundle(dir),
    (error) => coded('torn-bundle')(error) && /no JSON/.test(String(error)),
  );
  writeFileSync(
    join(dir, MANIFEST),
    JSON.stringify({
      format: 1,
      name: 'x',
      version: '',
      arch: null,
      kernelRelease: null,
      files: [{ path: '/../etc/passwd', sha256: 'a'.repeat(64), size: 1, mode: 420 }],
    }),
  );
  await assert.rejects(openBundle(dir), /expected an absolute path without \.\./);
});

test('what a board says of itself is read, whatever stands around it', () => {
  assert.deepEqual(
    parseState(
      'arch armv7l\nrelease 5.4.0\npackages opkg\nfree overlayfs:/overlay 9216 1024 8192 11% /\n',
      'b',
    ),
    {
      ...{ arch: 'armv7l', kernelRelease: '5.4.0', packageManager: 'opkg', freeBytes: 8192 * 1024 },
    },
  );
  assert.equal(parseState('arch x\nrelease y\nfree \n', 'b').freeBytes, null);
  assert.throws(
    () => parseState('sh: not found', 'b'),
    (error) => error instanceof LabError,
  );
  const hash = 'ab'.repeat(32);
  assert.deepEqual(
    parseReadBack(
      `${hash}  /etc/a b.conf\nmodule demo 0123\nmodule old \npackage p 1.0-r1 apk\npackage q - apk\n`,
    ),
    {
      ...{
        files: { '/etc/a b.conf': hash },
        modules: { demo: '0123', old: '' },
        packages: { p: '1.0-r1', q: '-' },
      },
    },
  );
});
