/** HTTP digest authentication with SHA-256 (RFC 7616), as Shelly devices of generation 2 ask for. */
import { createHash, randomBytes } from 'node:crypto';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The `Authorization` header that answers a `WWW-Authenticate` one; null when that is no digest with SHA-256. */
export function digestAnswer(
  challenge: string,
  request: { method: string; uri: string; user: string; password: string },
  cnonce = randomBytes(8).toString('hex'),
): string | null {
  if (!/^digest\s/i.test(challenge) || /algorithm=(?!"?SHA-256\b)/i.test(challenge)) return null;
  const field = (name: string): string =>
    new RegExp(`(?:^|[\\s,])${name}="?([^",]*)"?`, 'i').exec(challenge)?.[1] ?? '';
  const [realm, nonce] = [field('realm'), field('nonce')];
  const { method, uri, user, password } = request;
  const secret = sha256(`${user}:${realm}:${password}`);
  const response = sha256(`${secret}:${nonce}:00000001:${cnonce}:auth:${sha256(`${method}:${uri}`)}`);
  return (
    `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", algorithm=SHA-256, ` +
    `qop=auth, nc=00000001, cnonce="${cnonce}", response="${response}"`
  );
}
