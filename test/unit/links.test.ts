import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, HilError } from '../../lab/errors.ts';
import { ApOptions } from '../../lab/links/ap-options.ts';
import { hostapdEvent, keyValues, wpaSupplicantEvent } from '../../lab/links/events.ts';
import { frequencyOf, hostapdConfig } from '../../lab/links/hostapd-config.ts';
import { StationOptions } from '../../lab/links/station-options.ts';
import { checkAllowed, usable, type Wireless } from '../../lab/links/wireless.ts';
import {
  holds,
  parseCountry,
  parseInterfaces,
  parseIwPhy,
  parseManagers,
  parseWidth,
} from '../../lab/links/wireless-parse.ts';
import { wpaSupplicantConfig } from '../../lab/links/wpa-config.ts';

function hostapd(options: Partial<ApOptions> & { channel: number }): string[] {
  return hostapdConfig(
    { ...ApOptions.parse(options), interface: 'wlan0', channel: options.channel },
    '/run/c',
  ).split('\n');
}

test('each security becomes the key management that hostapd and wpa_supplicant agree on', () => {
  assert.ok(hostapd({ channel: 1, security: 'wpa2' }).includes('wpa_key_mgmt=WPA-PSK'));
  assert.ok(hostapd({ channel: 1, security: 'wpa3' }).includes('ieee80211w=2'));
  const digits = 'ab'.repeat(32);
  assert.ok(hostapd({ channel: 1, security: 'wpa3', passphrase: digits }).includes(`sae_password=${digits}`));
  assert.ok(hostapd({ channel: 1, security: 'wpa2-wpa3' }).includes('wpa_key_mgmt=WPA-PSK SAE'));
  assert.ok(!hostapd({ channel: 1, security: 'open' }).some((line) => line.startsWith('wpa')));
  const station = (security: 'open' | 'wpa2' | 'wpa3') =>
    wpaSupplicantConfig({ ...StationOptions.parse({ security }), interface: 'wlan1' }, '/run/c');
  assert.match(station('open'), /key_mgmt=NONE/);
  assert.match(station('wpa2'), /psk="hil-lab-passphrase"/);
  assert.match(station('wpa3'), /key_mgmt=SAE\n {2}ieee80211w=2/);
});

test('an SSID of any bytes is passed on exactly', () => {
  const ssid = 'naïve "cafe" \\ #1';
  const digits = Buffer.from(ssid).toString('hex');
  assert.ok(hostapd({ channel: 1, ssid }).includes(`ssid2=${digits}`));
  assert.match(
    wpaSupplicantConfig({ ...StationOptions.parse({ ssid }), interface: 'wlan1' }, '/run/c'),
    new RegExp(`ssid=${digits}\n`),
  );
  assert.equal(ApOptions.safeParse({ ssid: 'x'.repeat(33) }).success, false);
  assert.equal(ApOptions.safeParse({ passphrase: 'short' }).success, false);
});

test('widths and generations become what hostapd asks for', () => {
  assert.ok(hostapd({ channel: 36, band: '5', widthMhz: 40 }).includes('ht_capab=[HT40+]'));
  assert.ok(hostapd({ channel: 40, band: '5', widthMhz: 40 }).includes('ht_capab=[HT40-]'));
  assert.ok(hostapd({ channel: 11, widthMhz: 40 }).includes('ht_capab=[HT40-]'));
  const wide = hostapd({ channel: 44, band: '5', widthMhz: 80, mode: 'ac' });
  assert.ok(wide.includes('vht_oper_centr_freq_seg0_idx=42'));
  assert.ok(!hostapd({ channel: 1, mode: 'g' }).includes('ieee80211n=1'));
  assert.ok(hostapd({ channel: 1, extra: ['beacon_int=50'] }).includes('beacon_int=50'));
});

test('what does not go together is refused before the board is touched', () => {
  assert.throws(() => hostapd({ channel: 36 }), ConfigError);
  assert.throws(() => hostapd({ channel: 15 }), /no channel 15 in the 2.4 GHz band/);
  assert.throws(() => hostapd({ channel: 1, mode: 'g', widthMhz: 40 }), /40 MHz needs 802.11n/);
  assert.throws(() => hostapd({ channel: 1, mode: 'ac' }), /5 GHz band only/);
  assert.throws(() => hostapd({ channel: 165, band: '5', mode: 'ac', widthMhz: 80 }), /80 MHz/);
});

