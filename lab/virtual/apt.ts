/**
 * A private apt: its own lists, cache and (empty) package status below the cache folder, so that packages of Debian's
 * release can be resolved and downloaded without root and without a trace on the lab machine.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ConfigError, HilError, LabError, messageOf } from '../errors.ts';
import { runTool } from '../program.ts';

export interface DebFile {
  name: string;
  version: string;
  /** File name as apt stores it. */
  file: string;
  bytes: number;
  sha256: string;
}

export interface PrivateApt {
  /** Fetches the package lists. */
  update(signal?: AbortSignal): Promise<void>;
  /** Everything that installing the packages on an empty machine would fetch. */
  resolve(packages: readonly string[], signal?: AbortSignal): Promise<DebFile[]>;
  /** Makes the files be in the folder, complete and with the right hash; `onBytes` hears of progress. */
  download(
    files: readonly DebFile[],
    folder: string,
    onBytes: (bytes: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEFAULT_MIRRORS = {
  main: 'http://deb.debian.org/debian',
  security: 'http://deb.debian.org/debian-security',
};

/** Mirrors of Debian itself among the sources of the lab machine; third parties are passed over. */
export function debianMirrors(sources: readonly string[]): { main: string; security: string } {
  const found = { ...DEFAULT_MIRRORS };
  let seen = { main: false, security: false };
  for (const uri of sources.flatMap(urisOf)) {
    const path = uri.replace(/\/+$/, '');
    if (!seen.security && /\/debian-security$/.test(path)) {
      found.security = path;
      seen = { ...seen, security: true };
    } else if (!seen.main && /\/debian$/.test(path) && /debian\.org\b|\/debian$/.test(path)) {
      found.main = path;
      seen = { ...seen, main: true };
    }
  }
  return found;
}

/** URIs of one sources file, in the one-line or the deb822 form (sources.list(5)). */
function urisOf(text: string): string[] {
  const uris: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const oneLine = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/.exec(line);
    if (oneLine?.[1] !== undefined) uris.push(oneLine[1]);
    const field = /^URIs:\s*(.+)$/i.exec(line);
    if (field?.[1] !== undefined) uris.push(...field[1].split(/\s+/));
  }
  return uris.filter((uri) => /^https?:\/\//.test(uri));
}

/** Lines of `apt-get --print-uris`: quoted URI, file, size, hash. */
export function parseUris(text: string): DebFile[] {
  const files: DebFile[] = [];
  for (const line of text.split('\n')) {
    const match = /^'[^']+' (\S+\.deb) (\d+) SHA256:([0-9a-f]{64})$/.exec(line.trim());
    if (match === null) continue;
    const [, file = '', bytes = '', sha256 = ''] = match;
    files.push({ ...nameAndVersion(file), file, bytes: Number(bytes), sha256 });
  }
  return files;
}

/** From the name that apt gives the file of a package: `hostapd_2%3a2.10-12_amd64.deb`. */
export function nameAndVersion(file: string): { name: string; version: string } {
  const [name = '', version = ''] = file.split('_');
  return { name, version: decodeURIComponent(version) };
}

/** Sets up the private apt in a folder. Throws ConfigError when Debian's keyring is missing. */
export async function privateApt(folder: string, release: string, architecture: string): Promise<PrivateApt> {
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'archives', 'partial'), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  const mirrors = debianMirrors(await hostSources());
  const options = `[arch=${architecture} signed-by=${await keyring()}]`;
  const entries = [
    `deb ${options} ${mirrors.main} ${release} main`,
    `deb ${options} ${mirrors.main} ${release}-updates main`,
    `deb ${options} ${mirrors.security} ${release}-security main`,
  ];
  await writeFile(join(folder, 'sources.list'), `${entries.join('\n')}\n`);
  await writeFile(join(folder, 'apt.conf'), configuration(folder, architecture, await hostAcquire()));
  const env = { ...process.env, APT_CONFIG: join(folder, 'apt.conf'), LC_ALL: 'C.UTF-8' };
  // Any failure to fetch is a failure: apt-get update alone would only warn.
  const strict = ['-o', 'APT::Update::Error-Mode=any'];
  return {
    async update(signal) {
      await fetching('package lists', mirrors.main, () =>
        runTool('apt-get', ['update', '-q', ...strict], { step: 'package lists', env, signal }),
      );
    },
    async resolve(packages, signal) {
      const args = ['install', '--no-install-recommends', '--print-uris', '-y', '-qq', ...packages];
      const out = await runTool('apt-get', args, { step: 'resolving packages', env, signal });
      return parseUris(out.toString());
    },
    async download(files, target, onBytes, signal) {
      await mkdir(target, { recursive: true });
      const missing: DebFile[] = [];
      for (const file of files) if (!(await intact(join(target, file.file), file))) missing.push(file);
      if (missing.length === 0) return;
      const names = missing.map((file) => `${file.name}=${file.version}`);
      const watch = setInterval(() => void sizeOf(target, missing).then(onBytes, onBytes.bind(null, 0)), 250);
      try {
        await fetching('downloading packages', mirrors.main, () =>
          runTool('apt-get', ['download', '-q', ...names], {
            step: 'downloading packages',
            cwd: target,
            env,
            signal,
            timeoutMs: 600_000,
          }),
        );
      } finally {
        clearInterval(watch);
      }
      for (const file of missing) {
        if (!(await intact(join(target, file.file), file))) {
          throw new LabError(`downloading packages: ${file.file} is not what the package list says`, {
            code: 'bad-download',
            hint: 'the mirror may be in the middle of an update; try again in some minutes',
          });
        }
      }
    },
  };
}

async function fetching<T>(step: string, mirror: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const text = messageOf(error);
    const network =
      /Could not (resolve|connect)|Temporary failure|Failed to fetch|Network is unreachable|timed out/i;
    if (!(error instanceof HilError) || !network.test(text)) throw error;
    throw new LabError(`${step}: cannot fetch from ${mirror}\n${text}`, {
      code: 'no-network',
      hint: `check the network, or the proxy of apt; by hand: curl -I ${mirror}/dists/stable/Release`,
      cause: error,
    });
  }
}

