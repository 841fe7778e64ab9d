/** Key pairs of the lab: one that opens its boards, and one per board that proves which board answered. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { ConfigError, LabError, messageOf } from '../../errors.ts';

export interface LabKeys {
  privateKeyPath: string;
  publicKeyPath: string;
  /** The same public key, ready to be put on a board. */
  authorizedKeysPath: string;
}

/** As ssh2's generator gives it: OpenSSH texts. */
export interface KeyPair {
  private: string;
  public: string;
}

export interface HostKey {
  privateKeyPath: string;
  /** `ssh-ed25519 AAAA... comment`. */
  publicKey: string;
}

/**
 * The key pair with which the lab logs in to its boards (ed25519, OpenSSH format, mode 0600), made in `dir` when
 * missing. Safe to call from several processes at once: all get the same pair. Throws ConfigError when the stored
 * private key cannot be read as one.
 */
export async function ensureLabKeys(dir: string): Promise<LabKeys> {
  const privateKeyPath = join(dir, 'id_ed25519');
  const publicKey = await ensureKey(privateKeyPath, 'hil-lab');
  const publicKeyPath = `${privateKeyPath}.pub`;
  const authorizedKeysPath = join(dir, 'authorized_keys');
  await writeIfOther(publicKeyPath, `${publicKey}\n`, 0o644);
  await writeIfOther(authorizedKeysPath, `${publicKey}\n`, 0o600);
  return { privateKeyPath, publicKeyPath, authorizedKeysPath };
}

/** The host key a board presents, made in `dir` when missing; otherwise as `ensureLabKeys`. */
export async function ensureHostKey(dir: string): Promise<HostKey> {
  const privateKeyPath = join(dir, 'ssh_host_ed25519_key');
  const publicKey = await ensureKey(privateKeyPath, 'hil-board');
  await writeIfOther(`${privateKeyPath}.pub`, `${publicKey}\n`, 0o644);
  return { privateKeyPath, publicKey };
}

/** The private key exists completely or not at all: written aside, then linked, which fails where one exists. */
async function ensureKey(path: string, comment: string): Promise<string> {
  const stored = await readIfThere(path);
  if (stored !== undefined) return publicOf(stored, path);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { private: privateKey } = soundPair(comment);
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(aside, privateKey, { mode: 0o600, flag: 'wx', flush: true });
    await link(aside, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
  return publicOf(await readFile(path, 'utf8'), path);
}

/**
 * A new ed25519 pair that its reader accepts. ssh2 1.17 drops the leading zero bytes of a public key, so that one
 * pair in 256 comes out malformed; such a pair is thrown away and another drawn.
 */
export function soundPair(comment: string, generate = generateEd25519): KeyPair {
  for (let draw = 1; draw <= 16; draw += 1) {
    const pair = generate(comment);
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new LabError('no readable ed25519 key pair in 16 draws', {
    hint: 'check the installed ssh2 package: npm ci',
  });
}

function generateEd25519(comment: string): KeyPair {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment });
}

function publicOf(privateKey: string, path: string): string {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) {
    throw new ConfigError(`${path} is no private key: ${parsed.message}`, {
      hint: `delete ${path}; a new one is made (boards must then be given it again)`,
    });
  }
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${parsed.comment}`.trimEnd();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw new ConfigError(`cannot read the key ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function writeIfOther(path: string, content: string, mode: number): Promise<void> {
  if ((await readIfThere(path)) === content) return;
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, content, { mode, flag: 'wx' });
  await rename(aside, path);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