test('channels have the frequencies of the standard', () => {
  assert.deepEqual(
    [frequencyOf('2.4', 1), frequencyOf('2.4', 13), frequencyOf('2.4', 14), frequencyOf('5', 36)],
    [2412, 2472, 2484, 5180],
  );
});

test('events of hostapd are told from its talk', () => {
  assert.deepEqual(hostapdEvent('1700000000.123456: wlan0: AP-STA-CONNECTED 02:00:00:00:01:00'), {
    ...{
      interface: 'wlan0',
      event: 'AP-STA-CONNECTED',
      station: '02:00:00:00:01:00',
      detail: '02:00:00:00:01:00',
    },
  });
  assert.equal(hostapdEvent('1700000000.1: wlan0: AP-ENABLED ')?.event, 'AP-ENABLED');
  assert.equal(hostapdEvent('1700000000.1: wlan0: interface state UNINITIALIZED->ENABLED'), null);
  assert.equal(hostapdEvent('1700000000.1: wlan0: STA 02:00:00:00:01:00 IEEE 802.11: authenticated'), null);
});

test('a disconnect carries its reason and who began it', () => {
  const theirs = wpaSupplicantEvent('17.1: wlan1: CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:00 reason=5');
  assert.deepEqual(
    [theirs?.reason, theirs?.locallyGenerated, theirs?.bssid],
    [5, false, '02:00:00:00:00:00'],
  );
  const ours = wpaSupplicantEvent(
    'wlan1: CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:00 reason=3 locally_generated=1',
  );
  assert.deepEqual([ours?.reason, ours?.locallyGenerated], [3, true]);
  assert.equal(
    wpaSupplicantEvent('wlan1: Trying to associate with 02:00:00:00:00:00 (SSID="x" freq=2412 MHz)'),
    null,
  );
});

test('status lines become fields, values with = included', () => {
  assert.deepEqual(keyValues('state=ENABLED\nssid=a=b\nno value\n'), { state: 'ENABLED', ssid: 'a=b' });
});

const PHY = [
  ...[
    'Wiphy phy0',
    '\tSupported interface modes:',
    '\t\t * managed',
    '\t\t * AP',
    '\t\t * AP/VLAN',
    '\tBand 1:',
    '\t\tFrequencies:',
  ],
  ...[
    '\t\t\t* 2412 MHz [1] (20.0 dBm)',
    '\t\t\t* 2467 MHz [12] (20.0 dBm) (no IR)',
    '\t\t\t* 2484 MHz [14] (disabled)',
    '\t\t\t* 5260 MHz [52] (20.0 dBm) (no IR, radar detection)',
  ],
].join('\n');
const STATION_PHY = 'Wiphy phy1\n\tSupported interface modes:\n\t\t * managed\n\t\t * monitor\n\tBand 1:\n';

function wireless(changes: Partial<Wireless> = {}): Wireless {
  return {
    interfaces: parseInterfaces('wlan1 phy1\nwlan0 phy0\n'),
    phy: parseIwPhy(PHY),
    country: '00',
    blocked: {},
    managers: [],
    ...changes,
  };
}

function failure(work: () => unknown): HilError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof HilError);
    return error;
  }
  return assert.fail('it was found usable');
}

test('what iw prints is understood', () => {
  assert.deepEqual(parseInterfaces('wlan1 phy1\n\ntorn'), [{ name: 'wlan1', phy: 'phy1' }]);
  assert.equal(
    parseWidth('Interface wlan0\n\tifindex 3\n\tchannel 1 (2412 MHz), width: 40 MHz, center1: 2422 MHz\n'),
    40,
  );
  assert.equal(parseWidth('Interface wlan0\n\tifindex 3\n\ttype managed\n'), null);
  const phy0 = parseIwPhy(PHY);
  assert.deepEqual(phy0?.modes, ['managed', 'AP', 'AP/VLAN']);
  assert.deepEqual(
    phy0?.channels.map(({ channel, disabled, noIr, radar }) => [channel, disabled, noIr, radar]),
    [
      ...[
        [1, false, false, false],
        [12, false, true, false],
        [14, true, false, false],
        [52, false, true, true],
      ],
    ],
  );
  assert.equal(parseCountry('global\ncountry DE: DFS-ETSI\n'), 'DE');
});

