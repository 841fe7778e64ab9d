/** Keys of the lab and of its boards. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import ssh2 from 'ssh2';
import { fingerprint, parsePublicKey, readPin, writePin } from '../../lab/board/ssh/hostkey.ts';
import { ensureHostKey, ensureLabKeys, type KeyPair, soundPair } from '../../lab/board/ssh/keys.ts';
import { ConfigError, LabError } from '../../lab/errors.ts';

const dir = await mkdtemp(join(tmpdir(), 'hil-keys-'));
after(() => rm(dir, { recursive: true }));

test('the lab key is made once, readable by its owner alone, and works as an OpenSSH key', async () => {
  const folder = join(dir, 'lab');
  const keys = await ensureLabKeys(folder);
  assert.equal((await stat(keys.privateKeyPath)).mode & 0o777, 0o600);
  const privateKey = await readFile(keys.privateKeyPath, 'utf8');
  assert.ok(!(ssh2.utils.parseKey(privateKey) instanceof Error));
  assert.equal(await readFile(keys.authorizedKeysPath, 'utf8'), await readFile(keys.publicKeyPath, 'utf8'));
  await ensureLabKeys(folder);
  assert.equal(await readFile(keys.privateKeyPath, 'utf8'), privateKey);
});

test('many that ask at once get the same host key, and nothing else is left behind', async () => {
  const folder = join(dir, 'board');
  const keys = await Promise.all(Array.from({ length: 20 }, () => ensureHostKey(folder)));
  assert.equal(new Set(keys.map(({ publicKey }) => publicKey)).size, 1);
  assert.deepEqual((await readdir(folder)).sort(), ['ssh_host_ed25519_key', 'ssh_host_ed25519_key.pub']);
});

test('a spoilt key file is told by its path', async () => {
  const folder = join(dir, 'spoilt');
  const { privateKeyPath } = await ensureHostKey(folder);
  await writeFile(privateKeyPath, 'not a key');
  await assert.rejects(
    ensureHostKey(folder),
    (error) => error instanceof ConfigError && error.message.includes(privateKeyPath),
  );
});

test('a malformed pair of the generator is drawn again, but not for ever', () => {
  const sound = ssh2.utils.generateKeyPairSync('ed25519');
  const malformed: KeyPair = { private: sound.private.replace(/A/g, 'B'), public: sound.public };
  const draws = [malformed, malformed, sound];
  assert.equal(
    soundPair('c', () => draws.shift() ?? malformed),
    sound,
  );
  assert.equal(draws.length, 0);
  assert.throws(() => soundPair('c', () => malformed), LabError);
});

test('a fingerprint is what ssh-keygen prints', () => {
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINuFIU+LssQyUrGmRNDNWOib5ZOiqXF3lHV6Tzdk2qay hil';
  assert.equal(fingerprint(parsePublicKey(line).blob), 'SHA256:KpUvabacrx+45YIRgMLPpBi0fWObYazkTL1Wa641iQ4');
  assert.throws(() => parsePublicKey('ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA'), ConfigError);
  assert.throws(() => parsePublicKey(''), ConfigError);
});

test('a pinned key is found by its board, and replaced when pinned anew', async () => {
  const path = join(dir, 'pins');
  const [first, second] = await Promise.all([ensureHostKey(join(dir, 'p1')), ensureHostKey(join(dir, 'p2'))]);
  const blobs = [first, second].map(({ publicKey }) => parsePublicKey(publicKey).blob) as [Buffer, Buffer];
  assert.equal(await readPin(path, 'b1'), null);
  await writePin(path, 'b1', blobs[0]);
  await writePin(path, 'b11', blobs[1]);
  assert.deepEqual((await readPin(path, 'b1'))?.blob, blobs[0]);
  await writePin(path, 'b1', blobs[1]);
  assert.deepEqual((await readPin(path, 'b1'))?.blob, blobs[1]);
  assert.equal((await readFile(path, 'utf8')).trim().split('\n').length, 2);
});
