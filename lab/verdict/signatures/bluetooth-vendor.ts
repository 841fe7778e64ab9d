/** Drivers of Bluetooth chips: Realtek, Intel, MediaTek, Broadcom, Qualcomm. */
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const RTL = { source: 'drivers/bluetooth/btrtl.c of Linux 4.14 to 6.12' } as const;
const INTEL = { source: 'drivers/bluetooth/btintel.c, btusb.c' } as const;
const MTK = { source: 'drivers/bluetooth/btmtk.c, btmtksdio.c, btmtkuart.c' } as const;
const BCM = { source: 'drivers/bluetooth/btbcm.c, hci_bcm.c' } as const;
const QCA = { source: 'drivers/bluetooth/btqca.c, hci_qca.c, btusb.c, ath3k.c' } as const;
const MISSING = { class: 'fw-missing', blame: 'config', role: 'root' } as const;
const TIMEOUT = { class: 'fw-timeout', blame: 'product', role: 'root' } as const;
const CRASH = { class: 'fw-crash', blame: 'product', role: 'root' } as const;
const NOISE = { class: 'benign', blame: 'benign', role: 'benign', next: 'Nothing to do' } as const;

const RESET = 'One cold power cycle; then newer firmware; btmon -w trace.snoop';
const ERRNO = '-(?<errno>\\d{1,3})';
const FILE = '(?<file>[\\w./-]{3,80})';
/** The file is there, but its device went away or did not answer. */
const NOT_THE_FILE = {
  group: 'errno',
  is: ['110', '19', '71', '5', '32', '108'],
  means: {
    class: 'fw-timeout',
    blame: 'product',
    meaning: 'The Bluetooth controller does not take its firmware',
    next: RESET,
  },
} as const;

