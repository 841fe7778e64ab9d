/** A host key as dropbear stores it: the fields of the key one after the other (dropbear, src/ed25519.c). */
import { createPrivateKey } from 'node:crypto';
import ssh2 from 'ssh2';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';

const ED25519 = z.object({ crv: z.literal('Ed25519'), d: z.base64url(), x: z.base64url() });

/** From an OpenSSH private key; throws ConfigError when it is none of ed25519. */
export function dropbearKey(openssh: string): Buffer {
  const key = ssh2.utils.parseKey(openssh);
  if (key instanceof Error || key.type !== 'ssh-ed25519')
    throw new ConfigError('the host key of a board with dropbear must be an ed25519 key of OpenSSH', {
      code: 'bad-host-key',
      hint: 'delete it: a new one is made',
    });
  const { d, x } = ED25519.parse(createPrivateKey(key.getPrivatePEM()).export({ format: 'jwk' }));
  const pair = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  return Buffer.concat([counted(Buffer.from('ssh-ed25519')), counted(pair)]);
}

/** Bytes after their number (RFC 4251, `string`). */
function counted(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
