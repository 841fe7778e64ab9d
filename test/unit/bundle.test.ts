import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { createBundle, MANIFEST, openBundle } from '../../lab/board/deploy/bundle.ts';
import { moduleFacts, parseElf } from '../../lab/board/deploy/elf.ts';
import { parseReadBack, parseState } from '../../lab/board/deploy/read-back.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

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
    parseState('arch armv7l\nrelease 5.4.0\nfree overlayfs:/overlay 9216 1024 8192 11% /\n', 'b'),
    {
      ...{ arch: 'armv7l', kernelRelease: '5.4.0', freeBytes: 8192 * 1024 },
    },
  );
  assert.equal(parseState('arch x\nrelease y\nfree \n', 'b').freeBytes, null);
  assert.throws(
    () => parseState('sh: not found', 'b'),
    (error) => error instanceof LabError,
  );
  const hash = 'ab'.repeat(32);
  assert.deepEqual(parseReadBack(`${hash}  /etc/a b.conf\nmodule demo 0123\nmodule old \n`), {
    ...{ files: { '/etc/a b.conf': hash }, modules: { demo: '0123', old: '' } },
  });
});
