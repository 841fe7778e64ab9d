/** Host keys in dropbear's own form, read back by its description. */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import ssh2 from 'ssh2';
import { soundPair } from '../../lab/board/ssh/keys.ts';
import { dropbearKey } from '../../lab/virtual/dropbear-key.ts';

/** Takes fields apart that are preceded by their length. */
function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    assert.ok(end <= bytes.length, 'a field ends within the key');
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

test('a host key keeps both its halves on the way to dropbear', () => {
  const pair = soundPair('hil-board');
  const [type, halves, ...rest] = fieldsOf(dropbearKey(pair.private));
  assert.equal(type?.toString(), 'ssh-ed25519');
  assert.equal(rest.length, 0);
  assert.equal(halves?.length, 64);
  const [secret, open] = [halves.subarray(0, 32), halves.subarray(32)];
  const publicBlob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
  assert.deepEqual(open, fieldsOf(publicBlob)[1]);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: open.toString('base64url') };
  const key = createPrivateKey({ key: { ...jwk, d: secret.toString('base64url') }, format: 'jwk' });
  const proof = sign(null, Buffer.from('text'), key);
  assert.ok(verify(null, Buffer.from('text'), createPublicKey({ key: jwk, format: 'jwk' }), proof));
});

test('a key of another type, or none at all, is refused', () => {
  const { private: ecdsa } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  for (const text of [ecdsa, 'no key', ''])
    assert.throws(() => dropbearKey(text), { fault: 'config', code: 'bad-host-key' });
});