async function intact(path: string, file: DebFile): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  if (info === null || info.size !== file.bytes) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex') === file.sha256;
}

async function sizeOf(folder: string, files: readonly DebFile[]): Promise<number> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(join(folder, file.file)).then(
        (info) => info.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function keyring(): Promise<string> {
  if ((await stat(KEYRING).catch(() => null)) !== null) return KEYRING;
  throw new ConfigError(`the board image needs Debian's archive keys, and ${KEYRING} does not exist`, {
    code: 'missing-tool',
    hint: `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install -y debian-archive-keyring`,
  });
}

async function hostSources(): Promise<string[]> {
  const parts = '/etc/apt/sources.list.d';
  const names = await readdir(parts).catch(() => []);
  const paths = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(parts, name));
  const texts = await Promise.all(
    ['/etc/apt/sources.list', ...paths].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return texts;
}

/** Settings of the lab machine that fetching may need: proxies, IP version, date checks. Its hooks are left out. */
async function hostAcquire(): Promise<string[]> {
  const dump = (await runTool('apt-config', ['dump'], { step: 'reading the settings of apt' })).toString();
  return dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|ftp|ForceIPv[46]|Check-)[^ ]* "[^"]+";$/i.test(line));
}

function configuration(folder: string, architecture: string, acquire: readonly string[]): string {
  const none = '"/dev/null"';
  return [
    `Dir::Etc::main ${none};`,
    `Dir::Etc::parts ${none};`,
    `Dir::Etc::sourcelist "${join(folder, 'sources.list')}";`,
    `Dir::Etc::sourceparts ${none};`,
    `Dir::Etc::preferences ${none};`,
    `Dir::Etc::preferencesparts ${none};`,
    `Dir::Etc::trusted ${none};`,
    `Dir::Etc::trustedparts ${none};`,
    `Dir::State "${folder}";`,
    `Dir::State::status "${join(folder, 'status')}";`,
    `Dir::State::lists "${join(folder, 'lists')}";`,
    `Dir::Cache "${folder}";`,
    `Dir::Cache::archives "${join(folder, 'archives')}";`,
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    'APT::Sandbox::User "";',
    'APT::Get::AllowUnauthenticated "false";',
    'Acquire::Languages "none";',
    'Acquire::ForceHash "SHA256";',
    'Acquire::Retries "3";',
    'Acquire::http::Timeout "20";',
    ...acquire,
    '',
  ].join('\n');
}
