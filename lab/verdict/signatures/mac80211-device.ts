/** What mac80211 and cfg80211 say of a device: restarts, keys, regulatory data, rfkill. */
import type { Signature } from './signature.ts';

const PRINTED = 'net/mac80211/mlme.c';

const NOISE = {
  pattern: null,
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
} satisfies Partial<Signature>;

export const mac80211Device: readonly Signature[] = [
  {
    id: 'mac80211/hardware-restart',
    literals: ['Hardware restart was requested'],
    pattern: /(?<device>phy\d{1,3}): Hardware restart was requested/,
    class: 'fw-crash',
    blame: 'product',
    role: 'symptom',
    meaning: 'The driver starts the device anew after a failure',
    next: 'Look in the 50 lines before it for the failure of the driver or its firmware',
    source: 'net/mac80211/main.c',
  },
  {
    id: 'mac80211/hardware-unavailable',
    literals: ['Hardware became unavailable upon resume', 'Hardware became unavailable during restart'],
    pattern: null,
    class: 'fw-timeout',
    blame: 'product',
    role: 'symptom',
    meaning: 'The device can not be started again after sleep or a restart',
    next: 'Read the lines of the driver before it; power-cycle the device',
    source: 'net/mac80211/util.c',
  },
  {
    id: 'mac80211/key',
    literals: [': failed to remove key (', ': failed to set key ('],
    pattern:
      /(?<![\w.-])(?<device>[\w.-]{1,20}): failed to (?:remove|set) key \([^)\n]{1,40}\) (?:from|to) hardware \(-(?<errno>\d+)\)/,
    class: 'fw-crash',
    blame: 'product',
    role: 'consequence',
    meaning: 'The device does not take a command about keys',
    next: 'Look before it for the failure of the device',
    when: [
      { group: 'errno', is: ['95', '1', '524'], means: { role: 'benign' } },
      { group: 'errno', is: ['110', '11', '16'], means: { class: 'fw-timeout' } },
      { group: 'errno', is: ['19'], means: { class: 'usb-disconnect' } },
    ],
    source: 'net/mac80211/key.c',
  },
  {
    id: 'mac80211/regulatory-broken',
    literals: ['regulatory.db is malformed or signature is missing/invalid'],
    pattern: null,
    class: 'regulatory',
    blame: 'config',
    role: 'symptom',
    meaning: 'The regulatory database is not one that the kernel trusts, so only the world domain is left',
    next: 'Install the wireless-regdb that belongs to the kernel, then iw reg get',
    source: 'net/wireless/reg.c',
  },
  {
    id: 'mac80211/rfkill',
    literals: ['Operation not possible due to RF-kill'],
    pattern: null,
    class: 'rfkill',
    blame: 'config',
    role: 'root',
    meaning: 'The radio is switched off',
    next: 'rfkill list; rfkill unblock all; a hard block is a switch or a pin of the card',
    source: 'errno 132 (ERFKILL) as programs print it',
  },
  {
    ...NOISE,
    id: 'mac80211/regulatory-absent',
    literals: [
      'failed to load regulatory.db',
      'Loading compiled-in X.509 certificates for regulatory database',
      'Problem loading in-kernel X.509 certificate',
    ],
    meaning: 'There is no regulatory database, so the world domain counts',
    next: 'Install wireless-regdb where the test needs more channels',
    source: 'net/wireless/reg.c',
  },
  {
    ...NOISE,
    id: 'mac80211/capabilities',
    literals: [
      'AP has invalid WMM params',
      'not supported, disabling VHT',
      'bad VHT capabilities, disabling VHT',
      'capabilities/VHT',
      'CSA/ECSA action frame with',
      'Wrong control channel: ',
    ],
    meaning: 'The access point announces something odd, and the station does without it',
    source: PRINTED,
  },
];
