/** Why modules do not load, and what a board says it runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  explainLoad,
  type LoadEvidence,
  missingFirmware,
  similarNames,
} from '../../lab/kernel/module-failure.ts';
import { parseProvenance } from '../../lab/kernel/provenance.ts';

const FACTS = {
  kernel: '6.1.0-1-amd64',
  vermagic: '6.1.0-2-amd64 SMP',
  parameters: ['radios', 'channels'],
  modules: ['mac80211', 'mac80211_hwsim', 'cfg80211', 'btusb'],
};

function explain(evidence: Partial<LoadEvidence>) {
  return explainLoad(
    { board: 'b1', name: 'drv', command: 'modprobe drv', exitCode: 1, said: '', log: [], ...evidence },
    FACTS,
  );
}

test('a module that does not exist is told with the kernel and names that are nearly the same', () => {
  const error = explain({
    name: 'mac80211-hwsin',
    said: 'modprobe: FATAL: Module mac80211-hwsin not found in directory /lib/modules/6.1.0-1-amd64',
  });
  assert.equal(error.code, 'module-missing');
  assert.match(error.message, /6\.1\.0-1-amd64; similar ones: mac80211_hwsim/);
});

test('a module for another kernel is told with both versions', () => {
  const error = explain({
    said: "modprobe: ERROR: could not insert 'drv': Exec format error",
    log: ["drv: version magic '6.1.0-2-amd64 SMP ' should be '6.1.0-1-amd64 SMP '"],
  });
  assert.equal(error.code, 'vermagic');
  assert.match(error.message, /6\.1\.0-2-amd64.*6\.1\.0-1-amd64/);
  assert.equal(explain({ said: 'insmod: Invalid module format' }).code, 'vermagic');
});

test('a parameter that the kernel only warns of is an error that lists those there are', () => {
  const error = explain({ exitCode: 0, log: ["drv: unknown parameter 'radioz' ignored"] });
  assert.equal(error.code, 'unknown-parameter');
  assert.match(error.message, /radioz; it has radios, channels/);
});

test('each other cause that the kernel names is told by its own code', () => {
  assert.equal(explain({ log: ["drv: `abc' invalid for parameter `radios'"] }).code, 'invalid-parameter');
  assert.equal(explain({ log: ['drv: Unknown symbol foo (err -2)'] }).code, 'unknown-symbol');
  assert.equal(explain({ said: 'Key was rejected by service' }).code, 'module-signature');
  assert.equal(explain({ said: 'No such device' }).code, 'module-load');
  const firmware = explain({ log: ['drv 1-1: Direct firmware load for x/y.bin failed with error -2'] });
  assert.equal(firmware.code, 'firmware-missing');
  assert.match(firmware.message, /x\/y\.bin/);
});

test('missing firmware is listed once a file', () => {
  const line = 'drv 1-1: Direct firmware load for x/y.bin failed with error -2';
  assert.deepEqual(missingFirmware([line, line, 'drv: firmware: failed to load z.bin (-2)']), [
    'x/y.bin',
    'z.bin',
  ]);
});

test('names that have nothing in common are not similar', () => {
  assert.deepEqual(similarNames('hil_no_such_module', FACTS.modules), []);
  assert.deepEqual(similarNames('btusp', FACTS.modules), ['btusb']);
});

test('provenance tells what is there and gives an empty text for what is not', () => {
  const hash = (digit: string) => digit.repeat(64);
  const stdout = [
    'kernel 6.1.0 #1 SMP',
    'boot 11-22',
    `notes 040000000800000006000000585858000102030404050607${'040000001400000003000000474e5500'}${'ab'.repeat(20)}`,
    'loaded wlan0 8.8.4',
    'loaded wlan1 N/A',
    'bundle demo v1 0123',
    'module drv ABCDEF;1.2',
    'filename:       /lib/modules/6.1.0/other-one.ko.xz',
    'srcversion:     0123',
    `${hash('a')}  /lib/modules/6.1.0/kernel/drv.ko`,
    `${hash('b')}  /lib/modules/6.1.0/extra/other-one.ko.xz`,
    `${hash('c')}  /lib/firmware/x.bin`,
    'tool iw iw version\u001b[2J 5.19',
  ].join('\n');
  assert.deepEqual(
    parseProvenance(
      stdout,
      ['drv', 'other_one', 'gone'],
      ['/lib/firmware/x.bin', '/lib/firmware/none'],
      'b1',
    ),
    {
      kernel: '6.1.0 #1 SMP',
      buildId: 'ab'.repeat(20),
      bootId: '11-22',
      modules: {
        drv: { srcversion: 'ABCDEF', version: '1.2', sha256: hash('a') },
        other_one: { srcversion: '0123', version: '', sha256: hash('b') },
        gone: { srcversion: '', version: '', sha256: '' },
      },
      firmware: { '/lib/firmware/x.bin': hash('c'), '/lib/firmware/none': '' },
      loadedFirmware: { wlan0: '8.8.4', wlan1: '' },
      tools: { hostapd: '', wpa_supplicant: '', iw: 'iw version 5.19', iperf3: '' },
      bundle: 'demo v1 0123',
    },
  );
  assert.throws(
    () => parseProvenance('sh: read: not found', ['drv'], [], 'b1'),
    /b1 did not say what it runs/,
  );
});
