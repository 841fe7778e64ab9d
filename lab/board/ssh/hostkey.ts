/** Is the machine that answered the board we know? Public host keys, their fingerprints, and the file that pins them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError, LabError } from '../../errors.ts';

export interface PublicKey {
  type: string;
  blob: Buffer;
}

/** Parses `ssh-ed25519 AAAA... comment`; throws ConfigError when it is not one. */
export function parsePublicKey(line: string): PublicKey {
  const [type = '', base64 = ''] = line.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  if (type === '' || typeOfBlob(blob) !== type) {
    throw new ConfigError(`not an OpenSSH public key: ${JSON.stringify(line.slice(0, 80))}`);
  }
  return { type, blob };
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** A public key begins with its own type, preceded by its length (RFC 4253, section 6.6). */
export function typeOfBlob(blob: Buffer): string {
  if (blob.length < 4) return '';
  return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1');
}

export function hostKeyChanged(board: string, pinned: PublicKey, offered: Buffer): LabError {
  return new LabError(
    `host key changed: ${board} is pinned to ${pinned.type} ${fingerprint(pinned.blob)}, ` +
      `but ${typeOfBlob(offered)} ${fingerprint(offered)} answered`,
    {
      board,
      code: 'host-key-changed',
      hint: 'another machine has its address, or it was flashed anew; if that is meant, remove its pinned key',
    },
  );
}

/** The key pinned for `name` in `path` (a line a board: `name type base64`), or null. */
export async function readPin(path: string, name: string): Promise<PublicKey | null> {
  for (const line of await pinLines(path)) {
    const space = line.indexOf(' ');
    if (line.slice(0, space) === name) return parsePublicKey(line.slice(space + 1));
  }
  return null;
}

/** Pins `blob` for `name`, in place of what was pinned before. */
export async function writePin(path: string, name: string, blob: Buffer): Promise<void> {
  const others = (await pinLines(path)).filter((line) => !line.startsWith(`${name} `));
  const lines = [...others, `${name} ${typeOfBlob(blob)} ${blob.toString('base64')}`];
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
  await rename(aside, path);
}

async function pinLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
