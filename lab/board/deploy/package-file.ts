/** What a package file says of itself: Debian's .deb, OpenWrt's .ipk, Alpine's .apk. */
import { basename } from 'node:path';
import { ConfigError, messageOf } from '../../errors.ts';
import { runTool } from '../../program.ts';
import type { PackageManager } from '../package-managers.ts';
import type { Arch } from './elf.ts';

export interface PackageFacts {
  /** Which manager installs it. */
  manager: PackageManager;
  name: string;
  version: string;
  /** Null: for any. */
  arch: Arch | null;
}

/** How each is asked for its fields, as lines of `name<separator>value`, and what these are called. */
const FORMATS = [
  {
    suffix: '.deb',
    manager: 'apt',
    fields: { name: 'Package', version: 'Version', arch: 'Architecture' },
    separator: ': ',
    read: (path: string) => tool('dpkg-deb', ['--field', path]),
  },
  {
    suffix: '.ipk',
    manager: 'opkg',
    fields: { name: 'Package', version: 'Version', arch: 'Architecture' },
    separator: ': ',
    read: async (path: string) =>
      await tool('tar', ['-xzO', './control'], await tool('tar', ['-xzOf', path, './control.tar.gz'])),
  },
  {
    suffix: '.apk',
    manager: 'apk',
    fields: { name: 'pkgname', version: 'pkgver', arch: 'arch' },
    separator: ' = ',
    read: (path: string) => tool('tar', ['-xzOf', path, '.PKGINFO']),
  },
] as const;

/** Throws ConfigError for what is no package, or a torn one. */
export async function packageFacts(path: string): Promise<PackageFacts> {
  const format = FORMATS.find(({ suffix }) => path.endsWith(suffix));
  if (!format)
    throw new ConfigError(`${basename(path)} is no package`, {
      hint: `expected a name that ends in ${FORMATS.map(({ suffix }) => suffix).join(', ')}`,
    });
  let text: string;
  try {
    text = (await format.read(path)).toString();
  } catch (cause) {
    throw new ConfigError(`${path} can't be read as a package: ${messageOf(cause)}`, {
      code: 'torn-bundle',
      cause,
    });
  }
  const field = (key: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(key + format.separator))
      ?.slice(key.length + format.separator.length)
      .trim();
  const { fields, manager } = format;
  const [name, version, arch] = [field(fields.name), field(fields.version), field(fields.arch)];
  if (name === undefined || version === undefined || !/^[a-z0-9][a-z0-9+._-]*$/i.test(name))
    throw new ConfigError(`${path} does not say its name and version`, { code: 'torn-bundle' });
  return { manager, name, version, arch: archOf(arch ?? 'all') };
}

/** Names of architectures of the three, as `uname -m` would say them. */
function archOf(text: string): Arch | null {
  if (/^(?:all|noarch|any)$/.test(text)) return null;
  if (/^(?:amd64|x86_64)/.test(text)) return 'x86_64';
  if (/^(?:arm64|aarch64)/.test(text)) return 'aarch64';
  if (/^arm/.test(text)) return 'arm';
  if (/^mips/.test(text)) return 'mips';
  return /^riscv64/.test(text) ? 'riscv64' : 'other';
}

async function tool(program: string, args: readonly string[], stdin?: Buffer): Promise<Buffer> {
  return await runTool(program, args, { step: 'reading a package', ...(stdin ? { stdin } : {}) });
}