test('what is missing for an access point is said, with whose fault it is', () => {
  assert.equal(usable('b', wireless(), 'wlan0', 'AP').name, 'phy0');
  const none = failure(() => usable('b', wireless(), 'mlan0', 'AP'));
  assert.deepEqual([none.fault, none.code, none.hint], ['product', 'no-interface', 'it has wlan1, wlan0']);
  const mode = failure(() => usable('b', wireless({ phy: parseIwPhy(STATION_PHY) }), 'wlan1', 'AP'));
  assert.deepEqual([mode.fault, mode.code], ['product', 'mode-unsupported']);
  assert.match(mode.hint ?? '', /phy1 supports managed, monitor/);
  assert.equal(
    failure(() => usable('b', wireless({ blocked: { phy0: 'software (rfkill)' } }), 'wlan0', 'AP')).code,
    'rfkill',
  );
  const held = failure(() =>
    usable(
      'b',
      wireless({ managers: parseManagers('412 hostapd -B /etc/ap.conf interfaces=wlan0, unmanaged=') }),
      'wlan0',
      'AP',
    ),
  );
  assert.match(held.message, /another program holds wlan0: 412 hostapd/);
});

test('a channel that the country forbids is a mistake of the request; one the radio lacks is not', () => {
  const phy0 = parseIwPhy(PHY);
  assert.ok(phy0);
  const check = (frequencyMhz: number, country?: string) =>
    checkAllowed('b', phy0, { frequencyMhz, country }, country ?? '00');
  check(2412);
  assert.deepEqual(failure(() => check(2467)).fault, 'config');
  assert.match(failure(() => check(2484)).message, /is disabled in country 00/);
  assert.match(failure(() => check(2484, 'DE')).hint ?? '', /^in country DE it may send on 1$/);
  assert.deepEqual(failure(() => check(5955)).code, 'channel-unsupported');
});

test('a channel to be watched for radar needs a country', () => {
  const phy = parseIwPhy('Wiphy phy0\n\t\t\t* 5260 MHz [52] (20.0 dBm) (radar detection)\n');
  assert.ok(phy);
  checkAllowed('b', phy, { frequencyMhz: 5260, country: 'DE' }, 'DE');
  const error = failure(() => checkAllowed('b', phy, { frequencyMhz: 5260, country: undefined }, 'DE'));
  assert.deepEqual([error.fault, error.code], ['config', 'channel-forbidden']);
  assert.match(error.hint ?? '', /give the country/);
});

test('a program holds the interface that its arguments or its configuration name, and no other', () => {
  const held = (line: string, name = 'wlan0') => {
    const [manager] = parseManagers(line);
    assert.ok(manager, line);
    return holds(manager, name);
  };
  assert.ok(held('1 hostapd -B /etc/ap.conf interfaces=wlan1,wlan0, unmanaged='));
  assert.ok(held('1 wpa_supplicant -iwlan0 -c /etc/w.conf interfaces= unmanaged='));
  assert.ok(held('1 wpa_supplicant -i wlan0 interfaces= unmanaged='));
  assert.ok(held('1 hostapd -t /run/hil/hostapd-wlan0.conf interfaces= unmanaged='));
  assert.ok(!held('1 wpa_supplicant -u -s -O /run/wpa_supplicant interfaces= unmanaged='));
  assert.ok(!held('1 wpa_supplicant -i wlan01 interfaces= unmanaged='));
  assert.ok(held('1 /usr/sbin/NetworkManager --no-daemon interfaces= unmanaged='));
  assert.ok(!held('1 /usr/sbin/NetworkManager --no-daemon interfaces= unmanaged=eth0,wlan0,'));
});