export const bluetoothVendor: readonly Signature[] = [
  {
    ...MISSING,
    ...RTL,
    id: 'btrtl/firmware',
    literals: ['RTL: firmware file ', 'rtl: firmware file ', 'Failed to load rtl_bt/'],
    pattern:
      /(?<device>hci\d{1,2}): (?:(?:RTL|rtl): firmware file (?<file>[\w./-]{3,80}) not found|Failed to load rtl_bt\/)/,
    meaning: 'The firmware of the Realtek Bluetooth controller is not installed',
    next: 'apt install firmware-realtek (Debian 12) or copy the named file below /lib/firmware, then load btusb again',
  },
  {
    ...MISSING,
    ...RTL,
    id: 'btrtl/config',
    literals: ['mandatory config file ', 'Necessary config file '],
    pattern:
      /(?:(?<device>hci\d{1,2}): )?(?:(?:RTL|rtl): )?(?:mandatory|Necessary) config file (?<file>[\w./-]{3,80}) not found/,
    meaning: 'A file of settings that the Realtek Bluetooth controller needs is not installed',
    next: 'apt install firmware-realtek, or copy the named file below /lib/firmware/rtl_bt',
  },
  {
    ...MISSING,
    ...RTL,
    id: 'btrtl/patch',
    ...line(
      ["didn't find patch for chip id ", 'firmware is too small', 'extension section signature mismatch'],
      {
        driver: 'Bluetooth:',
        before: '(?:RTL|rtl): ',
      },
    ),
    meaning: 'The installed firmware is not for this chip',
    next: 'Newer firmware-realtek; sha256sum /lib/firmware/rtl_bt/*',
  },
  {
    ...TIMEOUT,
    ...RTL,
    id: 'btrtl/download',
    ...line('download fw command failed (', { driver: 'Bluetooth:', before: '(?:RTL|rtl): ', after: ERRNO }),
    meaning: 'The Realtek Bluetooth controller does not take its firmware',
    next: RESET,
  },
  {
    ...TIMEOUT,
    ...RTL,
    id: 'btrtl/read',
    ...line(
      [
        'Read reg16 failed (',
        'HCI_OP_READ_LOCAL_VERSION failed (',
        'Read ROM version failed (',
        'HCI reset during shutdown failed',
      ],
      { driver: 'Bluetooth:', before: '(?:(?:RTL|rtl): )?', after: `(?:${ERRNO})?` },
    ),
    meaning: 'The Realtek Bluetooth controller does not say what it is',
    next: RESET,
  },
  {
    ...NOISE,
    ...RTL,
    id: 'btrtl/noise',
    ...line([
      'assuming no firmware upload needed',
      'unknown IC info, lmp subver ',
      'rom_version status=0 version=',
    ]),
    meaning: 'The Realtek driver goes on without firmware of its own',
  },
  {
    ...MISSING,
    ...INTEL,
    id: 'btintel/firmware',
    ...line('Failed to load Intel firmware file ', {
      driver: 'Bluetooth:',
      after: `(?:${FILE} )?\\(${ERRNO}\\)`,
    }),
    meaning: 'The firmware of the Intel Bluetooth controller is not installed',
    next: 'apt install firmware-iwlwifi, or copy the named file below /lib/firmware/intel',
    when: [NOT_THE_FILE],
  },
  {
    ...TIMEOUT,
    ...INTEL,
    id: 'btintel/download',
    ...line(
      [
        'Failed to send firmware data (',
        'Failed to send firmware header (',
        'Failed to send firmware signature (',
        'Failed to send firmware public key (',
        'Firmware loading timeout',
        'Firmware loading failed',
        'FW download error recovery failed (',
        'Device boot timeout',
        'Device boot interrupted',
      ],
      { driver: 'Bluetooth:', after: `(?:${ERRNO})?` },
    ),
    meaning: 'The Intel Bluetooth controller does not take or start its firmware',
    next: RESET,
  },
  {
    ...TIMEOUT,
    ...INTEL,
    id: 'btintel/version',
    ...line(
      [
        'Reading Intel version command failed (',
        'Reading Intel version information failed (',
        'Intel Read version failed (',
        'Intel boot parameters command failed (',
        'Intel Secure Send failed (',
        'sending Intel patch command (',
      ],
      { driver: 'Bluetooth:', after: `(?:${ERRNO})?` },
    ),
    meaning: 'The Intel Bluetooth controller does not answer its driver',
    next: RESET,
  },
  {
    ...TIMEOUT,
    ...INTEL,
    class: 'no-driver',
    id: 'btusb/variant',
    ...line(
      [
        'Unsupported Intel hardware variant (',
        'Unsupported Intel hw variant (',
        'Unsupported hardware variant (',
      ],
      { driver: 'Bluetooth:' },
    ),
    meaning: 'The driver does not know this Bluetooth controller',
    next: 'A newer kernel',
  },
  {
    ...MISSING,
    ...MTK,
    id: 'btmtk/firmware',
    ...line('Failed to load firmware file (', { driver: 'Bluetooth:', after: ERRNO }),
    meaning: 'The firmware of the MediaTek Bluetooth controller is not installed',
    next: 'apt install firmware-misc-nonfree; ls /lib/firmware/mediatek; which file does modinfo btusb or btmtk name?',
    when: [NOT_THE_FILE],
  },
  {
    ...TIMEOUT,
    ...MTK,
    id: 'btmtk/command',
    ...line(
      [
        'Execution of wmt command timed out',
        'Failed to send wmt patch dwnld (',
        'Failed to send wmt func ctrl (',
        'Failed to send wmt rst (',
        'Failed wmt func ctrl (',
        'Failed to set up firmware (',
        'Failed to get device id (',
        'Failed to get fw version (',
        'Failed to get chip id (',
      ],
      { driver: 'Bluetooth:', after: `(?:${ERRNO})?` },
    ),
    meaning: 'The MediaTek Bluetooth controller does not answer its driver',
    next: RESET,
  },
  {
    ...CRASH,
    ...MTK,
    id: 'btmtk/coredump',
    ...line(['Mediatek coredump end', 'Subsys reset fail'], { driver: 'Bluetooth:' }),
    meaning: 'The firmware of the MediaTek Bluetooth controller crashes',
    next: 'cat /sys/class/devcoredump/*/data > dump; newer firmware',
  },
  {
    ...MISSING,
    ...BCM,
    role: 'hint',
    id: 'btbcm/firmware',
    ...line(['firmware Patch file not found, tried:'], { driver: 'Bluetooth:', before: 'BCM: ' }),
    meaning: 'No patch of the Broadcom Bluetooth firmware is installed, and the one in the chip does not do',
    next: 'Copy one of the named .hcd files below /lib/firmware/brcm',
    confirmedBy: ['btbcm/command', 'bluetooth/command-timeout', 'bluetooth/hardware-error'],
  },
  {
    ...TIMEOUT,
    ...BCM,
    id: 'btbcm/command',
    ...line(
      [
        'failed to write update baudrate (',
        'failed to write clock (',
        'Reset failed (',
        'Reading local version info failed (',
        'Read verbose config info failed (',
        'Read controller features failed (',
        'Reading local name failed (',
        'Download Minidrv command failed (',
        'Patch command ',
        'Read USB product info failed (',
      ],
      { driver: 'Bluetooth:', before: 'BCM: ', after: `(?:[0-9a-f]{4} failed \\()?${ERRNO}\\)` },
    ),
    meaning: 'The Broadcom Bluetooth controller does not answer its driver',
    next: `${RESET}; on a UART: its speed, flow control and the shutdown GPIO`,
  },
  {
    ...MISSING,
    ...QCA,
    id: 'btqca/file',
    ...line(
      ['Failed to request file: ', 'failed to request rampatch file: ', 'failed to request NVM file: '],
      {
        driver: 'Bluetooth:',
        before: '(?:QCA )?',
        after: `${FILE} \\(${ERRNO}\\)`,
      },
    ),
    meaning: 'The firmware of the Qualcomm Bluetooth controller is not installed',
    next: 'apt install firmware-atheros, or copy the named file below /lib/firmware/qca',
    when: [NOT_THE_FILE],
  },
  {
    ...MISSING,
    ...QCA,
    id: 'ath3k/file',
    literals: ['Patch file not found ar3k/', 'Configuration file not found ar3k/'],
    pattern: /not found (?<file>ar3k\/[\w.-]{3,60})/,
    meaning: 'The firmware of the Atheros Bluetooth controller is not installed',
    next: 'apt install firmware-atheros',
  },
  {
    ...TIMEOUT,
    ...QCA,
    id: 'btqca/command',
    ...line(
      [
        'Failed to send TLV segment (',
        'Failed to send edl command (',
        'Reading QCA version information failed (',
        'QCA Failed to request version (',
        'QCA Failed to download patch (',
        'QCA Failed to download NVM (',
        'Reset of QCA failed (',
        'Failed to get version ',
      ],
      { driver: 'Bluetooth:', before: '(?:QCA )?', after: `\\(?${ERRNO}\\)` },
    ),
    meaning: 'The Qualcomm Bluetooth controller does not answer its driver',
    next: `${RESET}; supplies and enable GPIO of the chip`,
  },
  {
    ...CRASH,
    ...QCA,
    id: 'btqca/memdump',
    ...line(
      [
        'QCA collecting dump of size:',
        'Injecting HCI hardware error event',
        'crash the soc to collect controller dump',
      ],
      {
        driver: 'Bluetooth:',
      },
    ),
    meaning: 'The firmware of the Qualcomm Bluetooth controller crashes',
    next: 'cat /sys/class/devcoredump/*/data > dump; newer firmware',
  },
];
