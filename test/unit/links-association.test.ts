import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssociationAttempt, parseScanResults, printfEncode } from '../../lab/links/association.ts';

function outcomeOf(lines: readonly string[], ssid = 'hil') {
  const attempt = new AssociationAttempt(ssid);
  for (const line of lines) {
    const outcome = attempt.see(line);
    if (outcome !== null) return outcome;
  }
  return attempt.atDeadline(null, 8);
}

function codeOf(lines: readonly string[]): string {
  const outcome = outcomeOf(lines);
  return outcome === 'associated' ? outcome : outcome.code;
}

const TRYING = "17.1: wlan1: SME: Trying to authenticate with 02:00:00:00:00:00 (SSID='hil' freq=2412 MHz)";
const CONFIRM_REFUSED =
  '17.2: wlan1: CTRL-EVENT-AUTH-REJECT 02:00:00:00:00:00 auth_type=3 auth_transaction=2 status_code=1';
const FULL =
  '17.2: wlan1: CTRL-EVENT-AUTH-REJECT 02:00:00:00:00:00 auth_type=0 auth_transaction=2 status_code=17';

test('an association is told when it comes, refusals before it forgiven', () => {
  const connected = '17.3: wlan1: CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=0]';
  assert.equal(codeOf([TRYING, FULL, TRYING, FULL, TRYING, connected]), 'associated');
  assert.equal(codeOf([TRYING, CONFIRM_REFUSED, TRYING, connected]), 'associated');
});

test('a wrong passphrase is told by the words of WPA2 and of SAE', () => {
  assert.equal(
    codeOf([TRYING, '17.4: wlan1: WPA: 4-Way Handshake failed - pre-shared key may be incorrect']),
    'wrong-passphrase',
  );
  assert.equal(
    codeOf([
      '17.4: wlan1: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="hil" auth_failures=1 duration=10 reason=WRONG_KEY',
    ]),
    'wrong-passphrase',
  );
  assert.equal(codeOf([TRYING, CONFIRM_REFUSED, TRYING, CONFIRM_REFUSED]), 'wrong-passphrase');
});

test('refusals in a row are told with the meaning of their status', () => {
  const outcome = outcomeOf([TRYING, FULL, TRYING, FULL, TRYING, FULL]);
  assert.ok(outcome !== 'associated');
  assert.equal(outcome.code, 'association-rejected');
  assert.match(outcome.message, /status 17 \(the access point has no room for more stations\)/);
  assert.equal(codeOf([TRYING, FULL]), 'association-rejected', 'also when the deadline comes first');
});

test('at the deadline the last state is named', () => {
  const outcome = outcomeOf([TRYING, '17.2: wlan1: Associated with 02:00:00:00:00:00']);
  assert.ok(outcome !== 'associated');
  assert.equal(outcome.code, 'association-timeout');
  assert.match(outcome.hint, /last: wlan1: Associated with/);
});

const SCAN = [
  'bssid / frequency / signal level / flags / ssid',
  '02:00:00:00:00:00\t2412\t-30\t[WPA2-PSK-CCMP][ESS]\thil',
  '02:00:00:00:00:09\t2437\t-61\t[ESS]\t',
  '02:00:00:00:00:0a\t24',
].join('\n');

test('a network that is there with another security is not called missing', () => {
  const there = new AssociationAttempt('hil').atDeadline(SCAN, 8);
  assert.equal(there.code, 'security-mismatch');
  assert.match(there.hint, /\[WPA2-PSK-CCMP\]\[ESS\] on 2412 MHz/);
  const missing = new AssociationAttempt('other').atDeadline(SCAN, 8);
  assert.equal(missing.code, 'network-not-found');
  assert.equal(missing.hint, 'networks seen: hil, (hidden)');
});

test('torn scan results are passed over', () => {
  assert.deepEqual(
    parseScanResults(SCAN).map(({ frequencyMhz, signalDbm }) => [frequencyMhz, signalDbm]),
    [
      [2412, -30],
      [2437, -61],
    ],
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(parseScanResults(text))));
});

test('an SSID is compared as wpa_supplicant prints it', () => {
  assert.equal(printfEncode('a"\\\né'), 'a\\"\\\\\\n\\xc3\\xa9');
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (ssid) => /^[\x20-\x7e]*$/.test(printfEncode(ssid))));
});

test('no line, whatever it holds, is taken for an outcome by accident', () => {
  const attempt = new AssociationAttempt('hil');
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => attempt.see(line) === null));
});
