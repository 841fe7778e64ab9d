/** Loading of firmware by the core: nothing by itself, for drivers ask for several names; what follows decides. */
import type { Signature } from './signature.ts';

const HINT = {
  class: 'fw-missing',
  blame: 'config',
  role: 'hint',
  meaning: 'A firmware file is not found, and the device that asked for it does not come up',
  next: 'Look for the file below /lib/firmware, in the initramfs too where the driver is built in, and for the package it is of',
} satisfies Partial<Signature>;

const NOISE = {
  class: 'benign',
  blame: 'benign',
  role: 'benign',
  next: 'Nothing to do',
} satisfies Partial<Signature>;

/** Files that drivers do without, as named below /lib/firmware. */
const OPTIONAL = [
  'cypress/[^\\s]{1,80}\\.(?:txt|clm_blob|txcap_blob)',
  'regulatory\\.db(?:\\.p7s)?',
  'iwl-dbg-cfg\\.ini',
  'iwlwifi-[\\w-]{1,40}\\.pnvm',
  'ath1[012]k/(?:[\\w.-]{1,40}/){0,3}(?:pre-)?cal-[^\\s]{1,60}',
  'ath10k/(?:[\\w.-]{1,40}/){0,3}(?:firmware-(?:sdio-|usb-)?[6-9]\\.bin|board-(?:2|sdio|pci|usb)[\\w.:-]{0,60})',
  'ath10k/(?:[\\w.-]{1,40}/){0,3}board-[^\\s]{1,80}',
  'ath1[12]k/(?:[\\w.-]{1,40}/){0,3}(?:firmware-2\\.bin|board-2\\.bin|regdb\\.bin)',
  'rtw8[89]/[^\\s]{0,60}_wow[^\\s]{0,20}',
  'intel/ibt-[^\\s]{1,60}\\.(?:ddc|bseq)',
  'mrvl/(?:[\\w.-]{1,40}/)?(?:wlan_cal|cal_data|rgpower)[^\\s]{0,40}',
  'rtl_nic/[^\\s]{1,60}',
  '(?:i915|xe|amdgpu|radeon|nvidia|sof|intel/dsp|intel/sof|amd-ucode|intel-ucode|edid|dvb|cs42l\\d\\d|ti/audio|rtl_bt/\\w{1,20}_config)[^\\s]{0,80}',
].join('|');

export const firmware: readonly Signature[] = [
  {
    ...NOISE,
    id: 'firmware/optional',
    literals: ['Direct firmware load for ', 'firmware: failed to load '],
    pattern: new RegExp(`(?:firmware load for|failed to load) (?<file>${OPTIONAL})(?: failed with| \\()`),
    meaning: 'A firmware file that the driver does without is not there',
    source: 'drivers/base/firmware_loader/main.c',
  },
  {
    ...HINT,
    id: 'firmware/iwlwifi-version',
    literals: ['Direct firmware load for iwlwifi-', 'firmware: failed to load iwlwifi-'],
    // Names no device: tried versions say nothing of a failure of the card at another time.
    pattern: /(?:for|load) (?<file>iwlwifi-[\w-]{1,60}\.ucode) (?:failed with error -|\(-)(?<errno>\d+)/,
    confirmedBy: ['iwlwifi/no-firmware'],
    source: 'drivers/base/firmware_loader/main.c',
  },
  {
    ...HINT,
    id: 'firmware/not-found',
    literals: ['Direct firmware load for '],
    pattern:
      /(?<!\S)(?<device>\S{1,60}): Direct firmware load for (?<file>\S{1,160}) failed with error -(?<errno>\d+)/,
    confirmedBy: ['firmware/give-up'],
    source: 'drivers/base/firmware_loader/main.c',
  },
  {
    ...HINT,
    id: 'firmware/not-found-debian',
    literals: ['firmware: failed to load '],
    pattern: /(?<!\S)(?<device>\S{1,60}): firmware: failed to load (?<file>\S{1,160}) \(-(?<errno>\d+)\)/,
    confirmedBy: ['firmware/give-up'],
    source: "Debian's drivers/base/firmware_loader/main.c",
  },
  {
    id: 'firmware/give-up',
    // Short ones: drivers say it better where they have words of their own.
    literals: ['request_firmware', 'request firmware', 'load firmware'],
    pattern:
      /(?<!\S)(?<device>\S{1,60}): (?:\w{1,40}: )?(?:request_firmware(?:\(\))? failed|[Ff]ailed to (?:request|load) firmware)/,
    class: 'fw-missing',
    blame: 'config',
    role: 'symptom',
    meaning: 'A driver gets no firmware for its device and gives up',
    next: 'Look for the file below /lib/firmware, and for the package it is of',
    source: 'drivers',
  },
  {
    id: 'firmware/broken-archive',
    literals: ['xz decompression failed (xz_ret='],
    pattern: null,
    class: 'fw-missing',
    blame: 'config',
    role: 'root',
    meaning: 'A compressed firmware file is broken',
    next: 'Install the package of the firmware again; compare checksums',
    source: 'drivers/base/firmware_loader/main.c',
  },
  {
    ...NOISE,
    id: 'firmware/fallback',
    literals: [
      'Falling back to sysfs fallback for: ',
      'Falling back to user helper',
      'See https://wiki.debian.org/Firmware',
      'firmware: direct-loading firmware ',
    ],
    pattern: null,
    meaning: 'The kernel tells how it looks for firmware',
    source: 'drivers/base/firmware_loader',
  },
];
