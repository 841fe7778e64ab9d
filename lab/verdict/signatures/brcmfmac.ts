/** Broadcom brcmfmac. What it says of SDIO: brcmfmac-sdio.ts. */
import { COLD, kinds } from './kinds.ts';
import { line } from './line.ts';
import type { Signature } from './signature.ts';

const { BENIGN, CRASH, MISSING, PROBE, TIMEOUT } = kinds('brcmfmac of Linux 6.1 and 6.12');

const HOST =
  'cat /sys/kernel/debug/mmc*/ios; lower the clock (max-frequency), check supply and the 32 kHz clock';
const LINK = 'lspci -vvv (LnkSta, AER, power state); try pcie_aspm=off';
const PORT =
  "Try another port, cable and a powered hub; the host's log says whether the adapter left the bus";
const FILES = 'apt install firmware-brcm80211; ls /lib/firmware/brcm';

export const brcmfmac: readonly Signature[] = [
  {
    ...CRASH,
    id: 'brcmfmac/halted',
    ...line('Firmware has halted or crashed'),
    meaning: 'The firmware crashes',
    next: 'echo 1 > /sys/kernel/debug/ieee80211/phy*/reset; cat .../console_interval; note the firmware version',
  },
  {
    ...CRASH,
    id: 'brcmfmac/trap-info',
    ...line('dongle trap info: type 0x', { after: '(?<reason>[0-9a-f]{1,8})' }),
    meaning: 'The firmware stops at a trap',
    next: 'Note pc and lr of the line: they name the place in the firmware',
  },
  {
    ...CRASH,
    id: 'brcmfmac/trap',
    literals: ['firmware trap in dongle', 'assertion in dongle'],
    pattern: null,
    meaning: 'The firmware stops at a trap or an assertion',
    next: 'Read /sys/kernel/debug/brcmfmac/*/forensics',
  },
  {
    ...CRASH,
    id: 'brcmfmac/reported',
    ...line('Firmware reported ', {
      before: 'brcmf_\\w{4,50}: ',
      after: '(?:general|ring \\d{1,3}) error: (?<reason>-?\\d{1,5})',
    }),
    meaning: 'The firmware reports an error',
    next: 'Note the firmware version; look at its console',
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/resumed',
    ...line(': resumed on timeout', { before: '(?<reason>brcmf_\\w{4,40})' }),
    meaning: 'The firmware does not answer a command',
    next: HOST,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/query',
    ...line('Timeout on response for query command'),
    meaning: 'The firmware does not answer a command',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/txctl',
    ...line('xctl wait timed out', { before: '(?:T|r)' }),
    meaning: 'The firmware does not answer a command over USB',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/txstatus',
    class: 'tx-stall',
    role: 'symptom',
    ...line('timed out waiting for txstatus'),
    meaning: 'The firmware does not report what became of sent packets',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/d3',
    ...line('Timeout on response for entering D3 substate'),
    meaning: 'The firmware does not confirm that it sleeps',
    next: LINK,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/init',
    ...line('FW failed to initialize', { before: 'brcmf_\\w{4,40}: ' }),
    meaning: 'The firmware was loaded and does not start',
    next: COLD,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/ht-avail',
    ...line('HT Avail timeout (', { after: '\\d{1,8}\\)' }),
    meaning: 'The clock of the chip does not start',
    next: HOST,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/alp',
    ...line('timeout on ALPAV wait, clkval 0x'),
    meaning: 'The clock of the chip does not start',
    next: HOST,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/eapol',
    class: 'tx-stall',
    role: 'symptom',
    ...line('Timed out waiting for no pending 802.1x packets'),
    meaning: 'Frames of the key handshake are not sent',
    next: 'Look for lines of the firmware before it',
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/usb-ready',
    literals: ['Cannot talk to Dongle. Firmware is not UP', 'Dongle not runnable'],
    pattern: null,
    meaning: 'The firmware was loaded over USB and does not start',
    next: PORT,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/download',
    role: 'symptom',
    ...line('dongle ', { before: 'brcmf_\\w{4,40}: ', after: '(?:image|nvram) file download failed' }),
    meaning: 'The firmware could not be written to the chip',
    next: HOST,
  },
  {
    ...TIMEOUT,
    id: 'brcmfmac/corrupted',
    class: 'sdio-error',
    ...line('Downloaded RAM image is corrupted'),
    meaning: 'The firmware was damaged on its way to the chip',
    next: HOST,
  },
  {
    ...PROBE,
    id: 'brcmfmac/ram-size',
    role: 'root',
    ...line('RAM size is undetermined'),
    meaning: 'The chip answers with nonsense while it is recognised',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'brcmfmac/probe-attach',
    ...line('brcmf_sdio_probe_attach failed'),
    meaning: 'The chip could not be recognised',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'brcmfmac/chip-attach',
    ...line('brcmf_chip_attach failed!'),
    meaning: 'The chip could not be recognised',
    next: COLD,
  },
  {
    ...PROBE,
    id: 'brcmfmac/f2',
    ...line('F2 error, probe failed -', { after: '(?<errno>\\d{1,3})' }),
    meaning: 'The second function of the chip can not be used',
    next: HOST,
  },
  {
    ...PROBE,
    id: 'brcmfmac/attach',
    ...line('brcmf_attach failed', { before: 'brcmf_\\w{4,40}: ' }),
    meaning: 'The driver could not be set up',
    next: 'The lines before it name the step',
  },
  {
    ...PROBE,
    id: 'brcmfmac/bus-ready',
    literals: ['failed bus is not ready', 'failed to bring up cfg80211', 'dongle is not responding: err='],
    pattern:
      /brcmf_\w{4,30}: (?:failed bus is not ready|failed to bring up cfg80211|dongle is not responding: err=-(?<errno>\d{1,3}))/,
    meaning: 'The firmware could not be set up',
    next: 'The lines before it name the step',
  },
  {
    ...MISSING,
    id: 'brcmfmac/request-failed',
    ...line('firmware request failed: -', {
      before: 'brcmf_\\w{4,30}: (?:async )?',
      after: '(?<errno>\\d{1,3})',
    }),
    meaning: 'The firmware file could not be read',
    next: FILES,
  },
  {
    ...MISSING,
    id: 'brcmfmac/usb-no-firmware',
    ...line('No firmware!', { before: 'brcmf_usb_\\w{4,30}: ' }),
    meaning: 'The firmware file could not be read',
    next: FILES,
  },
  {
    ...BENIGN,
    id: 'brcmfmac/chanspec',
    ...line(': set chanspec 0x', { after: '[0-9a-f]{1,4} fail, reason -52' }),
    meaning: 'The firmware does not use a channel that the driver tries',
  },
  {
    ...BENIGN,
    id: 'brcmfmac/clm',
    literals: ['no clm_blob available', 'no txcap_blob available'],
    pattern: null,
    meaning: 'The board uses the regulatory table inside its firmware',
  },
  {
    ...BENIGN,
    id: 'brcmfmac/fallback',
    literals: ['Direct firmware load for brcm/brcmfmac', 'firmware: failed to load brcm/brcmfmac'],
    pattern:
      /brcm\/brcmfmac[\w-]{3,40}\.[\w.,-]{0,80}(?:txt|clm_blob|txcap_blob)|brcm\/brcmfmac[\w-]{3,40}\.[\w-]{1,30},[\w.,-]{1,60}bin/,
    meaning: 'The driver asks for a file of this board before the general one',
  },
];
